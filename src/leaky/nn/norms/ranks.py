"""Statistics of a norm over the ranks of a process group, in one collective each way."""

from __future__ import annotations

from typing import Any

import torch
from torch import distributed


class Ranks:
    """The processes that share a norm's statistics; `total` is how many values of a channel they saw."""

    def __init__(self, group: Any) -> None:
        self.group = group
        self.size = distributed.get_world_size(group)
        self.total = torch.zeros((), dtype=torch.float64)

    def combine(self, mean: torch.Tensor, var: torch.Tensor, count: int) -> None:
        """This rank's statistics of `count` values become those of all, in float64 and by distances of means."""
        channels = len(mean)
        own = torch.empty(2 * channels + 1, dtype=torch.float64, device=mean.device)
        own[:channels], own[channels:-1], own[-1] = (mean, var, count) if count else (0, 0, 0)
        every = [torch.empty_like(own) for _ in range(self.size)]
        distributed.all_gather(every, own, group=self.group)
        found = torch.stack(every)
        means, variances, counts = found[:, :channels], found[:, channels:-1], found[:, -1:]
        self.total = counts.sum()
        over_all = (counts * means).sum(0) / self.total
        mean.copy_(over_all)
        var.copy_((counts * (variances + (means - over_all) ** 2)).sum(0) / self.total)

    def averages(self, first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """This rank's sums added to those of the others, over the count of all."""
        sums = torch.stack([first, second]).double()
        distributed.all_reduce(sums, group=self.group)
        found = (sums / self.total).to(first.dtype)
        return found[0], found[1]

    def normalised(
        self, x: torch.Tensor, weight: torch.Tensor | None, bias: torch.Tensor | None, eps: float
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """The norm of `x` in torch's operations, differentiable any number of times; mean, variance, count."""
        over, shape = [0, *range(2, x.dim())], (1, -1, *[1] * (x.dim() - 2))
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        count = wide.new_full((1,), x.numel() // x.shape[1])
        sums = AllSum.apply(torch.cat([wide.sum(over), count]), self.group)
        total = sums[-1].detach()
        mean = sums[:-1] / total
        apart = wide - mean.view(shape)
        var = AllSum.apply((apart * apart).sum(over), self.group) / total
        z = apart * (var + eps).rsqrt().view(shape)
        z = z if weight is None else z * weight.view(shape)
        z = z if bias is None else z + bias.view(shape)
        return z.to(x.dtype), mean.detach(), var.detach(), total


class AllSum(torch.autograd.Function):
    """The sum over ranks; so is its gradient, and that one's."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, group: Any) -> torch.Tensor:
        ctx.group = group
        total = x.clone()
        distributed.all_reduce(total, group=group)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        return AllSum.apply(grads[0].contiguous(), ctx.group), None
