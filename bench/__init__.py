"""Measurements of nbcy, as ratios within one run: ``python -m bench``."""

import sys

# Run from a clone, "nbcy" must be the installed package, not the source folder beside this one.
if sys.path and sys.path[0] != sys.path[-1]:
    sys.path.append(sys.path.pop(0))
