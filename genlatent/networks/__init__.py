"""Encoders and decoders: multilayer perceptrons and convolutions."""
