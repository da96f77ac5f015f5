"""The compiled kernel: what it is asked to do, how it runs on this machine, how it was built.

In: a `Scene`. Out: photons, or every step of one pixel.
"""
