"""Supports; priors, likelihoods and posteriors: modules whose call returns a Pyro distribution."""
