"""Weights: the shipped ones, whether they are there and undamaged (`catalogue`), and a person's own (`own`).

Nothing is imported here, see `engine.faces`.
"""
