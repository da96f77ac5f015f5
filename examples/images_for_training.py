"""Noisy images of one crystal in many orientations, reproducible from a seed."""

import warnings

import numpy as np

import nbcy

base = nbcy.Config(
    crystal=nbcy.Crystal(cell_angstrom_deg=(60, 70, 80, 90, 90, 90), cells=15, default_F=80),
    beam=nbcy.Beam(wavelength_angstrom=1.0, fluence_photons_per_m2=1e27),
    detector=nbcy.Detector(distance_mm=120, pixel_mm=0.6, pixels_fast=128, pixels_slow=128),
    sampling=nbcy.Sampling(oversample=1),
)

counts = []
for seed in range(1, 5):
    turned = base.with_overrides({"crystal.misset_random": True, "crystal.misset_seed": seed})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", nbcy.NbcyWarning)  # coarse sampling is fine here
        image = nbcy.Simulator(turned).run()
    counts.append(image.with_noise(seed=seed).pixels)

stack = np.stack(counts)
np.save("training_images.npy", stack)
print("images:", stack.shape, "photons in each:", stack.sum(axis=(1, 2)))
