"""How the functions run fast, and who serves a call.

`native` are the CPU kernels (compiled, optional), `gpu` those in Triton for GPUs (optional), `plain` torch operations
only, for every other device and every install without them. On NumPy arrays `dense` decides: an entry's formula
becomes a `program`, which the native kernels run, or NumPy in blocks (`blocked`). `LEAKY_KERNELS=plain`, `native` or
`triton` in the environment forces one; what is forced and cannot run raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leaky.kernels.select import Choice

__all__ = ["Choice", "explain"]


def explain(operation: str, x: Any, **parameters: Any) -> Any:
    """Which kernel serves `operation` on `x`, and why; printed, one line.

    `operation` is any entry of the catalogue, with its parameters. On a NumPy array native kernels serve, NumPy in
    blocks, or the formula. On a torch tensor it is what `leaky.nn` trains with, and what is kept for backward is
    told: of the layers that keep less than torch's, which are `leaky.kernels.select.LAYERS` ("bias_act" and
    "norm_act" too), else of the entry's function. A norm with its activation tells more itself:
    `leaky.nn.BatchNormAct2d(...).explain(x)`.

    Raises:
        ArgumentError: an unknown operation or parameter.
        KernelError: `LEAKY_KERNELS` asks for kernels that cannot serve the call.

    Example:
        >>> import leaky, numpy as np
        >>> print(leaky.kernels.explain("crelu", np.ones((2, 3))))
        formula: it does not work element by element with numbers as parameters
    """
    import numpy as np

    if isinstance(x, np.ndarray):
        from leaky.kernels import dense

        return dense.explain(operation, x, parameters)
    from leaky.kernels import explained

    return explained.explain(operation, x, parameters)


def __getattr__(name: str) -> Any:
    if name == "Choice":
        from leaky.kernels import select

        return select.Choice
    raise AttributeError(f"module 'leaky.kernels' has no attribute {name!r}")
