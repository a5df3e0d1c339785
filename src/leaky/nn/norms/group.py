"""`GroupNormAct`."""

from __future__ import annotations

from typing import Any

import torch

from leaky.catalogue import Spec
from leaky.kernels.select import forced
from leaky.nn.norms.base import DEFAULT, NormActModule
from leaky.nn.norms.statistics import Norm, empty_statistics


class GroupNormAct(NormActModule, torch.nn.GroupNorm):
    """torch.nn.GroupNorm followed by an activation, in one pass, keeping one tensor for backward, not two.

    y = f(weight * (x - mean) / sqrt(var + eps) + bias), f the activation, mean and var those of a group of
    neighbouring channels of one sample; f'(0) is the left side's, NaN stays NaN and spreads over its group.

    Args:
        num_groups: how many groups the channels make; 1 is a layer norm over (C, *), num_channels an instance norm.
        num_channels: C of the input; a multiple of num_groups.
        eps: added to the variance.
        affine: whether there are weights and biases, one of each per channel.
        device, dtype, bias: as in torch.nn.GroupNorm.
        activation: a spec, keyword only.

    Parameters and state_dict are the norm's own. Takes (N, C, *) of any rank in float64, float32, bfloat16 and
    float16 (statistics in float32), contiguous or channels last (then so is the output).

    Saved for backward, on the CPU with the native kernels: the output alone, which the next layer mostly keeps
    anyway; in addition the input of those channels where |bias| > 3 |weight|, or weight is (almost) 0, and it could
    not be read back from the output without loss. With a slope of 0 or below (ReLU), and on a GPU with the kernels
    in Triton, the norm's input alone. Elsewhere, and for an input (N, C), the norm's input and the output.
    `explain(input)` tells which. Where the output is kept it must not be changed in place before backward.

    Raises ArgumentError for an activation that learns (PReLU); ValueError, as torch, for channels that are no
    multiple of num_groups and for one sample with groups of one value.

    Example:
        >>> import torch, leaky
        >>> layer = leaky.nn.GroupNormAct(2, 6, activation="leaky_relu(negative_slope=0.1)")
        >>> layer(torch.randn(3, 6, 8, 8)).shape
        torch.Size([3, 6, 8, 8])

    Source: Wu, He 2018: Group Normalization. ECCV.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
        activation: str | Spec = DEFAULT,
    ) -> None:
        super().__init__(
            num_groups, num_channels, eps, affine, device, dtype, bias=bias, activation=activation
        )

    def _channels(self) -> int:
        return self.num_channels

    def _check_input_dim(self, input: torch.Tensor) -> None:
        """Any rank from 2 on; `_serving` has seen the channels."""

    def _unsuited(self, x: torch.Tensor, vectors: Any) -> str | None:
        reason = super()._unsuited(x, vectors)
        if reason is None and x.dim() == 2 and not forced():
            # every element has constants of its own: 2 to 4 times torch's time
            return "an input without space is faster in torch"
        return reason

    def _plan(
        self, x: torch.Tensor, running_mean: torch.Tensor | None, running_var: torch.Tensor | None
    ) -> Norm:
        groups = self.num_groups
        if x.numel() == groups:  # one value: torch has the words
            torch.nn.functional.group_norm(x, groups, None, None, self.eps)
        mean, var = empty_statistics(len(x) * groups, x)
        return Norm(mean, var, self.eps, groups, given=False)
