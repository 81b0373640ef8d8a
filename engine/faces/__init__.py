"""Faces: where they are, their landmarks, soft regions and identity.

Nothing is imported here: two threads may load different parts at once, and a package that loads its own parts would let
them wait for each other.
"""
