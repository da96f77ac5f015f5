"""Data that ships with nbcy: the crystal and detector of ``nbcy demo``."""
