"""Figures: one function, one figure."""
