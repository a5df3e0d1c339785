"""The native CPU kernels of bias + activation, on torch's tensors: thin calls that pass addresses and sizes.

What they read and write, for whoever writes the same for another device: x, the output and the gradients are dense
and of one order, (n, c, s) in memory, the bias along c. `bits` is uint8, planes of ceil(n * c * s / 8) bytes one
after the other; element i in memory order has bit i % 8 of byte i // 8 of each plane, bits beyond the end are 0:

| lines | clamp | planes | bit of plane 0 | bit of plane 1 |
| --- | --- | --- | --- | --- |
| TWO | no | 1 | z > 0 | |
| TWO | yes | 2 | z > 0 | not abs(y) >= clamp |
| RELU | either | 1 | not z <= 0, and not abs(y) >= clamp | |
| ONE | no | 0 | | |
| ONE | yes | 1 | not abs(y) >= clamp | |

z = x + bias and y before it is held between -clamp and clamp, both in the precision that is computed in: float64 for
float64, else float32. NaN is above 0 for RELU and not for TWO, as in torch, and inside of every clamp.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from leaky.errors import ArgumentTypeError
from leaky.kernels import native

if TYPE_CHECKING:
    import torch

TWO, RELU, ONE = 0, 1, 2


class Lines(NamedTuple):
    """A function of z = x + bias, the gain multiplied in."""

    kind: int
    """TWO: z * upper if z > 0 else z * lower. RELU: 0 if z <= 0 else z * upper. ONE: z * upper."""
    upper: float
    lower: float
    clamp: float = math.nan
    """NaN: none."""

    @property
    def planes(self) -> int:
        """How many bits per element backward needs."""
        clamped = not math.isnan(self.clamp)
        return 1 + clamped if self.kind == TWO else 1 if self.kind == RELU else int(clamped)


def bias_act_forward(
    x: torch.Tensor,
    bias: torch.Tensor | None,
    out: torch.Tensor,
    bits: torch.Tensor | None,
    lines: Lines,
    n: int,
    c: int,
    s: int,
    threads: int | None = None,
) -> None:
    """out = lines(x + bias); `out` may be `x`, and `bits` get what backward needs (see above).

    `bias` has c entries of any of the four dtypes, next to each other.
    """
    kind, upper, lower, clamp = lines
    native.compiled().bias_act_forward(
        x.data_ptr(),
        0 if bias is None else bias.data_ptr(),
        out.data_ptr(),
        0 if bits is None else bits.data_ptr(),
        n,
        c,
        s,
        upper,
        lower,
        clamp,
        kind,
        0 if bits is None else lines.planes,
        _same(x, out, n * c * s),
        0 if bias is None else native._dtype(bias),
        native._threads(threads),
    )


def bias_act_backward(
    grad: torch.Tensor,
    bits: torch.Tensor | None,
    grad_x: torch.Tensor | None,
    grad_bias: torch.Tensor | None,
    lines: Lines,
    n: int,
    c: int,
    s: int,
    threads: int | None = None,
) -> None:
    """The gradient of x (may be written over `grad`) and its sums along all but c, each where it is given.

    `grad_bias` has c entries of float32, float64 for float64. The order of the sums depends on the shape alone.
    """
    kind, upper, lower, clamp = lines
    native.compiled().bias_act_backward(
        grad.data_ptr(),
        0 if bits is None else bits.data_ptr(),
        0 if grad_x is None else grad_x.data_ptr(),
        0 if grad_bias is None else grad_bias.data_ptr(),
        n,
        c,
        s,
        upper,
        lower,
        clamp,
        kind,
        lines.planes,
        _same(grad, grad if grad_x is None else grad_x, n * c * s),
        native._threads(threads),
    )


def _same(x: torch.Tensor, out: torch.Tensor, count: int) -> int:
    if x.numel() != count:
        raise ArgumentTypeError(f"leaky.kernels.native: n * c * s must be {x.numel()}, got {count}")
    return native._same_dtype(x, out)
