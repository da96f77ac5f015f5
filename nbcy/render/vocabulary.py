"""What may stand in a trace and around it: one row a key, one row a setting, with every name they go by.

Trace, reading and audit share these tables. Another name for a key is one word in its row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, Literal

Kind = Literal["real", "integer", "flag"]


@dataclass(frozen=True, slots=True)
class Key:
    """One line of a trace.

    Attributes
    ----------
    name : str
        As printed by nbcy.
    unit : str
        SI or customary unit, empty for none.
    size : int
        Numbers on the line, 1 or 3.
    group : str
        Heading under which people find it.
    meaning : str
        One line.
    per_block : bool
        Printed for each sub-pixel and layer; the others are printed once.
    kind : {"real", "integer", "flag"}
        Integers and flags are compared exactly.
    depends : tuple of str
        Keys it rests on directly; empty for what a program starts from.
    optional : bool
        Printed only where there is something to print.
    synonyms : tuple of str
        Other names, in the form of `plain_name`; those that say less exactly what is meant last.
    """

    name: str
    unit: str
    size: int
    group: str
    meaning: str
    per_block: bool
    kind: Kind
    depends: tuple[str, ...] = ()
    optional: bool = False
    synonyms: tuple[str, ...] = ()


_KEYS: Final = """
Geometry
pix0_vector_meters       m     3 corner of pixel (0, 0)
fdet_vec                 -     3 fast axis of the detector
sdet_vec                 -     3 slow axis of the detector
pixel_pos_meters         m     3 position of the sub-pixel: pix0 + F·fdet + S·sdet
R_distance_meters        m     1 distance from the sample: |pixel_pos|
omega_pixel_sr           sr    1 solid angle: pixel²/R² · close/R
close_distance_meters    m     1 distance of the detector plane: pix0 · normal
obliquity_factor         -     1 close/R
diffracted_vec           -     3 direction to the sub-pixel: pixel_pos/R
incident_vec             -     3 direction of the beam
lambda_meters            m     1 wavelength
lambda_angstroms         Å     1 wavelength
scattering_vec_per_m     1/m   3 (diffracted - incident)/λ
Lattice
rot_a_angstroms          Å     3 a after spindle and mosaic rotation
rot_b_angstroms          Å     3 b after spindle and mosaic rotation
rot_c_angstroms          Å     3 c after spindle and mosaic rotation
rot_a_star_A_inv         1/Å   3 a* before spindle and mosaic rotation
rot_b_star_A_inv         1/Å   3 b* before spindle and mosaic rotation
rot_c_star_A_inv         1/Å   3 c* before spindle and mosaic rotation
hkl_frac                 -     3 rot_a, rot_b, rot_c · scattering vector
hkl_rounded              whole 3 nearest reflection: ceil(hkl_frac - 1/2)
F_latt_a                 -     1 sin(πNh)/sin(πh) along a
F_latt_b                 -     1 sin(πNk)/sin(πk) along b
F_latt_c                 -     1 sin(πNl)/sin(πl) along c
F_latt                   -     1 lattice factor: F_latt_a · F_latt_b · F_latt_c
Structure factor
F_cell                   e     1 structure factor of that reflection
I_before_scaling         e²    1 sum of F_cell²·F_latt² over all steps
Scaling
r_e_meters               m     1 classical electron radius
r_e_sqr                  m²    1 its square
fluence_photons_per_m2   1/m²  1 photons on the sample
steps                    whole 1 sources · domains · φ steps · oversample²
oversample_thick         0/1   1 capture weighed step by step
oversample_polar         0/1   1 polarization weighed step by step
oversample_omega         0/1   1 solid angle weighed step by step
capture_fraction         -     1 photons the sensor catches
polar                    -     1 polarization factor
omega_pixel              sr    1 solid angle applied to the sum
cos_2theta               -     1 incident · diffracted
background_photons       photons 1 background added to the pixel
I_pixel_final            photons 1 r_e_sqr·fluence·I_before_scaling/steps · capture · polar · omega
floatimage_accumulated   photons 1 the float32 pixel of the image
"""

_FLAGS: Final = ("oversample_thick", "oversample_polar", "oversample_omega")
_CELL: Final = ("rot_a_angstroms", "rot_b_angstroms", "rot_c_angstroms")
_STARS: Final = ("rot_a_star_A_inv", "rot_b_star_A_inv", "rot_c_star_A_inv")
_PLACE: Final = ("pix0_vector_meters", "fdet_vec", "sdet_vec")

_DEPENDS: Final[Mapping[str, tuple[str, ...]]] = {
    "pixel_pos_meters": _PLACE,
    "R_distance_meters": ("pixel_pos_meters",),
    "omega_pixel_sr": ("R_distance_meters", "close_distance_meters", "oversample_omega"),
    "close_distance_meters": _PLACE,
    "obliquity_factor": ("close_distance_meters", "R_distance_meters"),
    "diffracted_vec": ("pixel_pos_meters", "R_distance_meters"),
    "lambda_angstroms": ("lambda_meters",),
    "scattering_vec_per_m": ("diffracted_vec", "incident_vec", "lambda_meters"),
    **dict.fromkeys(_CELL, _STARS),
    "hkl_frac": ("scattering_vec_per_m", *_CELL),
    "hkl_rounded": ("hkl_frac",),
    **{f"F_latt_{axis}": ("hkl_frac",) for axis in "abc"},
    "F_latt": ("F_latt_a", "F_latt_b", "F_latt_c", "hkl_frac"),
    "F_cell": ("hkl_rounded", "hkl_frac"),
    "I_before_scaling": (
        *("F_latt", "F_cell", "scattering_vec_per_m"),
        *(*_CELL, *_STARS, "steps", *_FLAGS),
    ),
    "r_e_sqr": ("r_e_meters",),
    "capture_fraction": ("diffracted_vec", "F_latt", "F_cell", "oversample_thick"),
    "polar": ("incident_vec", "diffracted_vec", "oversample_polar"),
    "omega_pixel": ("omega_pixel_sr", "oversample_omega"),
    "cos_2theta": ("incident_vec", "diffracted_vec"),
    "I_pixel_final": (
        *("r_e_sqr", "fluence_photons_per_m2", "I_before_scaling", "steps"),
        *("capture_fraction", "polar", "omega_pixel", "background_photons", *_FLAGS),
    ),
    "floatimage_accumulated": ("I_pixel_final",),
}

_SYNONYMS: Final = """
pix0_vector_meters: pix0_vector pix0 pix0_vec pix0_after_twotheta detector_pix0_vector detector_origin panel_origin
fdet_vec: fdet fast_axis fast_vec fast_vector fast_direction detector_fast_axis fdet_after_twotheta
sdet_vec: sdet slow_axis slow_vec slow_vector slow_direction detector_slow_axis sdet_after_twotheta
pixel_pos_meters: pixel_pos pixel_position pixel_coords pixel_coord pixel_vec pixel_vector subpixel_pos pixel_xyz pos position
R_distance_meters: r_distance airpath air_path pixel_distance distance_to_pixel r
omega_pixel_sr: omega_sub omega_subpixel
close_distance_meters: close_distance plane_distance
obliquity_factor: obliquity
diffracted_vec: diffracted diffracted_beam diffracted_unit diffracted_direction diffracted_hat scattered_vec s1_hat
incident_vec: incident incident_beam incident_direction incident_beam_direction beam_direction beam_vec beam_vector s0_hat
lambda_meters: lambda wavelength wave
lambda_angstroms: lambda_ang
scattering_vec_per_m: scattering_vec scattering_vec_a_inv scattering_vector scattering q_vec q_vector s_vec s_vector q s
rot_a_angstroms: rot_a a_rot rotated_a a_rotated real_a a_vec a_vector ap a
rot_b_angstroms: rot_b b_rot rotated_b b_rotated real_b b_vec b_vector bp b
rot_c_angstroms: rot_c c_rot rotated_c c_rotated real_c c_vec c_vector cp c
rot_a_star_A_inv: rot_a_star a_star astar a_star_vec recip_a
rot_b_star_A_inv: rot_b_star b_star bstar b_star_vec recip_b
rot_c_star_A_inv: rot_c_star c_star cstar c_star_vec recip_c
hkl_frac: hkl_float hkl_fractional frac_hkl fractional_hkl miller_frac miller_float hkl
hkl_rounded: hkl_int hkl0 hkl_nearest nearest_hkl hkl_round rounded_hkl miller_index miller_int miller_rounded
F_latt_a: flatt_a f_lattice_a lattice_factor_a
F_latt_b: flatt_b f_lattice_b lattice_factor_b
F_latt_c: flatt_c f_lattice_c lattice_factor_c
F_latt: flatt f_lattice lattice_factor lattice_transform
F_cell: f_cell_interpolated fcell f_hkl structure_factor structure_factor_amplitude fhkl f_cell_nearest
I_before_scaling: i_before_scaling_pre_polar i_sum sum_i i_total intensity_sum accumulated_intensity raw_intensity i_before_scaling_post_polar i
r_e_meters: r_e re electron_radius classical_electron_radius
r_e_sqr: re_sqr re2 r_e2 r_e_squared re_squared electron_radius_sqr
fluence_photons_per_m2: fluence incident_fluence photon_fluence
steps: n_steps nsteps num_steps number_of_steps total_steps
oversample_thick: oversample_thickness
capture_fraction: capfrac capture captured_fraction detector_absorption sensor_capture
polar: polarization polarisation polarization_factor polarisation_factor polar_factor polarization_correction
omega_pixel: omega solid_angle pixel_solid_angle omega_final omega_pix
cos_2theta: cos2theta cos_two_theta costwotheta cos_tth cos2th
background_photons: background
I_pixel_final: i_pixel i_final final_intensity pixel_intensity intensity_final final_i pixel_value photons_in_pixel expected_photons intensity
floatimage_accumulated: floatimage float_image float_pixel image_pixel floatimage_pixel
"""


def _keys() -> Iterator[Key]:
    """Read the tables: name, unit, number of values and meaning under each heading."""
    kinds: dict[str, Kind] = {"whole": "integer", "0/1": "flag"}
    other = dict(line.split(": ") for line in _SYNONYMS.strip().splitlines())
    group, per_block = "", True
    for line in _KEYS.strip().splitlines():
        words = line.split(maxsplit=3)
        if len(words) < 4:
            group = line
            continue
        name, unit, size, meaning = words
        per_block = per_block and name != "I_before_scaling"
        yield Key(
            name=name,
            unit="" if unit == "-" or unit in kinds else unit,
            size=int(size),
            group=group,
            meaning=meaning,
            per_block=per_block,
            kind=kinds.get(unit, "real"),
            depends=_DEPENDS.get(name, ()),
            optional=name == "background_photons",
            synonyms=tuple(other.get(name, "").split()),
        )


KEYS: Final[Mapping[str, Key]] = {key.name: key for key in _keys()}
"""Every key in causal order (trace 1); `background_photons` is nbcy's own."""

