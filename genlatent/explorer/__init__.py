"""The web page that plays with a trained model, served on this machine alone."""
