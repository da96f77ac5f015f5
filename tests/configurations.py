"""What hypothesis draws of every field of a configuration, however odd: no scene comes of most."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from nbcy.config import (
    Background,
    Beam,
    Config,
    Crystal,
    Detector,
    Material,
    Panel,
    Response,
    Sampling,
    Spindle,
)
from nbcy.config.quirks import QUIRKS

MODELS = (Crystal, Beam, Detector, Spindle, Sampling, Background, Response)
SECTIONS = {model.__name__.lower(): model for model in MODELS}

# Every field, and values it takes

finite = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(0.0, exclude_min=True, allow_infinity=False)
not_negative = st.floats(0.0, allow_infinity=False)
counts = st.integers(1, 2**31 - 2)
seeds = st.integers(-(2**31) + 2, 2**31 - 2)
places = st.lists(st.tuples(*[st.integers(0, 2**31 - 2)] * 3), max_size=2).map(tuple)
vectors = st.tuples(finite, finite, finite)
directions = vectors.filter(any)
# Whatever UTF-8 can hold, but no NUL.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
lengths = st.tuples(positive, positive, positive)
# Any triangle of angles below 120° is a cell.
cells = st.builds(
    lambda edges, angle, more: (*edges, angle, angle + more, angle),
    lengths,
    st.floats(20.0, 119.0),
    st.floats(-1.0, 1.0),
)
indices = st.integers(0, 2**31 - 2)
rois = st.builds(
    lambda f, s: (*sorted(f), *sorted(s)), *[st.tuples(indices, indices) for _ in range(2)]
)

panels = st.builds(
    Panel,
    origin_mm=vectors,
    fast_vector=directions,
    slow_vector=directions,
    pixels_fast=counts,
    pixels_slow=counts,
    pixel_mm=positive,
    masked=st.lists(rois, max_size=2).map(tuple),
)

materials = st.builds(
    Material,
    table=texts,
    column=st.sampled_from(["stol", "4stol", "Q"]),
    thickness_mm=not_negative,
    width_mm=positive,
    height_mm=positive,
    density_g_per_cm3=not_negative,
    molar_mass_g_per_mol=positive,
    scale=finite,
)


def named(panels):
    """Give every other panel a name."""
    return tuple(
        panel if n % 2 else panel.model_copy(update={"name": f"p{n}é"})
        for n, panel in enumerate(panels)
    )


FIELDS = {
    Crystal: {
        "cell_angstrom_deg": cells,
        "matrix": st.tuples(vectors, vectors, vectors),
        "matrix_file": texts,
        "misset_deg": vectors,
        "misset_random": st.booleans(),
        "misset_seed": seeds,
        "cells": st.tuples(*[counts | st.floats(0.1, 100.0)] * 3),
        "cells_matrix": st.tuples(vectors, vectors, vectors),
        "size_x_mm": positive,
        "size_y_mm": positive,
        "size_z_mm": positive,
        "shape": st.sampled_from(["square", "round", "gauss", "tophat", "gauss_star"]),
        "fudge": positive,
        "mosaic_model": st.sampled_from(["cap", "axis_angle", "gaussian", "spiral", "matrices"]),
        "mosaic_spread_deg": not_negative | lengths,
        "mosaic_domains": counts,
        "mosaic_seed": seeds,
        "mosaic_matrices": texts | st.lists(st.tuples(vectors, vectors, vectors)).map(tuple),
        "mosaic_weights": st.lists(not_negative).map(tuple),
        "hkl_file": texts,
        "structure_file": texts,
        "column": texts,
        "missing": st.sampled_from(["default", "shell"]),
        "anomalous": st.booleans(),
        "k_sol": not_negative,
        "B_sol": not_negative,
        "default_F": finite,
        "spot_scale": positive,
        "B_factor_angstrom2": not_negative,
    },
    Beam: {
        "wavelength_angstrom": positive,
        "energy_ev": positive,
        "fluence_photons_per_m2": not_negative,
        "flux_photons_per_s": not_negative,
        "exposure_s": not_negative,
        "size_mm": positive,
        "kahn_factor": st.floats(-1.0, 1.0),
        "nopolar": st.booleans(),
        "dispersion_percent": not_negative,
        "dispersion_steps": counts,
        "hdiv_mrad": not_negative,
        "vdiv_mrad": not_negative,
        "hdiv_step_mrad": not_negative,
        "vdiv_step_mrad": not_negative,
        "hdiv_steps": counts,
        "vdiv_steps": counts,
        "energy_spread_percent": not_negative,
        "hdiv_sigma_mrad": not_negative,
        "vdiv_sigma_mrad": not_negative,
        "divergence": st.sampled_from(["round", "square"]),
        "spectrum": st.lists(st.tuples(positive, positive), min_size=1, max_size=3).map(tuple),
        "spectrum_file": texts,
        "source_file": texts,
        "direction": directions,
        "polarization_vector": directions,
    },
    Detector: {
        "convention": st.sampled_from(["mosflm", "denzo", "adxv", "xds", "dials", "custom"]),
        "pixel_mm": positive,
        "pixels_fast": counts,
        "pixels_slow": counts,
        "size_fast_mm": positive,
        "size_slow_mm": positive,
        "distance_mm": positive,
        "close_distance_mm": positive,
        "xbeam_mm": finite,
        "ybeam_mm": finite,
        "xclose_mm": finite,
        "yclose_mm": finite,
        "orgx_px": finite,
        "orgy_px": finite,
        "pivot": st.sampled_from(["beam", "sample"]),
        "rotx_deg": finite,
        "roty_deg": finite,
        "rotz_deg": finite,
        "twotheta_deg": finite,
        "fast_vector": directions,
        "slow_vector": directions,
        "normal_vector": directions,
        "twotheta_axis": directions,
        "pix0_mm": vectors,
        "curved": st.booleans(),
        "point_pixel": st.booleans(),
        "thickness_um": not_negative,
        "thickness_steps": counts,
        "attenuation_depth_um": st.floats(0.0, math.inf),
        "mask_file": texts,
        "masked": st.lists(rois, max_size=2).map(tuple),
        "panels": st.lists(panels, max_size=3).map(named),
    },
    Spindle: {
        "axis": directions,
        "phi_deg": finite,
        "osc_deg": finite,
        "step_deg": finite,
        "steps": counts,
        "sampling": st.sampled_from(["start", "middle"]),
    },
    Sampling: {
        "oversample": counts,
        "oversample_omega": st.booleans(),
        "oversample_polar": st.booleans(),
        "oversample_thick": st.booleans(),
        "interpolate": st.booleans(),
        "dmin_angstrom": not_negative,
        "roi": rois,
        "precision": st.sampled_from(["double", "single"]),
        "cutoff": st.sampled_from([0.0, 1e-9, 0.5]),
        "average": st.sampled_from(["sampled", "exact"]),
        "cutoff_photons": positive,
    },
    Background: {
        "water_um": not_negative,
        "materials": st.lists(materials, max_size=2).map(tuple),
        "tolerance": not_negative,
    },
    Response: {
        "flicker_percent": st.floats(0.0, 100.0),
        "flicker_per": st.sampled_from(["pixel", "shot"]),
        "calibration_percent": st.floats(0.0, 100.0),
        "calibration_seed": st.integers(0, 2**31 - 2),
        "gain": positive,
        "offset": finite,
        "readout": not_negative,
        "psf": st.sampled_from(["gauss", "fibre"]),
        "psf_fwhm_um": positive,
        "psf_kernel": st.lists(st.lists(not_negative, max_size=3).map(tuple), max_size=3).map(
            tuple
        ),
        "saturation": positive,
        "order": st.sampled_from(["simtbx", "noisify"]),
        "dead_pixels": places,
        "hot_pixels": places,
    },
}


@st.composite
def sections(draw, model):
    """Draw a model with any of its fields given."""
    fields = draw(st.fixed_dictionaries({}, optional=FIELDS[model]))
    for rivals in (
        ("cell_angstrom_deg", "matrix", "matrix_file"),
        ("hkl_file", "structure_file"),
        ("cells", "cells_matrix"),
        ("energy_ev", "wavelength_angstrom"),
        ("source_file", "spectrum", "spectrum_file"),
    ):
        for rival in [name for name in rivals if name in fields][1:]:
            del fields[rival]
    if fields.get("panels"):
        fields = {name: value for name, value in fields.items() if name in model._beside_panels}
    return model(**fields)


configs = st.builds(
    Config,
    quirks=st.frozensets(st.sampled_from(sorted(QUIRKS))),
    **{name: sections(model) for name, model in SECTIONS.items()},
)
