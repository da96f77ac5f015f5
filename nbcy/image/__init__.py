"""The image: photons, counts, and what a person sees of them.

In: photons per pixel and their `Scene`. Out: an `Image`, its noise, its pictures, its files.
"""

from typing import TYPE_CHECKING

from nbcy.base.lazy import hand_on

if TYPE_CHECKING:
    from nbcy.image.image import Image

__all__ = ["Image"]

__getattr__, __dir__ = hand_on(__name__, {"nbcy.image.image": __all__})
