"""Many images as one piece of work: rotation series.

In: a `Config` and a number of frames. Out: frames, and files of them.
"""
