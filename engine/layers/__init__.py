"""Retouch layers: bands, how layers are built, rendered and previewed."""
