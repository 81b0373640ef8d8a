"""Measures of a retouch: texture, tone, marks, and what changed where."""
