"""What is read before there is a scene: structure factors, atoms, matrices, tables, sources.

In: file names. Out: arrays and small records.
"""
