"""Leaky ReLU and ReLU for compilers, and what they and bias_act keep there: a number in a byte for each element.

On a CPU Inductor reads and writes booleans one at a time, which takes ten times as long as all the rest; bytes it
reads and converts by vectors. Of what backward needs it keeps what is smallest and nearest to it, so a comparison in
backward would be made in the forward pass, and a boolean kept. So backward calculates with the number: slope =
code * upper + (1 - code) * lower, which is exact for 0 and 1. What is 0 beyond both, times infinity too, is compared
besides, and not instead.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F


def coded(upper: torch.Tensor | None, *neither: torch.Tensor) -> torch.Tensor:
    """uint8: 2 where one of `neither` holds, else whether `upper` does; without `upper` 1."""
    code: Any = 1.0 if upper is None else torch.where(upper, 1.0, 0.0)
    for beyond in neither:
        code = torch.where(beyond, 2.0, code)
    kept: torch.Tensor = code.to(torch.uint8)
    return kept


def times_slope(
    grad: torch.Tensor, codes: torch.Tensor, upper: float, lower: float | None, *, neither: bool
) -> torch.Tensor:
    """grad times the slope that the codes tell, in the precision that is computed in; `lower` None: there is none.

    With `neither`, 0 where the code is 2, whatever the gradient.
    """
    dtype = torch.float64 if grad.dtype == torch.float64 else torch.float32
    code = codes.to(dtype)
    slope = code * upper if lower is None else code * upper + (1 - code) * lower
    result = grad.to(dtype) * slope
    return torch.where(code > 1.5, 0.0, result) if neither else result


def calculable(*slopes: float) -> bool:
    """Whether these slopes times 0 are 0, in float32 too."""
    return all(-1e38 < slope < 1e38 for slope in slopes)


class KeepCode(torch.autograd.Function):
    """Leaky ReLU of any finite slope, or with `negative_slope` None ReLU, for compilers; torch's to the bit.

    torch's own asks the input of leaky ReLU on which side it is. The output tells too with a slope of 0 or more, and
    wherever it is kept, as a convolution or linear layer behind it does, the code is made from it again, for nothing.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, negative_slope: float | None) -> torch.Tensor:
        if negative_slope is None:
            y = F.relu(x)
            code = coded(None, y <= 0)  # NaN is above
        else:
            y = F.leaky_relu(x, negative_slope)
            code = coded((y if negative_slope >= 0 else x) > 0)
        ctx.save_for_backward(code)  # not y: what the model adds to it in place must not matter
        ctx.negative_slope = negative_slope
        return y

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        (code,), (grad,), lower = ctx.saved_tensors, grads, ctx.negative_slope
        with torch.enable_grad():  # in which a compiler does not trace, and backward may be differentiated
            return times_slope(grad, code, 1.0, lower, neither=lower is None).to(grad.dtype), None
