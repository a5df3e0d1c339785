"""`lean` on other activations than ReLU and LeakyReLU: same numbers, fewer bytes, undone exactly, refused aloud."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import leaky
from leaky.kernels.select import why_not_native
from leaky.models import saved_bytes

OTHERS: dict[str, Callable[[], nn.Module]] = {
    "relu6": nn.ReLU6,
    "relu6 in place": lambda: nn.ReLU6(inplace=True),
    "hardtanh": lambda: nn.Hardtanh(-0.5, 0.3),
    "elu": lambda: nn.ELU(0.7),
    "celu": lambda: nn.CELU(2.0),
    "selu": nn.SELU,
    "softplus": lambda: nn.Softplus(2.0),
    "prelu": nn.PReLU,
    "prelu per channel": lambda: nn.PReLU(16),
    "rrelu": nn.RReLU,
}
every = pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS)
needs_native = pytest.mark.skipif(
    why_not_native(torch.empty(2**20)) is not None, reason="other kernels keep more than is counted here"
)


def network(make: Callable[[], nn.Module]) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3), make(), nn.Conv2d(16, 16, 3), make(), nn.Flatten(), nn.LazyLinear(3)
    )


def images() -> torch.Tensor:
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def results(model: nn.Module, x: torch.Tensor) -> list[Any]:
    torch.manual_seed(5)  # a lean RReLU draws what torch draws
    model.zero_grad()
    y = model(x)
    y.square().sum().backward()
    return [y.detach(), *(p.grad for p in model.parameters()), torch.get_rng_state()]


@needs_native
@every
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("with_example", [True, False], ids=["example", "no example"])
def test_same_numbers_fewer_bytes_and_undone(make: Any, training: bool, with_example: bool) -> None:
    x = images()
    plain = network(make).train(training)
    plain(x)
    model = copy.deepcopy(plain)
    keys, before = list(model.state_dict()), saved_bytes(lambda: model(x), model)
    report = leaky.lean(model, x if with_example else None)
    assert [site.name for site in report.changed] == ["1", "3"], report
    assert list(model.state_dict()) == keys
    assert isinstance(model[1], type(plain[1]))
    after = saved_bytes(lambda: model(x), model)
    assert after < 0.75 * before
    if with_example:
        assert (report.bytes_before, report.bytes_after) == (before, after)
    for ours, theirs in zip(results(model, x), results(plain, x), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(results(copy.deepcopy(model), x), results(model, x), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)
    assert set(leaky.unlean(model)) >= {"1", "3"}  # of a PReLU the layers behind, too
    assert [type(m) for m in model] == [type(m) for m in plain]
    assert saved_bytes(lambda: model(x), model) == before


class Skip(nn.Module):
    """Changes the output of its activation in place."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.act = nn.Conv2d(3, 16, 1), nn.ELU()
        self.last = nn.Conv2d(16, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = self.first(x)
        y = self.act(z)
        y += z
        return self.last(y)  # type: ignore[no-any-return]


@needs_native
@pytest.mark.parametrize("with_example", [True, False], ids=["example", "no example"])
def test_an_output_that_is_changed_later_is_left(with_example: bool) -> None:
    example = images() if with_example else None
    (site,) = leaky.lean(Skip(), example).left
    assert "inplace operation" in site.reason or "changes its output in place" in site.reason
    model = Skip()
    leaky.lean(model, example)
    model(images()).sum().backward()


def test_own_classes_and_leakys_own_modules_are_left() -> None:
    class Mine(nn.ELU):
        pass

    (mine, ours) = leaky.lean(nn.Sequential(nn.Conv2d(3, 3, 1), Mine(), leaky.nn.SELU()), images()).left
    assert mine.reason == "Mine is a class of its own"
    assert ours.reason == "it keeps no more than it needs"


@needs_native
def test_half_precision_keeps_the_input_of_an_elu() -> None:
    model = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ELU(), nn.Conv2d(16, 3, 3)).bfloat16()
    (site,) = leaky.lean(model, images().bfloat16()).left
    assert site.reason == "the kernels that serve it here keep as much"


@needs_native
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("make", [nn.PReLU, lambda: nn.PReLU(16)], ids=["one slope", "per channel"])
def test_prelu_under_autocast_is_as_near_to_float64_as_torchs(dtype: torch.dtype, make: Any) -> None:
    x, plain = images(), network(make)
    plain(x)
    model, truth = copy.deepcopy(plain), results(copy.deepcopy(plain).double(), x.double())
    with torch.autocast("cpu", dtype):
        report = leaky.lean(model, x)
        assert [site.name for site in report.changed] == ["1", "3"], report
        found, wanted = results(model, x), results(plain, x)
    for ours, theirs, right in zip(found[:-1], wanted[:-1], truth[:-1], strict=True):
        off, own = (float((each.double() - right).abs().max()) for each in (ours, theirs))
        assert off <= 4 * own


@needs_native
def test_a_wrong_gradient_is_found_under_autocast_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 5 %, above torch's own rounding."""

    def wrong(input: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return nn.functional.prelu(input, weight + 0.05 * (weight - weight.detach()))

    model = network(nn.PReLU)
    model(images())
    monkeypatch.setattr(leaky.nn.functional, "prelu", wrong)
    with torch.autocast("cpu", torch.bfloat16):
        report = leaky.lean(model, images())
    assert not report.changed
    assert all("the gradient of `weight` is off by" in site.reason for site in report.left)


@pytest.mark.parametrize("with_example", [True, False], ids=["example", "no example"])
def test_leakys_own_layers_are_told_to_be_lean_already(with_example: bool) -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, bias=False),
        leaky.nn.BiasAct(16, activation="leaky_relu(negative_slope=0.2)"),
        nn.Conv2d(16, 16, 3),
        leaky.nn.BatchNormAct2d(16),
    )
    report = leaky.lean(model, images() if with_example else None)
    assert [site.name for site in report.left] == ["1", "3"]
    assert report.left[0].was == "BiasAct(16, activation=leaky_relu(negative_slope=0.2))"
    assert {site.reason for site in report.left} == {"it keeps no more than it needs"}
    assert "0 of 2 sites made lean" in report.summary


@needs_native
@pytest.mark.parametrize("with_example", [True, False], ids=["example", "no example"])
def test_the_report_says_why_a_prelu_gains_nothing_and_what_is_kept_instead(with_example: bool) -> None:
    def between(activation: nn.Module) -> leaky.LeanSite:
        model = nn.Sequential(nn.Conv2d(3, 16, 1), nn.ZeroPad2d(0), activation, nn.LayerNorm(32))
        (site,) = leaky.lean(model, images() if with_example else None).sites
        return site

    below = between(nn.PReLU(init=-0.1))
    assert below.became is None
    assert below.reason == "its slopes are not above 0, where its output does not tell its input"
    softplus = between(nn.Softplus(beta=2))
    assert softplus.became == "its output, as a layer behind does, and not its input"
    if with_example:  # the next layer keeps the output anyway
        assert (softplus.bytes_before, softplus.bytes_after) == (2 * 16 * 32 * 32 * 4, 0)
