"""Noisy images of one crystal in many orientations, reproducible from a seed."""

import warnings

import numpy as np

import nbcy
from nbcy.orientations import random_orientations

config = nbcy.Config(
    crystal=nbcy.Crystal(cell_angstrom_deg=(60, 70, 80, 90, 90, 90), cells=15, default_F=80),
    beam=nbcy.Beam(wavelength_angstrom=1.0, fluence_photons_per_m2=1e27),
    detector=nbcy.Detector(distance_mm=120, pixel_mm=0.6, pixels_fast=128, pixels_slow=128),
    sampling=nbcy.Sampling(oversample=1),
)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", nbcy.NbcyWarning)  # coarse sampling is fine here
    simulator = nbcy.Simulator(config)

# random_orientations needs scipy: pip install nbcy[orientations]
shots = simulator.run_many(random_orientations(4, seed=1))
stack = np.stack([image.with_noise(seed=i).pixels for i, image in enumerate(shots, 1)])
np.save("training_images.npy", stack)
print("images:", stack.shape, "photons in each:", stack.sum(axis=(1, 2)))
