"""Weights: the shipped ones, whether they are there and undamaged (`catalogue`), and a person's own (`own`)."""

from engine.weights.catalogue import CATALOGUE, WEIGHT_SUFFIXES, ModelFile, catalogue, check, locate, refresh

__all__ = ["CATALOGUE", "WEIGHT_SUFFIXES", "ModelFile", "catalogue", "check", "locate", "refresh"]
