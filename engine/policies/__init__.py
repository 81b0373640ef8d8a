"""Retouching policies behind one contract (`engine.policies.base`)."""
