"""Faults that the suite must catch, by the room they are planted in."""

from tests.endurance.faults import autoencoders, distributions, energy, evaluation, latent, objectives, sampling

ROOMS = (sampling, energy, objectives, latent, distributions, evaluation, autoencoders)
FAULTS = tuple(fault for room in ROOMS for fault in room.FAULTS)
