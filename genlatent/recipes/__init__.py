"""Recipes and their schema."""
