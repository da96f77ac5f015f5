"""The ground: errors, units, constants, vectors, cells, symmetry, random numbers, files.

In: plain numbers, text and bytes. Out: the same, checked and converted. Knows nothing of nbcy.
"""
