"""nanoBragg's flags: what each is called, takes and sets.

In: words of a command line. Out: a `Config`, and what to do with its image.
"""
