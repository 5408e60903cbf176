"""Deterministic models: codes without a distribution."""