ALIASES: Final[Mapping[str, str]] = {"scattering_vec_A_inv": "scattering_vec_per_m"}
"""Other names of keys. The reference prints 1/m under a name that says 1/Å."""

FLAGGED: Final[Mapping[str, str]] = dict(
    zip(_FLAGS, ("capture_fraction", "polar", "omega_pixel"), strict=True)
)
"""The factor that each flag weighs step by step."""

PARTS: Final[Mapping[str, tuple[str, int]]] = {
    **{
        f"{letter}{tail}": ("hkl_frac", i)
        for i, letter in enumerate("hkl")
        for tail in ("", "_frac", "_float", "_fractional")
    },
    **{
        f"{letter}{tail}": ("hkl_rounded", i)
        for i, letter in enumerate("hkl")
        for tail in ("0", "_int", "_rounded", "_round", "_nearest")
    },
}
"""Names of single components that programs print one by one."""


# Settings ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quantity:
    """One thing a program can say about its experiment.

    Attributes
    ----------
    name : str
        Key of the fact.
    label : str
        What people call it.
    unit : str
        Unit of its numbers, empty for none.
    decides : bool
        Whether two experiments that differ in it are different; False for what merely follows
        from other facts, or is only reported.
    path : str
        Configuration path, empty for what is no setting.
    flag : str
        The reference's flag.
    bears : tuple of str
        Keys on which it bears directly.
    cause : str
        Name of the cause when the sides say it differently, if it is not its own.
    synonyms : tuple of str
        Names under which it is printed, in the form of `plain_name`.
    """

    name: str
    label: str
    unit: str = ""
    decides: bool = True
    path: str = ""
    flag: str = ""
    bears: tuple[str, ...] = ()
    cause: str = ""
    synonyms: tuple[str, ...] = ()


