"""A configuration in, images and traces out: `Simulator`, its variations, the trace of a pixel.

In: a `Config`. Out: `Image`, `Trace`.
"""
