"""rosinality's op: `from leaky.nn.compat.rosinality import FusedLeakyReLU, fused_leaky_relu`, from op before."""

from __future__ import annotations

import torch

from leaky.nn.arguments import flag
from leaky.nn.bias_act.arguments import Names, features
from leaky.nn.bias_act.function import leaky_bias_act
from leaky.nn.bias_act.plan import leaky_plan
from leaky.nn.whole import unscripted, whole

_NAMES = Names("fused_leaky_relu", x="input", gain="scale")
_LAYER = _NAMES._replace(function="FusedLeakyReLU")


@unscripted
def fused_leaky_relu(
    input: torch.Tensor,
    bias: torch.Tensor | None = None,
    negative_slope: float = 0.2,
    scale: float = 2**0.5,
) -> torch.Tensor:
    """scale * leaky_relu(input + bias, negative_slope), the bias along dimension 1.

    The original's way on the CPU takes 0.2 whatever `negative_slope` is, and its way on a GPU has gradients of first
    and second order; here every device takes `negative_slope`, and gradients are of any order. f'(0) is scale *
    negative_slope; NaN stays NaN. Arguments' dtypes, errors and what is saved: see `leaky.nn.functional.bias_act`.

    Example:
        >>> import torch
        >>> from leaky.nn.compat.rosinality import fused_leaky_relu
        >>> fused_leaky_relu(torch.tensor([[-2.0, 3.0]]), torch.tensor([1.0, 1.0]), 0.5, 2.0)
        tensor([[-1.,  8.]])
    """
    return leaky_bias_act(input, bias, negative_slope, scale, None, 1, _NAMES)


@whole
class FusedLeakyReLU(torch.nn.Module):
    """`fused_leaky_relu` with a learned bias of `channel` entries, 0 at the start; None where `bias` is False.

    The state_dict is the original's: `bias` alone, or nothing. Raises ArgumentError for `channel` below 1 and numbers
    that are not finite, ArgumentTypeError for what are no numbers, or no bool.

    Example:
        >>> import torch
        >>> from leaky.nn.compat.rosinality import FusedLeakyReLU
        >>> list(FusedLeakyReLU(8).state_dict())
        ['bias']
    """

    bias: torch.nn.Parameter | None

    def __init__(
        self, channel: int, bias: bool = True, negative_slope: float = 0.2, scale: float = 2**0.5
    ) -> None:
        super().__init__()
        channel = features("FusedLeakyReLU", "channel", channel)
        flag("FusedLeakyReLU", "bias", bias)
        leaky_plan(negative_slope, scale, None, _LAYER)  # raises where they are wrong
        self.register_parameter("bias", torch.nn.Parameter(torch.zeros(channel)) if bias else None)
        self.negative_slope = negative_slope
        self.scale = scale

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """scale * leaky_relu(input + bias, negative_slope)."""
        return leaky_bias_act(input, self.bias, self.negative_slope, self.scale, None, 1, _LAYER)
