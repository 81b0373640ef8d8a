"""Sampling of flow-matching policies: schedules, pure steps, log-probabilities, one loop. On arrays or tensors."""
