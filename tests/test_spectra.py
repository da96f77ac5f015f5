"""Spectra, and structure factors that differ from one wavelength to another (physics 5.3, 7.7)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nbcy.base.constants import EV_ANGSTROM
from nbcy.base.errors import ConfigError, FileError
from nbcy.config import Beam, Config
from nbcy.inputs.spectrum import read_spectrum
from nbcy.render.simulator import Simulator

pytestmark = pytest.mark.filterwarnings("ignore::nbcy.base.errors.NbcyWarning")

PEPTIDE = Path(__file__).parent / "data" / "structures" / "5e5z.pdb"
SCENE = {
    "crystal.cell_angstrom_deg": (60, 70, 80),
    "crystal.misset_deg": (10, 20, 30),
    "crystal.cells": 7,
    "crystal.default_F": 100,
    "detector.pixels_fast": 24,
    "detector.pixels_slow": 20,
    "detector.pixel_mm": 1,
    "beam.fluence_photons_per_m2": 1e26,
    "sampling.oversample": 1,
}
CHANNELS = [(1.0, 2.0), (1.01, 0.0), (1.02, 5.0), (0.97, 3.0)]


def simulator(values) -> Simulator:
    return Simulator(Config().with_overrides({**SCENE, **values}))


def pixels_of(values):
    return simulator(values).run(dtype="float64").pixels


def sum_of_channels(values, channels):
    images = [w * pixels_of({**values, "beam.wavelength_angstrom": x}) for x, w in channels if w]
    return np.sum(images, axis=0) / sum(weight for _, weight in channels)


def test_image_is_the_weighted_sum_of_its_channels():
    image = pixels_of({"beam.spectrum": CHANNELS})
    np.testing.assert_allclose(image, sum_of_channels({}, CHANNELS), rtol=1e-9)
    again = pixels_of({"beam.spectrum": [(x, 3 * w) for x, w in CHANNELS[::-1]]})
    np.testing.assert_allclose(image, again, rtol=1e-9)


ANOMALOUS = {
    "crystal.cell_angstrom_deg": None,
    "crystal.default_F": 0.0,
    "crystal.structure_file": str(PEPTIDE),
    "crystal.anomalous": True,
    "sampling.dmin_angstrom": 2.0,
    "sampling.interpolate": False,
    "crystal.cells": 5,
    "background.water_um": 0.02,
}


def test_anomalous_channels_have_structure_factors_of_their_own():
    channels = [(1.0, 2.0), (2.5, 5.0), (4.0, 3.0)]
    values = {**ANOMALOUS, "beam.spectrum": channels}
    sim = simulator(values)
    image = sim.run(dtype="float64").pixels
    expected = sum_of_channels(ANOMALOUS, channels)
    np.testing.assert_allclose(image, expected, rtol=1e-9)
    # what one f' and f'' for all would make is something else
    plain = pixels_of({**values, "crystal.anomalous": False})
    assert abs(plain / image - 1.0).max() > 1e-3
    boxes = sim.run(pixels=[(0, 3, 9, 2, 7)])
    assert (boxes.box(0) == sim.run().pixels[3:9, 2:7]).all()
    listed = sim.run(pixels=[(0, 5, 6), (0, 1, 2)])
    assert listed.values.tolist() == [sim.run().pixels[5, 6], sim.run().pixels[1, 2]]
    slow, fast = divmod(int(image.argmax()), image.shape[1])
    trace = sim.trace(slow, fast)
    assert trace["I_pixel_final"] == pytest.approx(image[slow, fast], rel=1e-12)
    water = trace["background_photons"]
    assert trace.chain_product() + water == pytest.approx(image[slow, fast], rel=1e-12)
    assert len(np.unique(trace.steps.arrays["F_cell"])) == 3


def test_divergent_beams_have_every_channel():
    divergent = {"beam.hdiv_mrad": 2, "beam.hdiv_steps": 2, "beam.divergence": "square"}
    channels = [(1.0, 2.0), (2.5, 5.0)]
    values = {**ANOMALOUS, **divergent}
    image = pixels_of({**values, "beam.spectrum": channels})
    np.testing.assert_allclose(image, sum_of_channels(values, channels), rtol=1e-9)
    assert len(simulator({**values, "beam.spectrum": channels}).scene.wavelengths) == 4


def test_many_spectra():
    spectra = [CHANNELS, CHANNELS[:1], CHANNELS[2:]]
    sim = simulator({})
    for image, spectrum in zip(sim.run_many({"beam.spectrum": spectra}), spectra, strict=True):
        assert (image.pixels == simulator({"beam.spectrum": spectrum}).run().pixels).all()
    for image, spectrum in zip(
        simulator({**ANOMALOUS, "beam.spectrum": CHANNELS}).run_many({"beam.spectrum": spectra}),
        spectra,
        strict=True,
    ):
        expected = simulator({**ANOMALOUS, "beam.spectrum": spectrum}).run()
        assert (image.pixels == expected.pixels).all()


def test_thousands_of_channels():
    x = np.linspace(0.99, 1.01, 3000)
    scene = simulator({"beam.spectrum": np.stack([x, np.exp(-((x - 1) ** 2) / 1e-5)], 1)}).scene
    assert len(scene.wavelengths) == 3000
    assert scene.weights.sum() == pytest.approx(1.0, rel=1e-12)
    assert scene.illumination.wavelength == pytest.approx(1e-10, rel=1e-9)


def test_wavelengths_and_energies():
    beam = Beam(spectrum=[("12.4 keV", 1), ("1 nm", 2), (1.5, 3)])
    assert beam.spectrum == ((EV_ANGSTROM / 12400.0, 1.0), (10.0, 2.0), (1.5, 3.0))
    assert Config(beam=beam).with_overrides({}).beam == beam
    assert beam.replace(spectrum_file="a.lam").spectrum is None


def test_files(tmp_path):
    lam, other = tmp_path / "a.lam", tmp_path / "a.txt"
    lam.write_text("# wavelength, weight\n1.0,2\n1.02, 5\n\n0.97 3\n")
    energies = "".join(f"{EV_ANGSTROM / x!r} {w}\n" for x, w in CHANNELS)
    other.write_text(energies)
    np.testing.assert_allclose(read_spectrum(lam)[:, 0], [1.0, 1.02, 0.97])
    first = simulator({"beam.spectrum_file": str(lam)}).run().pixels
    assert (first == simulator({"beam.spectrum": CHANNELS}).run().pixels).all()
    np.testing.assert_allclose(
        first, simulator({"beam.spectrum_file": str(other)}).run().pixels, rtol=1e-6
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no photons"),
        ("1 0\n", "holds no photons"),
        ("1 2\n1\n", "2: 1 columns"),
        ("1 -2\n", "negative"),
        ("0 2\n", "negative"),
        ("1 x\n", "wavelength"),
    ],
)
def test_bad_files(tmp_path, text, message):
    path = tmp_path / "a.lam"
    path.write_text(text)
    with pytest.raises(FileError, match=message):
        read_spectrum(path)


@pytest.mark.parametrize(
    ("spectrum", "message"),
    [
        ([], "weight"),
        ([1.0], "pairs"),
        ([(1.0,)], "pairs"),
        ([(0.0, 1.0)], "greater than 0"),
        ([(1.0, -1.0)], "greater than or equal to 0"),
        ([(1.0, 0.0)], "weight"),
        ([("1 kg", 1.0)], "wavelength or an energy"),
    ],
)
def test_what_cannot_be(spectrum, message):
    with pytest.raises(ConfigError, match=message):
        Beam(spectrum=spectrum)


def test_one_kind_of_spectrum():
    with pytest.raises(ConfigError, match="must not be given along with"):
        Beam(spectrum=CHANNELS, source_file="a")
