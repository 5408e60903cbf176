"""Boltzmann machines and other energies."""
