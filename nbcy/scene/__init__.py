"""The resolved scene: everything the kernel needs, in SI, a stage a module.

In: a `Config` and what its files hold. Out: a `Scene`, and who chose each of its values.
"""

from typing import TYPE_CHECKING

from nbcy.base.lazy import hand_on

if TYPE_CHECKING:
    from nbcy.scene.scene import Scene

__all__ = ["Scene"]

__getattr__, __dir__ = hand_on(__name__, {"nbcy.scene.scene": __all__})
