"""Policy optimisation from a reward: groups of samples per face, advantages, pure losses, one loop.

config → faces → rollout → advantages → losses, carried by `loop`; `guards` stop it, `proof` judges what came out.
"""
