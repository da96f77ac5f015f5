"""A still of a small crystal: configuration, image, statistics, files."""

import nbcy

crystal = nbcy.Crystal(
    cell_angstrom_deg=(78, 78, 38, 90, 90, 90), misset_deg=(10, 20, 30), cells=200, default_F=300
)
beam = nbcy.Beam(energy="12.66 keV", flux_photons_per_s=1e12, exposure="100 ms", size="2 um")
detector = nbcy.Detector(distance="25 cm", pixel_mm=0.4, pixels_fast=512, pixels_slow=512)

image = nbcy.Simulator(crystal=crystal, beam=beam, detector=detector).run()

print(image.statistics())
print("oversampling:", image.scene.choices["sampling.oversample"])
image.save("first_image.png")
image.save("first_image.img")
