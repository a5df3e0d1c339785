"""How the functions run fast, and who serves a call.

`native` are the CPU kernels (compiled, optional), `plain` torch operations only, for every other device and every
install without a compiler. `LEAKY_KERNELS=plain` or `LEAKY_KERNELS=native` in the environment forces one; what is
forced and cannot run raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leaky.kernels.select import Choice, explain

__all__ = ["Choice", "explain"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from leaky.kernels import select

        return getattr(select, name)
    raise AttributeError(f"module 'leaky.kernels' has no attribute {name!r}")
