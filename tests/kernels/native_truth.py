"""What the kernels' tests share: special numbers, and norm + leaky ReLU in float64 by torch's autograd."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from leaky.kernels import native

DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
SPECIAL = (
    math.nan,
    0.0,
    -0.0,
    math.inf,
    -math.inf,
    1e-40,
    -1e-40,
    3e38,
    -3e38,
    65504.0,
    -65504.0,
    6e-8,
    -6e-8,
    -1.0,
)
_BITS = {8: torch.int64, 4: torch.int32, 2: torch.int16}


def numbers(count: int, dtype: torch.dtype, seed: int = 0) -> torch.Tensor:
    """Random numbers of both signs, special ones among them."""
    x = torch.randn(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    some = torch.tensor(SPECIAL, dtype=torch.float64)[: max(count - 1, 0)]
    x[: len(some)] = some
    return x.to(dtype)


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Equal to the bit, any NaN equal to any other."""
    kind = _BITS[one.element_size()]
    nan = other.isnan()
    return torch.equal(one.isnan(), nan) and torch.equal(one[~nan].view(kind), other[~nan].view(kind))


def poisoned(like: torch.Tensor) -> torch.Tensor:
    return torch.full_like(like, math.nan)


def unpacked(mask: torch.Tensor, count: int) -> torch.Tensor:
    return (mask[:, None] >> torch.arange(8, dtype=torch.uint8) & 1).reshape(-1)[:count].bool()


OVER = ("batch", "instance", "pairs", "sample")


def groups_of(over: str, channels: int) -> int:
    """How the kernels are told; `pairs` are the smallest groups of several channels into which they go."""
    share = next(n for n in range(2, channels + 2) if channels % n == 0 or n > channels)
    return {"batch": 0, "instance": channels, "pairs": max(1, channels // share), "sample": 1}[over]


@dataclass(frozen=True)
class Case:
    """One call of norm + leaky ReLU."""

    n: int
    c: int
    s: int
    negative_slope: float = 0.01
    channels_last: bool = False
    over: str = "batch"  # whose statistics: batch, instance, pairs (or more channels), sample
    given: bool = False
    keep: str = "none"  # none, some, all
    dtype: torch.dtype = torch.float32
    affine: bool = True
    centre: float = 0.0
    threads: int = 2
    seed: int = 0

    eps = 1e-5

    @property
    def groups(self) -> int:
        return groups_of(self.over, self.c)

    @property
    def accumulate(self) -> torch.dtype:
        return torch.float64 if self.dtype is torch.float64 else torch.float32

    def rows(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c, s) into the case's layout, a dense copy."""
        return (x.transpose(1, 2) if self.channels_last else x).clone(memory_format=torch.contiguous_format)

    def back(self, x: torch.Tensor) -> torch.Tensor:
        return x.transpose(1, 2) if self.channels_last else x

    def with_(self, **changes: object) -> Case:
        return replace(self, **changes)  # type: ignore[arg-type]


Results = dict[str, torch.Tensor]


@dataclass
class Given:
    """What a case's kernels are given, and the float64 truth about it."""

    x: torch.Tensor
    grad: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor
    mean: torch.Tensor
    var: torch.Tensor
    truth: Results


def given(case: Case, random: torch.Generator) -> Given:
    """Numbers of the case's own, x and grad as (n, c, s)."""
    n, c, s = case.n, case.c, case.s
    x = (torch.randn(n, c, s, generator=random) + case.centre).to(case.dtype)
    grad = torch.randn(n, c, s, generator=random).to(case.dtype)
    weight = torch.rand(c, generator=random) + 0.5
    weight = torch.where(torch.rand(c, generator=random) < 0.3, -weight, weight).to(case.accumulate)
    bias = (torch.randn(c, generator=random) * 0.5).to(case.accumulate)
    groups = n * case.groups or c
    mean = (torch.randn(groups, generator=random) * 0.1 + case.centre).to(case.accumulate)
    var = (torch.rand(groups, generator=random) + 0.5).to(case.accumulate)
    truth = _truth(case, x, grad, weight, bias, mean, var)
    return Given(x, grad, weight, bias, mean, var, truth)


def run(case: Case) -> tuple[Results, Results]:
    """What the kernels give (buffers poisoned beforehand), and the float64 truth."""
    random = torch.Generator().manual_seed(case.seed)
    n, c, s = case.n, case.c, case.s
    numbers = given(case, random)
    x, grad, weight, bias = numbers.x, numbers.grad, numbers.weight, numbers.bias
    mean, var, truth = numbers.mean, numbers.var, numbers.truth

    kept_channels = torch.rand(c, generator=random) < 0.4
    if not case.given:
        mean, var = poisoned(mean), poisoned(var)
    inputs = [case.rows(x), case.rows(grad), weight, bias]
    before = [t.clone() for t in inputs]
    xs, grads = inputs[:2]
    w, b = (weight, bias) if case.affine else (None, None)
    shape = (n, c, s, case.channels_last, case.groups, case.given, case.threads)
    y = poisoned(xs)
    native.norm_act_forward(xs, y, w, b, mean, var, case.eps, case.negative_slope, *shape)
    written = y.clone()
    kept, index, from_y = None, None, y
    if case.keep == "all":
        kept, from_y = xs, None  # type: ignore[assignment]
    elif case.keep == "some" and kept_channels.any():
        kept = case.rows(x[:, kept_channels])
        index = torch.where(kept_channels, kept_channels.cumsum(0) - 1, -1)
        index = index.int() if n % 2 else index
    grad_x, grad_weight, grad_bias = poisoned(xs), poisoned(weight), poisoned(bias)
    native.norm_act_backward(
        grads, from_y, kept, index, grad_x, w, b, mean, var, grad_weight, grad_bias,
        case.eps, case.negative_slope, *shape,
    )  # fmt: skip
    assert all(torch.equal(t, old) for t, old in zip(inputs, before, strict=True))
    assert torch.equal(y, written)
    found = {
        "y": case.back(y),
        "grad_x": case.back(grad_x),
        "grad_weight": grad_weight,
        "grad_bias": grad_bias,
    }
    return {**found, "mean": mean, "var": var}, truth


def _truth(case: Case, x: torch.Tensor, grad: torch.Tensor, *vectors: torch.Tensor) -> Results:
    leaves = [t.double().requires_grad_() for t in (x, *vectors[:2])]
    xd, weight, bias = leaves
    parts = xd.reshape(case.n, case.groups or case.c, -1, case.s)
    over = (2, 3) if case.groups else (0, 2, 3)
    if case.given:
        mean, var = (t.double().view(case.n if case.groups else 1, -1, 1, 1) for t in vectors[2:])
    else:
        mean, var = parts.mean(over, keepdim=True), parts.var(over, unbiased=False, keepdim=True)
    z = ((parts - mean) / (var + case.eps).sqrt()).view_as(xd)
    if case.affine:
        z = z * weight.view(1, -1, 1) + bias.view(1, -1, 1)
    y = torch.where(z > 0, z, z * case.negative_slope if case.negative_slope else torch.zeros_like(z))
    y.backward(grad.double())
    found = {
        "y": y.detach(),
        "grad_x": xd.grad,
        "mean": mean.detach().flatten(),
        "var": var.detach().flatten(),
    }
    if case.affine:
        found |= {"grad_weight": weight.grad, "grad_bias": bias.grad}
    return found  # type: ignore[return-value]


def distance(found: torch.Tensor, truth: torch.Tensor) -> float:
    """Relative, in the Euclidean norm; NaN where anything is."""
    return float((found.double() - truth).norm() / (truth.norm() + 1e-3))