_DETECTOR: Final = (*_PLACE, "pixel_pos_meters", "close_distance_meters")
_LATTICE: Final = ("F_latt_a", "F_latt_b", "F_latt_c", "F_latt", "I_before_scaling")
_SUM: Final = ("steps", "I_before_scaling")
_EVERY_SOURCE: Final = (
    *("incident_vec", "lambda_meters", "scattering_vec_per_m", "polar", "cos_2theta"),
    *("hkl_frac", *_SUM),
)


def _bears(text: str) -> tuple[str, ...]:
    named = {
        "detector": _DETECTOR,
        "lattice": _LATTICE,
        "sum": _SUM,
        "source": _EVERY_SOURCE,
        "cell": (*_CELL, *_STARS, "hkl_frac", "I_before_scaling"),
        "turn": (*_CELL, "hkl_frac", "I_before_scaling"),
        "beam": ("incident_vec", "scattering_vec_per_m", "polar", *_DETECTOR),
    }
    keys: list[str] = []
    for word in text.split():
        keys += named.get(word, (word,))
    return tuple(keys)


# name | label | unit | path | flag | bears on | cause | synonyms; a label that starts with "(" decides nothing
_SETTINGS: Final = """
pixel_traced | pixel traced (slow fast) | | | -trace_pixel | pixel_pos_meters | pixel_index |
convention | detector convention | | detector.convention | -mosflm, -xds, ... | beam detector incident_vec | convention | detector_convention
pivot | detector pivot point | | detector.pivot | -pivot | detector | pivot | detector_pivot pivot_mode
beam_direction | incident beam vector | | beam.direction | -beam_vector | beam | beam_vector |
fast_axis | fast axis | | detector.fast_vector | -fdet_vector | detector | detector_axes |
slow_axis | slow axis | | detector.slow_vector | -sdet_vector | detector | detector_axes |
normal_axis | (detector normal | | | | | | odet odet_vec normal_vec odet_after_twotheta detector_normal
normal_given | (detector normal as typed | | detector.normal_vector | -odet_vector | | normal_regenerated |
origin | detector origin | m | detector.pix0_mm | -pix0_vector | detector | detector_origin |
pixel | pixel size | m | detector.pixel_mm | -pixel | detector omega_pixel_sr omega_pixel | pixel_size | pixel_size pixel_size_m
pixels | pixels (fast slow) | | detector.pixels_fast | -detpixels | pix0_vector_meters | detector_size | detpixels detpixels_fastslow
distance | detector distance | m | detector.distance_mm | -distance | detector | distance | distance detector_distance
close_distance | close distance | m | detector.close_distance_mm | -close_distance | detector | distance |
ratio | (beam · normal | | | | | | ratio
beam_centre | beam centre X Y | m | detector.xbeam_mm | -Xbeam -Ybeam | detector | beam_centre | beam_center beam_centre
direct_beam | beam centre, direct beam fast slow | m | detector.xbeam_mm | -Xbeam -Ybeam | detector | beam_centre |
near_point_given | (near point X Y | m | detector.xclose_mm | -Xclose -Yclose | | beam_centre |
near_point | beam centre, near point fast slow | m | detector.orgx_px | -ORGX -ORGY | detector | beam_centre |
detector_rotations | detector rotations rotx roty rotz twotheta | rad | detector.rotx_deg | -detector_rotx -detector_roty -detector_rotz -twotheta | detector | detector_rotation |
twotheta_axis | twotheta axis | | detector.twotheta_axis | -twotheta_axis | detector | detector_rotation | twotheta_axis
curved | curved detector | | detector.curved | -curved_det | pixel_pos_meters | curved |
point_pixel | point pixel | | detector.point_pixel | -point_pixel | omega_pixel_sr omega_pixel | point_pixel |
thickness | sensor thickness | m | detector.thickness_um | -detector_thick | pixel_pos_meters capture_fraction | sensor | detector_thick sensor_thickness thickness
layers | sensor layers | | detector.thickness_steps | -detector_thicksteps | pixel_pos_meters capture_fraction | sensor | thicksteps
mu | sensor absorption | 1/m | detector.attenuation_depth_um | -detector_abs | capture_fraction | sensor | mu
wavelength | wavelength | m | beam.wavelength_angstrom | -lambda | source | wavelength |
energy | (photon energy | eV | beam.energy_ev | -energy | | wavelength | energy photon_energy
dispersion | dispersion (wavelength spread) | % | beam.dispersion_percent | -dispersion | source | dispersion | dispersion
sources | number of sources | | beam.source_file | -sourcefile, -dispsteps, -hdivsteps, -vdivsteps | source | sources | n_sources nsources sources number_of_sources
wavelengths | wavelengths of the sources | m | beam.source_file | -sourcefile, -dispersion | source | sources |
source_weights | weights of the sources | | beam.source_file | -sourcefile | I_before_scaling I_pixel_final | source_weights |
source_directions | directions of the sources | | beam.source_file | -sourcefile, -hdivrange | source | sources |
divergence | beam divergence horizontal vertical | rad | beam.hdiv_mrad | -divergence, -hdivrange, -vdivrange | source | divergence | divergence
flux | flux | photons/s | beam.flux_photons_per_s | -flux | fluence_photons_per_m2 | flux | flux
exposure | exposure time | s | beam.exposure_s | -exposure | fluence_photons_per_m2 | exposure | exposure exposure_time
beam_size | beam size | m | beam.size_mm | -beamsize | fluence_photons_per_m2 | beam_size | beamsize beam_size
fluence | fluence | photons/m² | beam.fluence_photons_per_m2 | -fluence | fluence_photons_per_m2 | fluence |
kahn | Kahn polarization factor K | | beam.kahn_factor | -polar | polar I_before_scaling | kahn | kahn kahn_factor kahn_polarization_factor
nopolar | polarization switched off | | beam.nopolar | -nopolar | polar I_before_scaling | polar_off | nopolar
polarization_vector | polarization vector (axis of the electric field) | | beam.polarization_vector | -polar_vector | polar I_before_scaling | polarization_vector | polarization_vector polar_vector polarization_axis electric_field
polarization_normal | (beam × polarization | | | | polar I_before_scaling | polarization_vector |
spindle | spindle axis | | spindle.axis | -spindle_axis | turn | spindle | spindle_axis spindle_axis_raw rotation_axis spindle_axis_normalized
phi_range | φ range (phi, osc) | deg | spindle.phi_deg | -phi -osc | turn | phi_range |
phi_start | (φ start | deg | spindle.phi_deg | -phi | | phi_range | phi_start phi0 phi
osc | (oscillation range osc | deg | spindle.osc_deg | -osc | | phi_range | osc osc_range oscillation
phi_steps | (number of φ steps | | spindle.steps | -phisteps | sum | phi_steps | phisteps phi_steps n_phi
phis | φ of each step (phi, osc, phisteps) | deg | spindle.steps | -phi -osc -phisteps | turn sum | phi_range |
cell | unit cell | Å deg | crystal.cell_angstrom_deg | -cell | cell | cell | unit_cell cell unit_cell_tuple
misset | misset (crystal orientation) | deg | crystal.misset_deg | -misset | cell | misset | misset misset_deg
real_cell | cell vectors a b c: cell and orientation | Å | crystal.matrix | -mat | cell | crystal_rotation |
reciprocal_cell | reciprocal vectors a* b* c*: cell and orientation | 1/Å | crystal.matrix | -mat | cell | crystal_rotation |
cells | numbers of unit cells Na Nb Nc | | crystal.cells | -N, -Na -Nb -Nc | lattice | cells | ncells_abc n_cells ncells cells n_abc
cells_matrix | numbers of unit cells, as a matrix | | crystal.cells_matrix | --set | lattice | cells | cells_matrix
spot_scale | scale of the crystal's part of the image | | crystal.spot_scale | -spot_scale | F_cell I_before_scaling | spot_scale | spot_scale
B_factor | B factor on top of the structure factors | Å² | crystal.B_factor_angstrom2 | -B_factor | F_cell I_before_scaling | B_factor | b_factor
shape | crystal shape | | crystal.shape | -square_xtal, -round_xtal, -gauss_xtal, -tophat_spots | lattice | shape | xtal_shape crystal_shape shape
fudge | shape factor (fudge) | | crystal.fudge | -fudge | lattice | fudge | fudge
domains | mosaic domains | | crystal.mosaic_domains | -mosaic_domains | sum | mosaic_domains | mosaic_domains domains n_domains
mosaic_spread | mosaic spread (mosaicity) | deg | crystal.mosaic_spread_deg | -mosaic | I_before_scaling | mosaic_spread | mosaic_spread mosaicity mosaic
mosaic_model | mosaic model | | crystal.mosaic_model | -mosaic_model | I_before_scaling | mosaic_model | mosaic_model
domain_weights | weights of the mosaic domains | | crystal.mosaic_weights | -mosaic_matrices | I_before_scaling | mosaic_weights | mosaic_weights
mosaic_seed | mosaic seed | | crystal.mosaic_seed | -mosaic_seed | I_before_scaling | mosaic_seed | mosaic_seed
hkl_loaded | structure factors loaded | | crystal.hkl_file | -hkl | F_cell I_before_scaling | structure_factors |
hkl_file | (structure factor file | | crystal.hkl_file | -hkl | F_cell I_before_scaling | structure_factors | hkl_file
default_F | default F (default_F) | | crystal.default_F | -default_F | F_cell I_before_scaling | default_F | default_f
interpolation | interpolation of structure factors | | sampling.interpolate | -interpolate | F_cell I_before_scaling | interpolation | interpolate
dmin | finest spacing dmin | m | sampling.dmin_angstrom | -dmin | I_before_scaling hkl_frac | dmin | dmin
oversample | oversampling (oversample) | | sampling.oversample | -oversample | pixel_pos_meters sum | oversample | oversample oversampling
recommended_oversample | (oversample the size calls for | | | | | |
water | water background | photons/sr | background.water_um | -water | background_photons I_pixel_final | background |
materials | materials of the background | | background.materials | -stol | background_photons I_pixel_final | background |
quirks | quirks of the reference reproduced | | quirks | -quirks | turn cell lattice detector capture_fraction I_pixel_final | quirks |
"""


