"""RReLU with torch's own draws, which keeps the slopes alone: the input is not needed beside them."""

from __future__ import annotations

from typing import Any

import torch

from leaky.nn.reuse import held_once


class KeepNoise(torch.autograd.Function):
    """torch's rrelu in training, to the bit and with its draws; keeps the noise tensor: f', 1 where not x <= 0.

    Drawing the slopes again from the generator's state would take torch's serial draws twice, most of its time.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, lower: float, upper: float, inplace: bool) -> torch.Tensor:
        noise = torch.empty_like(x, memory_format=torch.contiguous_format)
        function = torch.ops.aten.rrelu_with_noise_ if inplace else torch.ops.aten.rrelu_with_noise
        y: torch.Tensor = function(x, noise, lower, upper, True)
        ctx.save_for_backward(noise)
        if inplace:
            ctx.mark_dirty(x)
            return x
        return y

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        over = held_once(grads)
        (noise,) = ctx.saved_tensors
        if over and grads[0].stride() == noise.stride():
            return grads[0].mul_(noise), None, None, None
        return grads[0] * noise, None, None, None
