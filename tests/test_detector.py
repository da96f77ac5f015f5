"""Axes, origin and distances of the detector (physics 1 and 2)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbcy.base.choices import Ledger
from nbcy.base.errors import ConfigError
from nbcy.base.panel import PlacedPanel
from nbcy.base.vectors import cross, dot, norm, rotate, rotate_xyz, rotation_matrices, unit
from nbcy.config import Config
from nbcy.config.conventions import CONVENTIONS
from nbcy.scene.detector import DetectorPlacement, place_detector
from nbcy.scene.frame import resolve_frame

# Each component goes through some twenty rounded operations on numbers of order 1.
ROUNDING = 20 * np.finfo(float).eps

angles = st.floats(-math.pi, math.pi)
small_angles_deg = st.floats(-25.0, 25.0)
components = st.floats(-1.0, 1.0).map(lambda x: round(x, 6))
vectors = st.tuples(components, components, components).map(np.array)
directions = vectors.filter(lambda v: float(norm(v)) > 1e-3).map(unit)
named = st.sampled_from(["mosflm", "denzo", "adxv", "xds", "dials"])


def place(
    fields: dict[str, object], quirks: frozenset[str] = frozenset()
) -> tuple[PlacedPanel, DetectorPlacement, Ledger]:
    config = Config().with_overrides(fields)
    ledger = Ledger()
    panel, placement = place_detector(config, resolve_frame(config, ledger), quirks, ledger)
    return panel, placement, ledger


# Rotations


@given(v=vectors, w=vectors, axis=directions, angle=angles)
def test_rotation_keeps_lengths_angles_and_handedness(v, w, axis, angle):
    rv, rw = rotate(v, axis, angle), rotate(w, axis, angle)
    assert abs(dot(rv, rw) - dot(v, w)) < 4 * ROUNDING
    np.testing.assert_allclose(cross(rv, rw), rotate(cross(v, w), axis, angle), atol=8 * ROUNDING)
    np.testing.assert_allclose(rotate(axis, axis, angle), axis, atol=ROUNDING)


@given(v=vectors, axis=directions, angle=angles)
def test_matrix_and_vector_rotation_agree(v, axis, angle):
    matrix = rotation_matrices(axis[np.newaxis], np.array([angle]))[0]
    np.testing.assert_allclose(matrix @ v, rotate(v, axis, angle), atol=ROUNDING)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=2 * ROUNDING)
    assert np.linalg.det(matrix) == pytest.approx(1.0, abs=4 * ROUNDING)


@given(v=vectors, x=angles, y=angles, z=angles)
def test_rotate_xyz_is_x_then_y_then_z(v, x, y, z):
    step = rotate(rotate(rotate(v, np.eye(3)[0], x), np.eye(3)[1], y), np.eye(3)[2], z)
    np.testing.assert_allclose(rotate_xyz(v, x, y, z), step, atol=2 * ROUNDING)


def test_quarter_turns_are_right_handed():
    x, y, z = np.eye(3)
    np.testing.assert_allclose(rotate(x, z, math.pi / 2), y, atol=ROUNDING)
    np.testing.assert_allclose(rotate_xyz(y, math.pi / 2, 0.0, 0.0), z, atol=ROUNDING)
    np.testing.assert_allclose(rotate_xyz(z, 0.0, math.pi / 2, 0.0), x, atol=ROUNDING)


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_unit_of_extreme_vectors(scale):
    np.testing.assert_allclose(unit(np.array([3.0, 0.0, 4.0]) * scale), [0.6, 0.0, 0.8], rtol=1e-15)
    assert not unit(np.zeros(3)).any()


# Conventions


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=lambda row: row.name)
def test_convention_axes_are_orthonormal(convention):
    fast, slow, normal = (
        np.array(v) for v in (convention.fast, convention.slow, convention.normal)
    )
    assert abs(dot(cross(fast, slow), normal)) == 1.0
    assert dot(np.array(convention.beam), normal) == 1.0
    assert dot(np.array(convention.beam), np.array(convention.polarization)) == 0.0


@pytest.mark.parametrize(
    ("name", "centre", "beam_mm"),
    [
        # 60 fast x 40 slow pixels of 0.5 mm: 30 mm x 20 mm (physics 1.5).
        ("mosflm", (10.25, 15.25), (15.5, 10.5)),
        ("denzo", (10.25, 15.25), (15.25, 10.25)),
        ("adxv", (15.25, 9.75), (15.25, 10.25)),
        ("xds", (15.0, 10.0), (15.0, 10.0)),
        ("dials", (15.0, 10.0), (15.0, 10.0)),
        ("custom", (15.0, 10.0), (15.0, 10.0)),
    ],
)
def test_default_beam_centre(name, centre, beam_mm):
    _, placement, _ = place(
        {
            "detector.convention": name,
            "detector.pixels_fast": 60,
            "detector.pixels_slow": 40,
            "detector.pixel_mm": 0.5,
        }
    )
    # Sums of a few numbers of order 0.1 m.
    got = (placement.xbeam, placement.ybeam, placement.fbeam, placement.sbeam)
    np.testing.assert_allclose(1000.0 * np.array(got), centre + beam_mm, rtol=0, atol=1e-12)


def test_every_size_of_detector():
    panel, _, _ = place({})
    assert (panel.pixels_fast, panel.pixels_slow, panel.pixel_size) == (1024, 1024, 1e-4)
    panel, _, _ = place({"detector.size_fast_mm": 10.0, "detector.size_slow_mm": 10.06})
    assert (panel.pixels_fast, panel.pixels_slow) == (100, 101)
    panel, _, ledger = place({"detector.size_fast_mm": 10.0, "detector.pixels_fast": 90})
    assert panel.pixels_fast == 90
    assert "size_fast_mm" in ledger.notes[0]


@pytest.mark.parametrize(
    ("fields", "pivot"),
    [
        ({}, "beam"),
        ({"detector.convention": "xds"}, "sample"),
        ({"detector.convention": "xds", "detector.pivot": "beam"}, "beam"),
        ({"detector.convention": "custom"}, "beam"),
        ({"detector.convention": "custom", "detector.close_distance_mm": 90.0}, "sample"),
        ({"detector.convention": "custom", "detector.orgx_px": 9.0}, "sample"),
        ({"detector.convention": "custom", "detector.yclose_mm": 9.0}, "sample"),
        ({"detector.convention": "custom", "detector.twotheta_deg": 0.0}, "sample"),
        ({"spindle.axis": (0, 1, 0), "detector.twotheta_deg": 0.0}, "sample"),
        (
            {
                "detector.convention": "custom",
                "detector.orgx_px": 9.0,
                "detector.pivot": "beam",
            },
            "beam",
        ),
    ],
)
def test_pivot_rules(fields, pivot):
    assert place(fields)[1].pivot == pivot


def test_pivot_override_quirk():
    fields = {"detector.pivot": "sample"}
    assert place(fields)[1].pivot == "sample"
    _, placement, ledger = place(fields, frozenset({"pivot_override"}))
    assert placement.pivot == "beam"
    assert "pivot_override" in ledger.notes[0]
    custom = {**fields, "detector.convention": "custom"}
    assert place(custom, frozenset({"pivot_override"}))[1].pivot == "sample"


def test_a_vector_selects_custom():
    _, placement, ledger = place({"spindle.axis": (0, 0, 5)})
    assert placement.convention == "custom"
    assert not ledger.notes
    np.testing.assert_array_equal(placement.spindle, [0, 0, 1])
    panel, placement, ledger = place({"spindle.axis": (1, 0, 0), "detector.convention": "xds"})
    np.testing.assert_array_equal(panel.fast, CONVENTIONS["custom"].fast)
    assert "custom" in ledger.notes[0]
    assert "xds" in ledger.notes[0]


# Placement


rotated = st.fixed_dictionaries(
    {
        "detector.convention": named,
        "detector.rotx_deg": small_angles_deg,
        "detector.roty_deg": small_angles_deg,
        "detector.rotz_deg": small_angles_deg,
        "detector.distance_mm": st.floats(50.0, 500.0),
        "detector.xbeam_mm": st.floats(0.0, 100.0),
        "detector.ybeam_mm": st.floats(0.0, 100.0),
    }
)


@given(fields=rotated, twotheta=small_angles_deg, pivot=st.sampled_from(["beam", "sample"]))
def test_placement_is_consistent(fields, twotheta, pivot):
    fields = {**fields, "detector.twotheta_deg": twotheta, "detector.pivot": pivot}
    panel, placement, _ = place(fields)
    axes = np.array([panel.fast, panel.slow, panel.normal])
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=4 * ROUNDING)
    # The near point is the foot of the perpendicular from the sample. Lengths are below 1 m.
    foot = panel.origin + placement.fclose * panel.fast + placement.sclose * panel.slow
    np.testing.assert_allclose(foot, panel.close_distance * panel.normal, atol=4 * ROUNDING)
    assert placement.orgx == pytest.approx(placement.fclose / panel.pixel_size + 0.5, rel=1e-15)
    z, y, minus_x = placement.dials_origin
    np.testing.assert_array_equal(panel.origin, [-minus_x, y, z])


@given(fields=rotated)
def test_beam_pivot_keeps_the_beam_spot(fields):
    turned, placement, _ = place({**fields, "detector.pivot": "beam"})
    flat, straight, _ = place(
        {
            **fields,
            "detector.pivot": "beam",
            "detector.rotx_deg": 0.0,
            "detector.roty_deg": 0.0,
            "detector.rotz_deg": 0.0,
        }
    )
    for panel, report in ((turned, placement), (flat, straight)):
        spot = panel.origin + report.fbeam * panel.fast + report.sbeam * panel.slow
        beam = np.array(CONVENTIONS[report.convention].beam)
        # Distances up to 0.5 m are divided by a ratio above 0.7.
        np.testing.assert_allclose(spot, report.distance * beam, atol=8 * ROUNDING)
        assert report.distance == pytest.approx(straight.distance, rel=8 * ROUNDING)
    assert placement.fbeam == pytest.approx(straight.fbeam, abs=8 * ROUNDING)
    assert placement.sbeam == pytest.approx(straight.sbeam, abs=8 * ROUNDING)


@given(fields=rotated, twotheta=st.floats(-80.0, 80.0))
def test_sample_pivot_turns_rigidly(fields, twotheta):
    fields = {**fields, "detector.pivot": "sample", "detector.close_distance_mm": 80.0}
    turned, _, _ = place({**fields, "detector.twotheta_deg": twotheta})
    straight, _, _ = place(fields)
    for vector in ("fast", "slow", "normal"):
        assert dot(turned.origin, getattr(turned, vector)) == pytest.approx(
            dot(straight.origin, getattr(straight, vector)), abs=8 * ROUNDING
        )


def test_close_distance_sets_distance():
    panel, placement, ledger = place(
        {
            "detector.convention": "xds",
            "detector.distance_mm": 100.0,
            "detector.close_distance_mm": 95.0,
            "detector.roty_deg": 12.0,
        }
    )
    assert panel.close_distance == pytest.approx(0.095, rel=1e-15)
    assert placement.distance == pytest.approx(0.095 / math.cos(math.radians(12.0)), rel=1e-14)
    assert "distance_mm = 100" in ledger.notes[-1]


def test_centres_without_effect_are_noted():
    xds = {"detector.convention": "xds", "detector.xbeam_mm": 10.0}
    still, _, _ = place({"detector.convention": "xds"})
    panel, _, ledger = place(xds)
    np.testing.assert_array_equal(panel.origin, still.origin)
    assert "xbeam_mm" in ledger.notes[0]
    _, _, ledger = place({**xds, "detector.pivot": "beam"})
    assert not ledger.notes
    _, _, ledger = place({"detector.orgx_px": 10.0})
    assert "orgx_px" in ledger.notes[0]
    _, _, ledger = place(
        {"detector.convention": "custom", "detector.xbeam_mm": 10.0, "detector.xclose_mm": 9.0}
    )
    assert "xclose_mm" in ledger.notes[0]


# A given origin


def test_pix0_alone_is_used():
    given_mm = (120.0, 30.0, -20.0)
    panel, placement, ledger = place({"detector.pix0_mm": given_mm})
    np.testing.assert_allclose(1000.0 * panel.origin, given_mm, rtol=1e-15)
    assert placement.convention == "custom"
    assert placement.distance == pytest.approx(0.12, rel=1e-15)
    assert not ledger.notes
    _, _, ledger = place({"detector.pix0_mm": given_mm, "detector.distance_mm": 100.0})
    assert "distance_mm = 100" in ledger.notes[0]


@pytest.mark.parametrize("field", ["detector.xbeam_mm", "detector.yclose_mm", "detector.orgx_px"])
def test_pix0_yields_to_a_beam_centre(field):
    plain, _, _ = place({"detector.convention": "custom", field: 40.0})
    off = 1000.0 * plain.origin + np.array([0.3, 0.4, 0.0])
    panel, _, ledger = place({"detector.pix0_mm": tuple(off), field: 40.0})
    np.testing.assert_array_equal(panel.origin, plain.origin)
    assert "0.5 mm" in ledger.notes[-1]


def test_pix0_ignored_quirk():
    plain, _, _ = place({"detector.convention": "custom"})
    panel, _, ledger = place({"detector.pix0_mm": (120, 0, 0)}, frozenset({"pix0_ignored"}))
    np.testing.assert_array_equal(panel.origin, plain.origin)
    assert "pix0_ignored" in ledger.notes[0]


# Refusals


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"detector.fast_vector": (0.0, 0.1, 1.0)}, "detector.slow_vector", "perpendicular"),
        ({"detector.normal_vector": (1.0, 0.1, 0.0)}, "detector.normal_vector", "within 1°"),
        ({"detector.twotheta_deg": 100.0}, "detector.distance", "face the sample"),
        ({"beam.direction": (0, 1, 0)}, "detector.distance", "face the sample"),
        ({"detector.pix0_mm": (-100.0, 0.0, 0.0)}, "detector.distance", "face the sample"),
        ({"detector.size_fast_mm": 0.01}, "detector.size_fast_mm", "hold a pixel"),
        (
            {"detector.pixels_fast": 50_000, "detector.pixels_slow": 50_000},
            "detector.pixels",
            "at most",
        ),
        ({"beam.polarization_vector": (1, 0, 0)}, "beam.polarization_vector", "parallel"),
        (
            {"beam.direction": (0, 0, 1), "beam.kahn_factor": 0.5},
            "beam.polarization_vector",
            "parallel",
        ),
        (
            {"beam.direction": (0, 0, 1), "beam.hdiv_mrad": 0.5},
            "beam.polarization_vector",
            "parallel",
        ),
    ],
)
def test_impossible_detectors(fields, field, words):
    with pytest.raises(ConfigError, match=words) as caught:
        place(fields)
    assert caught.value.field == field


def test_beam_along_the_unused_polarization_is_fine():
    axes = {"detector.fast_vector": (1, 0, 0), "detector.slow_vector": (0, 1, 0)}
    _, placement, _ = place({"beam.direction": (0, 0, 1), **axes})
    assert not placement.vert.any()


def test_small_errors_of_the_axes_are_accepted():
    panel, _, _ = place({"detector.fast_vector": (0.0, 0.001, 1.0)})
    np.testing.assert_allclose(
        panel.normal, unit(cross(panel.fast, panel.slow)), rtol=0, atol=1e-15
    )


def test_normal_against_the_beam_is_noted():
    panel, placement, ledger = place({"detector.normal_vector": (-1.0, 0.01, 0.0)})
    np.testing.assert_array_equal(panel.normal, [-1.0, 0.0, 0.0])
    assert placement.distance == -0.1
    assert panel.origin[0] == -0.1
    assert "upstream" in ledger.notes[0]


def test_detector_edge_on_to_the_beam():
    panel, placement, _ = place(
        {
            "detector.convention": "xds",
            "detector.roty_deg": 90.0,
            "detector.close_distance_mm": 50.0,
        }
    )
    assert panel.close_distance == pytest.approx(0.05, rel=1e-14)
    assert np.isfinite(panel.origin).all()
    assert placement.ratio != 0.0


# A flipped axis


@pytest.mark.parametrize(
    ("fields", "normal"),
    [
        ({"detector.fast_vector": (0, 0, -1)}, (1, 0, 0)),
        ({"detector.slow_vector": (0, 1, 0)}, (1, 0, 0)),
        ({"detector.fast_vector": (0, 0, -1), "detector.slow_vector": (0, 1, 0)}, (1, 0, 0)),
        (
            {
                "detector.fast_vector": (1, 0, 0),
                "detector.slow_vector": (0, -1, 0),
                "beam.direction": (0, 0, 1),
            },
            (0, 0, 1),
        ),
        ({"detector.fast_vector": (0, 0, -1), "detector.normal_vector": (1, 0, 0)}, (1, 0, 0)),
        (
            {
                "detector.fast_vector": (0, 0, -1),
                "detector.pix0_mm": (-90.0, 5.0, 5.0),
                "beam.direction": (-1, 0, 0),
            },
            (-1, 0, 0),
        ),
    ],
)
def test_a_flipped_axis_leaves_the_detector_downstream(fields, normal):
    panel, placement, ledger = place({"beam.polarization_vector": (0, 1, 0), **fields})
    np.testing.assert_array_equal(panel.normal, normal)
    assert placement.distance > 0.0
    assert not any("upstream" in note for note in ledger.notes)
