"""Draw averages.png: spots of 10, 100 and 1000 domains, and exactly, with their times."""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import numpy as np

import nbcy
from nbcy.formats.png import enlarged

PICTURE = Path(__file__).with_name("averages.png")
ROI = (384, 479, 208, 303)


def spots(average: str, domains: int | None = None) -> tuple[np.ndarray, float]:
    """Return photons of a corner of the detector, and the seconds that they took."""
    simulator = nbcy.Simulator(
        crystal=nbcy.Crystal(
            cell_angstrom_deg=(60, 70, 80),
            misset_deg=(10, 20, 30),
            cells=30,
            shape="gauss",
            default_F=100,
            mosaic_model="gaussian",
            mosaic_spread_deg=1.0,
            mosaic_domains=domains,
        ),
        beam=nbcy.Beam(wavelength_angstrom=1.0, fluence_photons_per_m2=1e24),
        detector=nbcy.Detector(
            distance_mm=60, pixels_fast=512, pixels_slow=512, pixel_mm=0.1, convention="mosflm"
        ),
        sampling=nbcy.Sampling(
            oversample=1,
            average=average,
            roi=ROI,
            cutoff_photons=1e-4 if average == "exact" else None,
        ),
    )
    start = time.perf_counter()
    image = simulator.run()
    seconds = time.perf_counter() - start
    return np.asarray(image)[ROI[2] : ROI[3] + 1, ROI[0] : ROI[1] + 1], seconds


def main() -> None:
    """Draw the picture, and print the times."""
    warnings.simplefilter("ignore", nbcy.NbcyWarning)
    parts = []
    for average, domains in (("sampled", 10), ("sampled", 100), ("sampled", 1000), ("exact", None)):
        photons, seconds = spots(average, domains)
        print(f"{average} {domains or '':>5} {1e3 * seconds:8.1f} ms")
        parts.append(np.pad(photons, 2))
    row = np.concatenate(parts, axis=1)
    levels = 255 * (1 - np.clip(np.log10(1 + 1e3 * row / row.max()) / 3, 0, 1))
    picture = enlarged(levels.astype(np.uint8), 800)
    from PIL import Image

    Image.fromarray(picture).save(PICTURE)


if __name__ == "__main__":
    main()
