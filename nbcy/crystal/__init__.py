"""What the crystal is made of: structure factors in P1, calculated or measured, and orientations.

In: arrays of `inputs`. Out: `StructureFactors`, rotation matrices.
"""
