"""Measurements of nbcy, as ratios within one run: ``python -m bench``."""
