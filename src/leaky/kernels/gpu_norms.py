"""The kernels in Triton of norm + leaky ReLU, for tensors on a GPU: the calls of `native`, on (n, c, s) or (n, s, c).

Every tensor is dense and on one device. What is kept for backward is the output or the input, all of it: which
channels' input can be read back from the output depends on numbers that are on the device, and nothing waits for it.
"""

from __future__ import annotations

from typing import Any

import torch

from leaky.kernels import gpu
from leaky.kernels.gpu_walk import Walk, power, walk_of

PARTS = 1024
"""Numbers that a program of the second stage has in hand."""


def norm_act_forward(
    x: torch.Tensor,
    out: torch.Tensor | None,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    mean: torch.Tensor,
    var: torch.Tensor,
    eps: float,
    negative_slope: float,
    n: int,
    c: int,
    s: int,
    channels_last: bool,
    groups: int,
    given: bool,
    *,
    running: tuple[torch.Tensor, torch.Tensor] | None = None,
    momentum: float = 0.0,
) -> None:
    """Normalise x, (n, c, s) in memory or (n, s, c) with `channels_last`, and apply leaky ReLU: as `native` does.

    Of no elements the mean is 0, the variance NaN, and running statistics become NaN.
    """
    if not n * c * s:
        if not given:
            _nothing(mean, var, running)
        return
    groups = _groups(mean, c, groups, given)
    walk, work = walk_of(n, c, s, channels_last, groups), gpu.work_dtype(x)
    kernels = gpu.kernels("norm_forward")
    if not given:
        counts, means, squares = torch.empty((3, *walk.parts), dtype=torch.float64, device=x.device)
        gpu.run(
            kernels.moments, x, walk.programs, x, counts, means, squares, *walk.runs, WORK=work, **walk.sizes
        )
        parts = walk.share * walk.splits
        moved = running or (None, None)
        _stage(
            kernels.combine,
            x,
            walk,
            counts,
            means,
            squares,
            mean,
            var,
            *moved,
            momentum,
            walk.all_groups,
            parts,
        )
    if out is not None:
        gpu.run(
            kernels.apply,
            x,
            walk.programs,
            x,
            out,
            weight,
            bias,
            mean,
            var,
            eps,
            negative_slope,
            *walk[:8],
            ACT=_act(negative_slope),
            WORK=work,
            **walk.sizes,
        )


def norm_act_backward(
    grad: torch.Tensor,
    y: torch.Tensor | None,
    kept: torch.Tensor | None,
    kept_index: None,
    grad_x: torch.Tensor | None,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    mean: torch.Tensor,
    var: torch.Tensor,
    grad_weight: torch.Tensor | None,
    grad_bias: torch.Tensor | None,
    eps: float,
    negative_slope: float,
    n: int,
    c: int,
    s: int,
    channels_last: bool,
    groups: int,
    given: bool,
    *,
    averages: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> None:
    """The gradients of `norm_act_forward` from its input `kept`, or where that is None from its output y.

    As `native.norm_act_backward`, which see; the input of some channels alone cannot be kept, so no `kept_index`.
    """
    if not n * c * s:
        for empty in (grad_weight, grad_bias):
            if empty is not None:
                empty.zero_()
        return
    groups = _groups(mean, c, groups, given)
    walk, work = walk_of(n, c, s, channels_last, groups), gpu.work_dtype(grad)
    kernels = gpu.kernels("norm_backward")
    source = y if kept is None else kept
    norm = (weight, bias, mean, var, eps, negative_slope, 1 / negative_slope if negative_slope else 0.0)
    constants: dict[str, Any] = {"ACT": _act(negative_slope), "KEPT": kept is not None, "WORK": work}
    sums = None
    if (not given and averages is None) or grad_weight is not None or grad_bias is not None:
        sums = torch.empty((2, *walk.parts), dtype=torch.float64, device=grad.device)
        gpu.run(
            kernels.sums,
            grad,
            walk.programs,
            grad,
            source,
            *sums,
            *norm,
            *walk[:8],
            **constants,
            **walk.sizes,
        )
        found = sums.view(2, -1, c, walk.splits).sum((1, 3))
        if grad_bias is not None:
            grad_bias.copy_(found[0])
        if grad_weight is not None:
            grad_weight.copy_(found[1])
    if grad_x is None:
        return
    offsets = products = None
    if averages is not None or not given:
        offsets, products = torch.empty((2, walk.all_groups), dtype=mean.dtype, device=grad.device)
        if averages is not None:
            first, second, splits, count = *(t.double() for t in averages), 1, 1.0
        else:
            assert sums is not None
            first, second, splits = *sums, walk.splits
            count = float(n * c * s // walk.all_groups)
        last = (walk.all_groups, c, walk.groups, walk.share, splits)
        tensors = (first, second, offsets, products, weight, var, eps, count)
        _stage(kernels.averages, grad, walk, *tensors, *last, WORK=work)
    gpu.run(
        kernels.gradient,
        grad,
        walk.programs,
        grad,
        source,
        grad_x,
        offsets,
        products,
        *norm,
        *walk[:8],
        **constants,
        **walk.sizes,
    )


def norm_act_lossy(
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    channels: int,
    negative_slope: float,
    limit: float,
    tiny: float,
    places: torch.Tensor | None = None,
) -> int:
    """All channels: which ones' input could be read back from the output is told by numbers on the device."""
    return channels


def _nothing(
    mean: torch.Tensor, var: torch.Tensor, running: tuple[torch.Tensor, torch.Tensor] | None
) -> None:
    mean.zero_()
    var.fill_(torch.nan)
    for moved in running or ():
        moved.fill_(torch.nan)


def _groups(mean: torch.Tensor, c: int, groups: int, given: bool) -> int:
    """Statistics that are given for each channel of every sample are the batch's."""
    return 0 if given and groups == c == mean.numel() else groups


def _stage(kernel: Any, x: torch.Tensor, walk: Walk, *arguments: Any, **constants: Any) -> None:
    """Run a kernel that makes a group's numbers of its parts."""
    parts = min(power(walk.share * walk.splits), PARTS)
    groups = min(power(walk.all_groups), PARTS // parts)
    gpu.run(kernel, x, -(-walk.all_groups // groups), *arguments, G=groups, P=parts, **constants)


def _act(negative_slope: float) -> int:
    none, leaky, relu = range(3)
    return none if negative_slope == 1 else relu if negative_slope == 0 else leaky
