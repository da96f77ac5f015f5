"""Data that ship with nbcy: the crystal and the frame of ``nbcy demo``."""
