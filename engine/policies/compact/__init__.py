"""The compact policy (shipped, default).

`policy` is the flow, `field` its latent, `nets` the networks, `propose` the layers.
"""
