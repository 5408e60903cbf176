"""Records with an interval and a verdict."""
