"""The compact policy (shipped, default): see `policy` for the flow, `field` for its latent, `nets` for the networks."""

from engine.policies.compact.policy import CompactPolicy, load_compact

__all__ = ["CompactPolicy", "load_compact"]
