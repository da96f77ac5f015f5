"""Files of images and of geometry: a module a format, one registry.

In: bytes. Out: frames (pixels) and a `Measurement` or a `Geometry` (what a file says besides), and
the way back. Knows neither a `Scene` nor an `Image`.
"""
