"""Shipped weights: what belongs there, whether it is there, and whether it is undamaged."""

from engine.weights.catalogue import CATALOGUE, WEIGHT_SUFFIXES, ModelFile, catalogue, check, locate, refresh

__all__ = ["CATALOGUE", "WEIGHT_SUFFIXES", "ModelFile", "catalogue", "check", "locate", "refresh"]
