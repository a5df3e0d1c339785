"""Whether two runs of a model came to the same numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

Values = dict[str, torch.Tensor | None]
"""Outputs, gradients and buffers, by name."""
_TIMES_EAGER = 4.0
"""A result may be this much further from float64 than eager's own, where it is not within the plain tolerance."""


def differs(
    found: Values,
    wanted: Values,
    truth: Callable[[], Values] | None = None,
    *,
    limit: float | None = None,
    as_a_whole: bool = False,
) -> str | None:
    """What differs beyond rounding, if anything does.

    Outputs to 8 eps and gradients to 1,700 eps of their largest value (1e-6 and 2e-4 in float32), or all to `limit`;
    beyond that a result may be four times as far from float64, the `truth`, as eager's own. Differences are those at
    the worst element or, `as_a_whole`, the root mean square over each tensor.
    """
    distance = _overall if as_a_whole else _distance
    true: Values | None = None
    floor = _FLOOR * max((_largest(grad) for name, grad in wanted.items() if _is_gradient(name)), default=0.0)
    if found.keys() != wanted.keys():
        return "it returns other tensors"
    for name in sorted(wanted, key=lambda name: not name.startswith("output")):
        mine, theirs = found[name], wanted[name]
        if (mine is None) != (theirs is None):
            return f"{name} is {'missing' if mine is None else 'there, but should not be'}"
        if mine is None or theirs is None:
            continue
        if mine.shape != theirs.shape or mine.dtype != theirs.dtype:
            return f"{name} is {mine.dtype} {tuple(mine.shape)}, not {theirs.dtype} {tuple(theirs.shape)}"
        least = floor if _is_gradient(name) else _FLOOR * _spread(name, wanted)
        error, most = distance(mine, theirs, least), _limit(name, theirs.dtype, limit)
        if not error <= most and truth is not None:
            true = truth() if true is None else true
            right = true[name]
            assert right is not None
            error, most = (
                distance(mine, right, least),
                max(most, _TIMES_EAGER * distance(theirs, right, least)),
            )
        if not error <= most:
            return f"{name} is off by {error:.1e} of its largest value, more than {most:.1e}"
    return None


_FLOOR = 1e-3
"""A gradient below this part of the largest one is measured against that: before a norm, a bias has a gradient of
nothing but rounding."""


def _is_gradient(name: str) -> bool:
    return name.startswith("the gradient")


def _spread(name: str, values: Values) -> float:
    """For a running mean the standard deviation beside it: behind a norm without a bias the mean is but rounding."""
    variance = values.get(name.replace("running_mean", "running_var")) if "running_mean" in name else None
    return math.sqrt(_largest(variance))


def _largest(x: torch.Tensor | None) -> float:
    return 0.0 if x is None or not x.numel() else float(x.detach().abs().max().nan_to_num())


def _limit(name: str, dtype: torch.dtype, limit: float | None) -> float:
    if not (dtype.is_floating_point or dtype.is_complex):
        return 0.0
    if limit is not None:
        return limit
    if dtype in (torch.float64, torch.complex128):
        return 1e-12  # there is nothing more exact to decide by
    return min(0.05, (1700 if _is_gradient(name) else 8) * torch.finfo(dtype).eps)


def _distance(mine: torch.Tensor, theirs: torch.Tensor, least: float) -> float:
    """The largest difference in units of the largest value, or of `least` where that is larger."""
    if not mine.numel():
        return 0.0
    wide = torch.promote_types(mine.dtype, theirs.dtype)
    wide = wide if wide.is_floating_point or wide.is_complex else torch.float64
    wide = torch.float32 if wide in (torch.bfloat16, torch.float16) else wide
    x, y = mine.detach().to(wide), theirs.detach().to(wide)
    error, size = float((x - y).abs().max()), float(y.abs().max())
    if math.isfinite(error) and math.isfinite(size):
        return error / (max(size, least) or 1.0)
    usual = y.isfinite()
    if not torch.equal(x.isfinite(), usual) or not torch.equal(x.isnan(), y.isnan()):
        return math.inf
    return _distance(x[usual], y[usual], least)


def _overall(mine: torch.Tensor, theirs: torch.Tensor, least: float) -> float:
    """The root mean square of the differences in units of that of the values, or of `least` where that is larger."""
    if not (mine.numel() and mine.isfinite().all() and theirs.isfinite().all()):
        return _distance(mine, theirs, least)
    wide = torch.complex128 if theirs.is_complex() else torch.float64
    x, y = mine.detach().to(wide), theirs.detach().to(wide)
    error, size = (float(tensor.norm()) / math.sqrt(tensor.numel()) for tensor in (x - y, y))
    return error / (max(size, least) or 1.0)
