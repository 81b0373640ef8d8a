"""Sampling of flow-matching policies: schedules, pure steps, log-probabilities, one loop. Imports torch."""
