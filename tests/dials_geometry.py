"""Runs under a Python that has dxtbx: what it makes of an experiment list, as JSON.

``dials_geometry.py describe FILE`` prints the lab positions of panel corners (mm), masks, the beam
and the crystal at some spindle angles; ``dials_geometry.py make FILE`` writes an experiment list
with nested groups of panels and a goniometer of three axes, and prints the same.
"""

import json
import sys

from dxtbx.model import (
    Beam,
    Crystal,
    Detector,
    Experiment,
    ExperimentList,
    MultiAxisGoniometer,
    Scan,
)
from dxtbx.model.experiment_list import ExperimentListFactory
from scitbx import matrix
from scitbx.array_family import flex


def describe(experiment):
    corners = []
    masks = []
    for panel in experiment.detector:
        fast, slow = panel.get_image_size()
        df, ds = panel.get_pixel_size()
        ends = [(0, 0), (fast, 0), (0, slow), (fast, slow)]
        corners.append([panel.get_lab_coord((f * df, s * ds)) for f, s in ends])
        kept = panel.get_untrusted_rectangle_mask()
        masks.append([n for n, good in enumerate(kept) if not good])
    beam, crystal = experiment.beam, experiment.crystal
    found = {
        "corners": corners,
        "masks": masks,
        "names": [panel.get_name() for panel in experiment.detector],
        "s0": beam.get_s0(),
        "wavelength": beam.get_wavelength(),
        "normal": beam.get_polarization_normal(),
        "fraction": beam.get_polarization_fraction(),
    }
    if experiment.scan is not None:
        found["oscillation"] = experiment.scan.get_oscillation()
        found["images"] = experiment.scan.get_num_images()
    if crystal is not None:
        a = matrix.sqr(crystal.get_A())
        found["A"] = {}
        goniometer = experiment.goniometer
        if goniometer is not None:
            setting = matrix.sqr(goniometer.get_setting_rotation())
            fixed = matrix.sqr(goniometer.get_fixed_rotation())
            axis = matrix.col(goniometer.get_rotation_axis_datum())
            for degrees in (0, 17, 90):
                turn = axis.axis_and_angle_as_r3_rotation_matrix(degrees, deg=True)
                found["A"][degrees] = list(setting * turn * fixed * a)
    return found


def make():
    detector = Detector()
    root = detector.hierarchy()
    root.set_local_frame((1, 0, 0), (0, -1, 0), (1, 2, -100))
    group = root.add_group()
    group.set_local_frame((0.8, 0.6, 0), (-0.6, 0.8, 0), (3, 4, 5))
    inner = group.add_group()
    inner.set_local_frame((0, 0.6, 0.8), (1, 0, 0), (-3, 1, 2))
    for owner, name, origin in (
        (root, "a", (-7, 8, 9)),
        (inner, "b", (7, 8, 9)),
        (group, "c", (1, 0, 0.5)),
    ):
        panel = owner.add_panel()
        panel.set_local_frame((0.28, 0.96, 0), (-0.96, 0.28, 0), origin)
        panel.set_name(name)
        panel.set_image_size((10, 20))
        panel.set_pixel_size((0.1, 0.1))
        panel.set_trusted_range((0, 100000))
        panel.add_mask(1, 2, 4, 5)
        panel.set_thickness(0.32)
        panel.set_mu(3.9)
    goniometer = MultiAxisGoniometer(
        flex.vec3_double([(1, 0, 0), (0.6, 0.8, 0), (0, 0.6, 0.8)]),
        flex.double([10, 20, 30]),
        flex.std_string(["phi", "kappa", "omega"]),
        1,
    )
    beam = Beam((0.01, 0.02, 0.9), 0.9)
    beam.set_polarization_fraction(0.97)
    crystal = Crystal((50, 1, 2), (3, 60, -4), (5, -6, 70), "P1")
    experiments = ExperimentList()
    experiments.append(
        Experiment(
            beam=beam,
            detector=detector,
            goniometer=goniometer,
            scan=Scan((1, 10), (5.0, 0.5)),
            crystal=crystal,
        )
    )
    return experiments


if sys.argv[1] == "make":
    made = make()
    made.as_file(sys.argv[2])
else:
    made = ExperimentListFactory.from_json_file(sys.argv[2], check_format=False)
print(json.dumps([describe(experiment) for experiment in made]))
