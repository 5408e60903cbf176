"""Fitting: step, loop, checkpoint, processes."""
