"""`lean` on calls of functions other than relu and leaky_relu, in every spelling that torch has of each."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import leaky
from leaky.kernels.select import why_not_native
from leaky.models import saved_bytes

needs_native = pytest.mark.skipif(
    why_not_native(torch.empty(2**20)) is not None, reason="other kernels keep more than is counted here"
)

CALLS: dict[str, Callable[[Tensor, Tensor, bool], Tensor]] = {
    "F.relu6": lambda x, w, t: F.relu6(x),
    "F.relu6 in place": lambda x, w, t: F.relu6(x, True),
    "F.hardtanh": lambda x, w, t: F.hardtanh(x, -0.5, max_val=0.3),
    "F.hardtanh in place": lambda x, w, t: F.hardtanh(x, inplace=True),
    "F.hardtanh_": lambda x, w, t: F.hardtanh_(x, -0.5, 0.3),
    "F.elu": lambda x, w, t: F.elu(x, 0.7),
    "F.celu": lambda x, w, t: F.celu(input=x, alpha=2.0),
    "torch.celu": lambda x, w, t: torch.celu(x, 2.0),
    "F.selu": lambda x, w, t: F.selu(x),
    "torch.selu": lambda x, w, t: torch.selu(x),
    "F.softplus": lambda x, w, t: F.softplus(x, 2),
    "F.prelu": lambda x, w, t: F.prelu(x, w),
    "torch.prelu": lambda x, w, t: torch.prelu(x, w),
    "Tensor.prelu": lambda x, w, t: x.prelu(w),
    "F.rrelu": lambda x, w, t: F.rrelu(x, training=t),
    "F.rrelu in place": lambda x, w, t: F.rrelu(x, 0.1, 0.4, t, inplace=True),
    "F.rrelu_": lambda x, w, t: F.rrelu_(x, 0.1, 0.4, t),
    "torch.rrelu": lambda x, w, t: torch.rrelu(x, 0.1, 0.4, training=t),
}
every = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


class Net(nn.Module):
    """A call after each of two convolutions."""

    def __init__(self, call: Callable[[Tensor, Tensor, bool], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.last = nn.Conv2d(3, 16, 3), nn.Conv2d(16, 16, 3), nn.Conv2d(16, 2, 1)
        self.slopes = nn.Parameter(torch.full((16,), 0.2))
        self.call = call

    def forward(self, x: Tensor) -> Tensor:
        for conv in (self.first, self.second):
            x = self.call(conv(x), self.slopes, self.training)
        return self.last(x)  # type: ignore[no-any-return]


def images() -> Tensor:
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def results(model: nn.Module, x: Tensor) -> list[Any]:
    torch.manual_seed(5)  # a lean rrelu draws what torch draws
    model.zero_grad()
    y = model(x)
    y.square().sum().backward()
    return [y.detach(), *(p.grad for p in model.parameters()), torch.get_rng_state()]


@needs_native
@every
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("with_example", [True, False], ids=["example", "no example"])
def test_same_numbers_fewer_bytes_and_undone(call: Any, training: bool, with_example: bool) -> None:
    x, plain = images(), Net(call).train(training)
    model = copy.deepcopy(plain)
    before = saved_bytes(lambda: model(x), model)
    report = leaky.lean(model, x if with_example else None)
    after = saved_bytes(lambda: model(x), model)
    assert {site.name for site in report.sites} == {""}
    if training and "training=True, inplace=True" in report.sites[0].was:
        assert after == before  # slopes, and the output, which the next layer keeps too
    else:
        assert report.changed, report
        assert after < 0.75 * before
    if with_example:
        assert (report.bytes_before, report.bytes_after) == (before, after)
    for ours, theirs in zip(results(model, x), results(plain, x), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert leaky.unlean(model) == (("",) if report.changed else ())
    assert saved_bytes(lambda: model(x), model) == before


@pytest.mark.parametrize(
    ("call", "was"),
    [
        (lambda x, w, t: F.relu6(x, True), "F.relu6(inplace=True)"),
        (lambda x, w, t: F.elu(x, 0.7), "F.elu(alpha=0.7)"),
        (lambda x, w, t: F.hardtanh(x, -1, 2.5), "F.hardtanh(min_val=-1, max_val=2.5)"),
        (lambda x, w, t: x.prelu(w), "F.prelu()"),
        (lambda x, w, t: F.rrelu(x), "F.rrelu(lower=0.125, upper=0.333333, training=False)"),
    ],
)
def test_the_report_shows_calls_as_they_are_written(call: Any, was: str) -> None:
    (site,) = leaky.lean(Net(call), images(), dry_run=True).sites
    assert site.was == was


@pytest.mark.parametrize(
    "call",
    [
        lambda x, w, t: F.elu_(x, 0.5, 2.0, 1.0),  # arguments that only this spelling has
        lambda x, w, t: torch.rrelu(x, 0.1, 0.4, True, torch.Generator().manual_seed(1)),
        lambda x, w, t: F.hardswish(x),
    ],
    ids=["elu_", "generator", "hardswish"],
)
def test_calls_that_leaky_has_no_function_for_are_the_users_own(call: Any) -> None:
    class Both(Net):
        def forward(self, x: Tensor) -> Tensor:
            return F.relu6(super().forward(x))

    plain, x = Both(call), images()
    model = copy.deepcopy(plain)
    leaky.lean(model, x)
    for ours, theirs in zip(results(model, x), results(plain, x), strict=True):
        torch.testing.assert_close(ours, theirs)


class Mixed(Net):
    """The output of one ELU is changed in place, where its input would have to be kept."""

    def __init__(self) -> None:
        super().__init__(lambda x, w, t: F.relu6(x))
        self.act = nn.ELU()

    def forward(self, x: Tensor) -> Tensor:
        x = F.elu(F.relu6(self.first(x)) - 1)
        y = self.act(self.second(x))
        y += 1
        return self.last(y)  # type: ignore[no-any-return]


@needs_native
@pytest.mark.parametrize("with_example", [True, False], ids=["example", "no example"])
def test_one_kind_that_does_not_hold_leaves_the_others_lean(with_example: bool) -> None:
    plain, x = Mixed(), images()
    model = copy.deepcopy(plain)
    report = leaky.lean(model, x if with_example else None)
    assert [site.was for site in report.changed] == ["F.relu6()"], report
    assert all(site.reason for site in report.left)
    for ours, theirs in zip(results(model, x), results(plain, x), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


class Opaque(Net):
    """Control flow that depends on data; one activation is a module of the function's name."""

    def __init__(self) -> None:
        super().__init__(lambda x, w, t: x)
        self.softplus = nn.Softplus()

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        if x.sum() > 1e9:
            return x
        return self.last(F.elu(self.second(F.relu6(self.softplus(x)))))  # type: ignore[no-any-return]


@needs_native
def test_code_that_does_not_trace() -> None:
    plain, x = Opaque(), images()
    guessed = leaky.lean(copy.deepcopy(plain))
    assert not guessed.changed  # who else keeps what they keep, nobody knows
    assert len(guessed.sites) == 3
    assert all("an `example` would" in site.reason for site in guessed.sites), guessed
    model = copy.deepcopy(plain)
    report = leaky.lean(model, x)
    assert {"F.relu6()", "F.elu(alpha=1)"} <= {site.was for site in report.sites}
    assert saved_bytes(lambda: model(x), model) < 0.8 * saved_bytes(lambda: plain(x), plain)
    for ours, theirs in zip(results(model, x), results(plain, x), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