def _quantities() -> Iterator[Quantity]:
    for line in _SETTINGS.strip().splitlines():
        name, label, unit, path, flag, bears, cause, synonyms = (
            cell.strip() for cell in line.split("|")
        )
        yield Quantity(
            name=name,
            label=label.removeprefix("("),
            unit=unit,
            decides=not label.startswith("("),
            path=path,
            flag=flag,
            bears=_bears(bears),
            cause=cause or name,
            synonyms=tuple(synonyms.split()),
        )


QUANTITIES: Final[Mapping[str, Quantity]] = {q.name: q for q in _quantities()}
"""Every fact by name, in the order in which they are reported."""


_PLACING: Final = (
    *("distance", "beam_centre", "direct_beam", "near_point", "near_point_given", "pivot"),
    *("convention", "detector_rotations", "twotheta_axis", "beam_direction", "pixel", "pixels"),
    "close_distance",
)
FOLLOWS: Final[Mapping[str, tuple[str, ...]]] = {
    "origin": (*_PLACING, "fast_axis", "slow_axis"),
    "close_distance": ("distance", "detector_rotations", "pivot", "convention", "beam_direction"),
    "beam_centre": ("pivot", "convention", "detector_rotations", "pixels", "pixel"),
    "near_point": (
        *("beam_centre", "pivot", "detector_rotations", "distance", "convention"),
        *("beam_direction", "pixels", "pixel"),
    ),
    "direct_beam": (
        *("pivot", "detector_rotations", "distance", "convention", "beam_direction"),
        *("pixels", "pixel", "beam_centre"),
    ),
    "fast_axis": ("convention", "detector_rotations", "twotheta_axis"),
    "slow_axis": ("convention", "detector_rotations", "twotheta_axis"),
    "beam_direction": ("convention",),
    "polarization_vector": ("convention",),
    "polarization_normal": ("polarization_vector", "convention", "beam_direction"),
    "spindle": ("convention",),
    "pivot": ("convention",),
    "fluence": ("flux", "exposure", "beam_size"),
    "phi_range": ("phis",),
    "real_cell": ("cell", "misset"),
    "reciprocal_cell": ("cell", "misset"),
    "wavelengths": ("wavelength", "dispersion", "sources"),
    "source_weights": ("sources", "dispersion", "divergence"),
    "source_directions": ("beam_direction", "divergence", "convention", "sources"),
    "sources": ("dispersion", "divergence"),
    "hkl_loaded": ("hkl_file",),
    "mosaic_seed": ("mosaic_spread", "domains", "mosaic_model"),
    "recommended_oversample": ("cells", "cell", "wavelength", "distance", "pixel"),
}
"""Settings that follow from others: named only where none of these differs."""

