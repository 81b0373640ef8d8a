"""The one table of test tolerances. A test that needs another number adds it here with its reason."""

from __future__ import annotations

LAB_ROUND_TRIP = 0.02
"""ΔE76 after encoded → L*a*b* D50 → encoded in float32, matrix and tone curve profiles."""

RUNTIME_FLOAT = 1e-5
"""Relative difference of a network in ONNX Runtime and in torch, both in float32."""

RUNTIME_LATENT = 1e-3
"""Difference of a sampled latent (unit Gaussian units) between the two runtimes, after 16 steps and an anchor."""

RUNTIME_CODES = 1
"""Greatest difference of a pixel between the two runtimes, in 8-bit codes: rounding."""

RUNTIME_MEAN = 1e-3
"""Mean difference of pixels between the two runtimes, in 8-bit codes."""

IDENTITY_ROUNDED = 0.015
"""Change of the distance of two embeddings when the network's weights are rounded to 8 bits; drift counts from 0.3."""
