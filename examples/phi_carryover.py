"""How much one defect of the reference changes an oscillation image that starts at phi = 0."""

import numpy as np

import nbcy

config = nbcy.Config(
    crystal=nbcy.Crystal(
        cell_angstrom_deg=(60, 70, 80, 90, 90, 90), misset_deg=(3, 4, 5), cells=12, default_F=100
    ),
    detector=nbcy.Detector(distance_mm=150, pixel_mm=0.5, pixels_fast=200, pixels_slow=200),
    spindle=nbcy.Spindle(phi_deg=0, osc_deg=0.5, steps=5),
    sampling=nbcy.Sampling(oversample=1),
)
right = nbcy.Simulator(config).run().pixels.astype(float)
reference = nbcy.Simulator(config, quirks={"phi_carryover"}).run().pixels.astype(float)

change = np.abs(reference - right).sum() / right.sum()
print(f"phi_carryover moves {change:.1%} of the photons")
assert change > 0