RESULTS: Final = frozenset(
    {
        *("origin", "near_point", "direct_beam", "close_distance", "fluence", "fast_axis"),
        *("slow_axis", "polarization_normal", "recommended_oversample", "wavelengths"),
        *("real_cell", "reciprocal_cell", "source_weights", "source_directions"),
    }
)
"""What a program reports as the result of settings: a cause found in the numbers says more."""


# Names as they are printed -----------------------------------------------------------------------

UNITS: Final[Mapping[str, tuple[str, float]]] = {
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), ("m", 1.0)),
    **dict.fromkeys(("mm", "millimeters"), ("m", 1e-3)),
    **dict.fromkeys(("cm",), ("m", 1e-2)),
    **dict.fromkeys(("um", "µm", "μm", "microns", "micron", "micrometers"), ("m", 1e-6)),
    **dict.fromkeys(("nm",), ("m", 1e-9)),
    **dict.fromkeys(("å", "a", "ang", "angstrom", "angstroms"), ("m", 1e-10)),
    **dict.fromkeys(("1/m", "m^-1", "m-1", "per_m", "m_inv"), ("1/m", 1.0)),
    **dict.fromkeys(("1/nm", "nm^-1", "nm-1"), ("1/m", 1e9)),
    **dict.fromkeys(("1/å", "å^-1", "å-1", "1/a", "a^-1", "a-1", "å⁻¹"), ("1/m", 1e10)),
    **dict.fromkeys(("a_inv", "inv_a", "per_a", "per_angstrom", "inv_angstrom"), ("1/m", 1e10)),
    **dict.fromkeys(("sr", "steradian", "steradians"), ("sr", 1.0)),
    **dict.fromkeys(("usr", "µsr"), ("sr", 1e-6)),
    **dict.fromkeys(("deg", "degree", "degrees", "°"), ("deg", 1.0)),
    **dict.fromkeys(("rad", "radian", "radians"), ("rad", 1.0)),
    **dict.fromkeys(("mrad",), ("rad", 1e-3)),
    **dict.fromkeys(("m^2", "m2", "m²"), ("m²", 1.0)),
    **dict.fromkeys(("photons/m^2", "photons/m2", "photons/m²", "ph/m^2"), ("1/m²", 1.0)),
    **dict.fromkeys(("photons_per_m2", "1/m^2", "m^-2", "ph/m2", "1/m²"), ("1/m²", 1.0)),
    **dict.fromkeys(("photons/mm^2", "photons/mm2", "photons_per_mm2", "ph/mm^2"), ("1/m²", 1e6)),
    **dict.fromkeys(("photons/um^2", "photons/µm²", "photons/um2"), ("1/m²", 1e12)),
    **dict.fromkeys(("photons", "ph", "counts", "e", "electrons"), ("photons", 1.0)),
    **dict.fromkeys(("ev",), ("eV", 1.0)),
    **dict.fromkeys(("kev",), ("eV", 1e3)),
    **dict.fromkeys(("s", "sec", "seconds"), ("s", 1.0)),
    **dict.fromkeys(("ms",), ("s", 1e-3)),
    **dict.fromkeys(("%", "percent"), ("%", 1.0)),
}
"""Units as people write them, in lower case: the SI unit (or degree), and what one of them is in it."""

