"""Latent-variable models: pairs of Pyro programs."""
