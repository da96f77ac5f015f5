"""Arguments of the sections, for type checkers and completion; written by .ci/config_arguments."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, Protocol, TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

from nbcy.config import (
    Background,
    Beam,
    Crystal,
    Detector,
    Material,
    Panel,
    Response,
    Sampling,
    Spindle,
)

T = TypeVar("T")

class PintQuantity(Protocol):
    @property
    def magnitude(self) -> Any: ...
    @property
    def units(self) -> Any: ...

Real = float | np.floating[Any] | np.integer[Any]
Integer = int | np.integer[Any]
Several = Sequence[T] | NDArray[Any]
FileName = str | PathLike[str]
Quantity = str | PintQuantity
Quantities = Sequence[str | PintQuantity] | PintQuantity

class BackgroundFields(TypedDict, total=False):
    water_m: Real | None
    water_cm: Real | None
    water_mm: Real | None
    water_um: Real | None
    water_nm: Real | None
    water_angstrom: Real | None
    water: Quantity | None
    materials: Several[Material | Mapping[str, Any]] | None
    tolerance: Real | None

class BeamFields(TypedDict, total=False):
    wavelength_m: Real | None
    wavelength_cm: Real | None
    wavelength_mm: Real | None
    wavelength_um: Real | None
    wavelength_nm: Real | None
    wavelength_angstrom: Real | None
    wavelength: Quantity | None
    energy_ev: Real | None
    energy_kev: Real | None
    energy: Quantity | None
    fluence_photons_per_m2: Real | None
    fluence_photons_per_mm2: Real | None
    fluence_photons_per_um2: Real | None
    fluence: Quantity | None
    flux_photons_per_s: Real | None
    flux: Quantity | None
    exposure_s: Real | None
    exposure_ms: Real | None
    exposure_us: Real | None
    exposure_fs: Real | None
    exposure: Quantity | None
    size_m: Real | None
    size_cm: Real | None
    size_mm: Real | None
    size_um: Real | None
    size_nm: Real | None
    size_angstrom: Real | None
    size: Quantity | None
    kahn_factor: Real | None
    nopolar: bool | None
    dispersion_percent: Real | None
    dispersion: Quantity | None
    dispersion_steps: Integer | None
    hdiv_rad: Real | None
    hdiv_mrad: Real | None
    hdiv_deg: Real | None
    hdiv: Quantity | None
    vdiv_rad: Real | None
    vdiv_mrad: Real | None
    vdiv_deg: Real | None
    vdiv: Quantity | None
    hdiv_step_rad: Real | None
    hdiv_step_mrad: Real | None
    hdiv_step_deg: Real | None
    hdiv_step: Quantity | None
    vdiv_step_rad: Real | None
    vdiv_step_mrad: Real | None
    vdiv_step_deg: Real | None
    vdiv_step: Quantity | None
    hdiv_steps: Integer | None
    vdiv_steps: Integer | None
    energy_spread_percent: Real | None
    energy_spread: Quantity | None
    hdiv_sigma_rad: Real | None
    hdiv_sigma_mrad: Real | None
    hdiv_sigma_deg: Real | None
    hdiv_sigma: Quantity | None
    vdiv_sigma_rad: Real | None
    vdiv_sigma_mrad: Real | None
    vdiv_sigma_deg: Real | None
    vdiv_sigma: Quantity | None
    divergence: Literal["round", "square"] | None
    spectrum: Several[Any] | None
    spectrum_file: FileName | None
    source_file: FileName | None
    direction: Several[Real] | None
    polarization_vector: Several[Real] | None

class CrystalFields(TypedDict, total=False):
    cell_m_rad: Real | Several[Real] | None
    cell_m_mrad: Real | Several[Real] | None
    cell_m_deg: Real | Several[Real] | None
    cell_cm_rad: Real | Several[Real] | None
    cell_cm_mrad: Real | Several[Real] | None
    cell_cm_deg: Real | Several[Real] | None
    cell_mm_rad: Real | Several[Real] | None
    cell_mm_mrad: Real | Several[Real] | None
    cell_mm_deg: Real | Several[Real] | None
    cell_um_rad: Real | Several[Real] | None
    cell_um_mrad: Real | Several[Real] | None
    cell_um_deg: Real | Several[Real] | None
    cell_nm_rad: Real | Several[Real] | None
    cell_nm_mrad: Real | Several[Real] | None
    cell_nm_deg: Real | Several[Real] | None
    cell_angstrom_rad: Real | Several[Real] | None
    cell_angstrom_mrad: Real | Several[Real] | None
    cell_angstrom_deg: Real | Several[Real] | None
    cell: Quantity | Quantities | None
    matrix: Several[Several[Real]] | None
    matrix_file: FileName | None
    misset_rad: Several[Real] | None
    misset_mrad: Several[Real] | None
    misset_deg: Several[Real] | None
    misset: Quantities | None
    misset_random: bool | None
    misset_seed: Integer | None
    cells: Real | Several[Real] | None
    cells_matrix: Several[Several[Real]] | None
    size_x_m: Real | None
    size_x_cm: Real | None
    size_x_mm: Real | None
    size_x_um: Real | None
    size_x_nm: Real | None
    size_x_angstrom: Real | None
    size_x: Quantity | None
    size_y_m: Real | None
    size_y_cm: Real | None
    size_y_mm: Real | None
    size_y_um: Real | None
    size_y_nm: Real | None
    size_y_angstrom: Real | None
    size_y: Quantity | None
    size_z_m: Real | None
    size_z_cm: Real | None
    size_z_mm: Real | None
    size_z_um: Real | None
    size_z_nm: Real | None
    size_z_angstrom: Real | None
    size_z: Quantity | None
    shape: Literal["square", "round", "gauss", "tophat", "gauss_star"] | None
    fudge: Real | None
    mosaic_model: Literal["cap", "axis_angle", "gaussian", "spiral", "matrices"] | None
    mosaic_spread_rad: Real | Several[Real] | None
    mosaic_spread_mrad: Real | Several[Real] | None
    mosaic_spread_deg: Real | Several[Real] | None
    mosaic_spread: Quantity | Quantities | None
    mosaic_domains: Integer | None
    mosaic_seed: Integer | None
    mosaic_matrices: FileName | Several[Several[Several[Real]]] | None
    mosaic_weights: Several[Real] | None
    hkl_file: FileName | None
    structure_file: FileName | None
    column: str | None
    missing: Literal["default", "shell"] | None
    anomalous: bool | None
    k_sol: Real | None
    B_sol: Real | None
    default_F: Real | None
    spot_scale: Real | None
    B_factor_angstrom2: Real | None

class DetectorFields(TypedDict, total=False):
    convention: Literal["mosflm", "denzo", "adxv", "xds", "dials", "custom"] | None
    pixel_m: Real | None
    pixel_cm: Real | None
    pixel_mm: Real | None
    pixel_um: Real | None
    pixel_nm: Real | None
    pixel_angstrom: Real | None
    pixel: Quantity | None
    pixels_fast: Integer | None
    pixels_slow: Integer | None
    size_fast_m: Real | None
    size_fast_cm: Real | None
    size_fast_mm: Real | None
    size_fast_um: Real | None
    size_fast_nm: Real | None
    size_fast_angstrom: Real | None
    size_fast: Quantity | None
    size_slow_m: Real | None
    size_slow_cm: Real | None
    size_slow_mm: Real | None
    size_slow_um: Real | None
    size_slow_nm: Real | None
    size_slow_angstrom: Real | None
    size_slow: Quantity | None
    distance_m: Real | None
    distance_cm: Real | None
    distance_mm: Real | None
    distance_um: Real | None
    distance_nm: Real | None
    distance_angstrom: Real | None
    distance: Quantity | None
    close_distance_m: Real | None
    close_distance_cm: Real | None
    close_distance_mm: Real | None
    close_distance_um: Real | None
    close_distance_nm: Real | None
    close_distance_angstrom: Real | None
    close_distance: Quantity | None
    xbeam_m: Real | None
    xbeam_cm: Real | None
    xbeam_mm: Real | None
    xbeam_um: Real | None
    xbeam_nm: Real | None
    xbeam_angstrom: Real | None
    xbeam: Quantity | None
    ybeam_m: Real | None
    ybeam_cm: Real | None
    ybeam_mm: Real | None
    ybeam_um: Real | None
    ybeam_nm: Real | None
    ybeam_angstrom: Real | None
    ybeam: Quantity | None
    xclose_m: Real | None
    xclose_cm: Real | None
    xclose_mm: Real | None
    xclose_um: Real | None
    xclose_nm: Real | None
    xclose_angstrom: Real | None
    xclose: Quantity | None
    yclose_m: Real | None
    yclose_cm: Real | None
    yclose_mm: Real | None
    yclose_um: Real | None
    yclose_nm: Real | None
    yclose_angstrom: Real | None
    yclose: Quantity | None
    orgx_px: Real | None
    orgx: Quantity | None
    orgy_px: Real | None
    orgy: Quantity | None
    pivot: Literal["beam", "sample"] | None
    rotx_rad: Real | None
    rotx_mrad: Real | None
    rotx_deg: Real | None
    rotx: Quantity | None
    roty_rad: Real | None
    roty_mrad: Real | None
    roty_deg: Real | None
    roty: Quantity | None
    rotz_rad: Real | None
    rotz_mrad: Real | None
    rotz_deg: Real | None
    rotz: Quantity | None
    twotheta_rad: Real | None
    twotheta_mrad: Real | None
    twotheta_deg: Real | None
    twotheta: Quantity | None
    fast_vector: Several[Real] | None
    slow_vector: Several[Real] | None
    normal_vector: Several[Real] | None
    twotheta_axis: Several[Real] | None
    pix0_m: Several[Real] | None
    pix0_cm: Several[Real] | None
    pix0_mm: Several[Real] | None
    pix0_um: Several[Real] | None
    pix0_nm: Several[Real] | None
    pix0_angstrom: Several[Real] | None
    pix0: Quantities | None
    curved: bool | None
    point_pixel: bool | None
    thickness_m: Real | None
    thickness_cm: Real | None
    thickness_mm: Real | None
    thickness_um: Real | None
    thickness_nm: Real | None
    thickness_angstrom: Real | None
    thickness: Quantity | None
    thickness_steps: Integer | None
    attenuation_depth_m: Real | None
    attenuation_depth_cm: Real | None
    attenuation_depth_mm: Real | None
    attenuation_depth_um: Real | None
    attenuation_depth_nm: Real | None
    attenuation_depth_angstrom: Real | None
    attenuation_depth: Quantity | None
    mask_file: FileName | None
    masked: Several[Several[Integer]] | None
    panels: Several[Panel | Mapping[str, Any]] | None

class MaterialFields(TypedDict, total=False):
    table: FileName | None
    column: Literal["stol", "4stol", "Q"] | None
    thickness_m: Real | None
    thickness_cm: Real | None
    thickness_mm: Real | None
    thickness_um: Real | None
    thickness_nm: Real | None
    thickness_angstrom: Real | None
    thickness: Quantity | None
    width_m: Real | None
    width_cm: Real | None
    width_mm: Real | None
    width_um: Real | None
    width_nm: Real | None
    width_angstrom: Real | None
    width: Quantity | None
    height_m: Real | None
    height_cm: Real | None
    height_mm: Real | None
    height_um: Real | None
    height_nm: Real | None
    height_angstrom: Real | None
    height: Quantity | None
    density_g_per_cm3: Real | None
    density_kg_per_m3: Real | None
    density: Quantity | None
    molar_mass_g_per_mol: Real | None
    molar_mass_kg_per_mol: Real | None
    molar_mass: Quantity | None
    scale: Real | None

class PanelFields(TypedDict, total=False):
    name: str | None
    origin_m: Several[Real] | None
    origin_cm: Several[Real] | None
    origin_mm: Several[Real] | None
    origin_um: Several[Real] | None
    origin_nm: Several[Real] | None
    origin_angstrom: Several[Real] | None
    origin: Quantities | None
    fast_vector: Several[Real] | None
    slow_vector: Several[Real] | None
    pixels_fast: Integer | None
    pixels_slow: Integer | None
    pixel_m: Real | None
    pixel_cm: Real | None
    pixel_mm: Real | None
    pixel_um: Real | None
    pixel_nm: Real | None
    pixel_angstrom: Real | None
    pixel: Quantity | None
    masked: Several[Several[Integer]] | None

class ResponseFields(TypedDict, total=False):
    flicker_percent: Real | None
    flicker: Quantity | None
    flicker_per: Literal["pixel", "shot"] | None
    calibration_percent: Real | None
    calibration: Quantity | None
    calibration_seed: Integer | None
    gain: Real | None
    offset: Real | None
    readout: Real | None
    psf: Literal["gauss", "fibre"] | None
    psf_fwhm_m: Real | None
    psf_fwhm_cm: Real | None
    psf_fwhm_mm: Real | None
    psf_fwhm_um: Real | None
    psf_fwhm_nm: Real | None
    psf_fwhm_angstrom: Real | None
    psf_fwhm: Quantity | None
    psf_kernel: Several[Several[Real]] | None
    saturation: Real | None
    order: Literal["simtbx", "noisify"] | None
    dead_pixels: Several[Several[Integer]] | None
    hot_pixels: Several[Several[Integer]] | None

class SamplingFields(TypedDict, total=False):
    oversample: Integer | None
    oversample_omega: bool | None
    oversample_polar: bool | None
    oversample_thick: bool | None
    interpolate: bool | None
    dmin_m: Real | None
    dmin_cm: Real | None
    dmin_mm: Real | None
    dmin_um: Real | None
    dmin_nm: Real | None
    dmin_angstrom: Real | None
    dmin: Quantity | None
    roi: Several[Integer] | None
    precision: Literal["double", "single"] | None
    cutoff: Real | None
    average: Literal["sampled", "exact"] | None
    cutoff_photons: Real | None

class SpindleFields(TypedDict, total=False):
    axis: Several[Real] | None
    phi_rad: Real | None
    phi_mrad: Real | None
    phi_deg: Real | None
    phi: Quantity | None
    osc_rad: Real | None
    osc_mrad: Real | None
    osc_deg: Real | None
    osc: Quantity | None
    step_rad: Real | None
    step_mrad: Real | None
    step_deg: Real | None
    step: Quantity | None
    steps: Integer | None
    sampling: Literal["start", "middle"] | None

class Sections(TypedDict, total=False):
    crystal: Crystal | Mapping[str, Any] | None
    beam: Beam | Mapping[str, Any] | None
    detector: Detector | Mapping[str, Any] | None
    spindle: Spindle | Mapping[str, Any] | None
    sampling: Sampling | Mapping[str, Any] | None
    background: Background | Mapping[str, Any] | None
    response: Response | Mapping[str, Any] | None

class ConfigFields(Sections, total=False):
    quirks: str | Iterable[str] | None