_IN_SI: Final = {"Å": ("m", 1e-10), "1/Å": ("1/m", 1e10), "photons/m²": ("1/m²", 1.0)}


def in_unit(unit: str, wanted: str) -> float | None:
    """Return what one ``unit`` is in the unit of a key or setting; None where they do not match."""
    known = UNITS.get(unit.lower())
    dimension, size = _IN_SI.get(wanted, (wanted, 1.0))
    if known is None:
        return None
    if known[0] == dimension:
        return known[1] / size
    turns = {("deg", "rad"): 0.017453292519943295, ("rad", "deg"): 57.29577951308232}
    factor = turns.get((known[0], dimension))
    return None if factor is None else factor * known[1] / size


_LETTERS: Final = str.maketrans(
    {"λ": "lambda", "Ω": "omega", "ω": "omega", "θ": "theta", "φ": "phi", "²": "_sqr", "σ": "sigma"}
)
_OTHER: Final = frozenset({"raw", "before", "input", "old", "initial", "unrotated"})
"""Words in brackets behind a name that say: not the value that is used."""

_QUALIFIER: Final = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")


@lru_cache(maxsize=4096)
def plain_name(text: str) -> tuple[str, str]:
    """Return a printed name in lower case and underscores, and the unit in brackets behind it."""
    unit = ""
    for words in _QUALIFIER.findall(text):
        if words.strip().lower() in _OTHER:
            return f"{words.strip().lower()} {text}", ""
        if words.strip().lower() in UNITS:
            unit = words.strip()
    text = _QUALIFIER.sub(" ", text)
    text = re.sub(r"(\^|\*\*)\s*2\b", "_sqr", text.translate(_LETTERS)).replace("*", "_star ")
    text = re.sub(r"\W+", "_", text.rpartition(".")[2].lower()).strip("_")
    return re.sub(r"__+", "_", text), unit


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a printed name means.

    Attributes
    ----------
    name : str
        Of a key or a setting.
    rank : int
        0 for the key's own name, higher for names that say less exactly what is meant.
    part : int or None
        Which of three components it is, None for all.
    unit : str
        Unit that the name says, empty for none.
    setting : bool
        Whether it is a setting and no key.
    """

    name: str
    rank: int
    part: int | None = None
    unit: str = ""
    setting: bool = False


@cache
def _index() -> dict[str, Meaning]:
    index: dict[str, Meaning] = {}
    for name, quantity in QUANTITIES.items():
        for rank, word in enumerate((name.lower(), *quantity.synonyms)):
            index[word] = Meaning(name, rank, setting=True)
    for word, (name, part) in PARTS.items():
        index[word] = Meaning(name, 50, part)
    for name, key in KEYS.items():
        for rank, word in enumerate((name.lower(), *key.synonyms)):
            index[word] = Meaning(name, rank)
    return index


_SUFFIXES: Final = tuple(
    sorted((unit for unit in UNITS if re.fullmatch(r"[a-z0-9_]+", unit)), key=len, reverse=True)
)
_COMPONENT: Final = re.compile(r"(.+?)_([xyz012])$")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@lru_cache(maxsize=4096)
def meaning_of(text: str) -> Meaning | None:
    """Return what a printed name means, None for a name that nobody has explained."""
    word, unit = plain_name(text)
    index = _index()
    if (found := index.get(word)) is not None:
        return Meaning(found.name, found.rank, found.part, unit, found.setting)
    for suffix in _SUFFIXES:
        if word.endswith(f"_{suffix}") and (found := index.get(word[: -len(suffix) - 1])):
            return Meaning(found.name, found.rank + 1, found.part, unit or suffix, found.setting)
    if (match := _COMPONENT.fullmatch(word)) and (found := index.get(match[1])):
        part = "xyz012".index(match[2]) % 3
        if not found.setting and KEYS[found.name].size == 3:
            return Meaning(found.name, found.rank + 1, part, unit, False)
    snake = _HUMP.sub("_", text)
    return meaning_of(snake) if snake != text else None
