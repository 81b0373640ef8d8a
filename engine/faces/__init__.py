"""Faces: where they are, their landmarks, soft regions and identity."""

from engine.faces.analysis import analyse

__all__ = ["analyse"]
