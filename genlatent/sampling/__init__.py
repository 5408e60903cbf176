"""Transition kernels, chain drivers and what they draw."""
