"""mmcv's op: `from leaky.nn.compat.mmcv import FusedBiasLeakyReLU, fused_bias_leakyrelu`, from mmcv.ops before."""

from __future__ import annotations

import torch
from torch.overrides import has_torch_function

from leaky.kernels.select import DTYPES
from leaky.nn.bias_act.arguments import Names, features
from leaky.nn.bias_act.function import leaky_bias_act
from leaky.nn.bias_act.plan import leaky_plan
from leaky.nn.whole import unscripted, whole

_NAMES = Names("fused_bias_leakyrelu", x="input", gain="scale")
_LAYER = _NAMES._replace(function="FusedBiasLeakyReLU")


@unscripted
def fused_bias_leakyrelu(
    input: torch.Tensor,
    bias: torch.Tensor | None,
    negative_slope: float = 0.2,
    scale: float = 2**0.5,
) -> torch.Tensor:
    """scale * leaky_relu(input + bias, negative_slope), the bias along dimension 1 and cast to the input's dtype.

    f'(0) is scale * negative_slope; NaN stays NaN. Gradients are of any order, the original's of first and second.
    Errors and what is saved for backward: see `leaky.nn.functional.bias_act`.

    Example:
        >>> import torch
        >>> from leaky.nn.compat.mmcv import fused_bias_leakyrelu
        >>> fused_bias_leakyrelu(torch.tensor([[-2.0, 3.0]]), torch.tensor([1.0, 1.0]), 0.5, 2.0)
        tensor([[-1.,  8.]])
    """
    return leaky_bias_act(input, _cast(bias, input), negative_slope, scale, None, 1, _NAMES)


def _cast(bias: torch.Tensor | None, input: torch.Tensor) -> torch.Tensor | None:
    """The bias in the input's dtype, where both are as they should be."""
    if not has_torch_function((input, bias)):
        floating = (isinstance(tensor, torch.Tensor) and tensor.dtype in DTYPES for tensor in (input, bias))
        return bias.to(input.dtype) if bias is not None and all(floating) else bias
    return None if bias is None else bias.to(input.dtype)


@whole
class FusedBiasLeakyReLU(torch.nn.Module):
    """`fused_bias_leakyrelu` with a learned bias of `num_channels` entries, 0 at the start.

    The state_dict is the original's: `bias`. Raises ArgumentError for `num_channels` below 1 and numbers that are not
    finite, ArgumentTypeError for what are no numbers.

    Example:
        >>> import torch
        >>> from leaky.nn.compat.mmcv import FusedBiasLeakyReLU
        >>> FusedBiasLeakyReLU(8)(torch.ones(1, 8, 4, 4)).shape
        torch.Size([1, 8, 4, 4])
    """

    def __init__(self, num_channels: int, negative_slope: float = 0.2, scale: float = 2**0.5) -> None:
        super().__init__()
        leaky_plan(negative_slope, scale, None, _LAYER)  # raises where they are wrong
        self.bias = torch.nn.Parameter(
            torch.zeros(features("FusedBiasLeakyReLU", "num_channels", num_channels))
        )
        self.negative_slope = negative_slope
        self.scale = scale

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """scale * leaky_relu(input + bias, negative_slope)."""
        own = _cast(self.bias, input)
        return leaky_bias_act(input, own, self.negative_slope, self.scale, None, 1, _LAYER)
