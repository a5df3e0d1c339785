"""`lean` where norm, smooth activation and the layer behind keep three tensors and one is enough."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import lean_models as zoo
import pytest
import torch
from test_lean import assert_same, made, needs_native, results
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import leaky
from leaky.models import saved_bytes

THREE = "one tensor for the norm, the activation and the layer behind"


def blocks(*acts: nn.Module, norm: Callable[[int], nn.Module] = nn.BatchNorm2d) -> nn.Sequential:
    """YOLO's: convolution, norm, activation."""
    layers: list[nn.Module] = []
    for number, act in enumerate(acts):
        layers += [nn.Conv2d(8 if number else 3, 8, 3, padding=1, bias=False), norm(8), act]
    return nn.Sequential(*layers, nn.Conv2d(8, 2, 1))


class Excited(nn.Module):
    """Squeeze and excitation: the activation's output is a factor, too."""

    def __init__(self) -> None:
        super().__init__()
        self.body = blocks(nn.SiLU(inplace=True))[:3]
        self.squeeze, self.last = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        return self.last(y * self.squeeze(y.mean((2, 3), keepdim=True)).sigmoid())


class Bottleneck(nn.Module):
    """MobileNet's: no activation after the last norm, whose output is summed and read by the next convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.second, self.last = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        z = self.norm(self.first(x))
        return self.last(self.second(z) + z)


class ReadBefore(nn.Module):
    """What the activation changes in place is read by a sum as well, as it is afterwards."""

    def __init__(self, inplace: bool) -> None:
        super().__init__()
        self.conv, self.norm, self.act = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.SiLU(inplace)
        self.last = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        z = self.norm(self.conv(x))
        return self.last(self.act(z)) + z.mean()


def mlp() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.LazyLinear(2048),
        nn.GELU("tanh"),
        nn.Linear(2048, 2048),
        nn.GELU(),
        nn.Linear(2048, 2),
    )


def lazy() -> nn.Module:
    model = mlp()
    model(zoo.images())
    return model


MODELS: dict[str, tuple[Callable[[], nn.Module], list[str | None], float]] = {
    "SiLU": (lambda: blocks(nn.SiLU(inplace=True), nn.SiLU()), [THREE] * 2, 0.5),
    "one for all": (lambda: blocks(*[nn.SiLU(inplace=True)] * 3), [THREE] * 3, 0.45),
    "others": (
        lambda: blocks(nn.GELU(), nn.Mish(True), nn.Hardswish(True), norm=instance),
        [THREE] * 3,
        0.45,
    ),
    "others that keep bits": (
        lambda: blocks(nn.ReLU6(True), nn.ELU(), nn.Softplus(), norm=group),
        [THREE] * 3,
        0.6,
    ),
    "excited": (Excited, ["one tensor for the norm and the activation"], 0.85),
    "bottleneck": (Bottleneck, ["one tensor for the norm and the layer behind"], 0.8),
    "without norms": (lazy, ["one tensor for the activation and the layer behind"] * 2, 1.0),
}


def instance(channels: int) -> nn.Module:
    return nn.InstanceNorm2d(channels, affine=True)


def group(channels: int) -> nn.Module:
    return nn.GroupNorm(2, channels)


@needs_native
@pytest.mark.parametrize("with_example", [True, False], ids=["example", "no example"])
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("case", MODELS)
def test_one_tensor_and_the_same_numbers(case: str, training: bool, with_example: bool) -> None:
    build, became, at_most = MODELS[case]
    model, plain = (made(build).train(training) for _ in range(2))
    report = leaky.lean(model, zoo.images() if with_example else None)
    told = [site.became for site in report.sites]
    assert told == (became if case != "one for all" else [THREE]), str(report)
    for seed in (0, 1):
        assert_same(*(results(one, zoo.images(seed)) for one in (model, plain)))
    before, after = (saved_bytes(lambda m=m: m(zoo.images()), m) for m in (plain, model))  # type: ignore[misc]
    assert after < at_most * before
    if with_example:
        assert (report.bytes_before, report.bytes_after) == (before, after)
    assert_same(*(results(one.train(not training), zoo.images()) for one in (model, plain)))


def test_the_same_on_a_gpu(gpu_or_interpreter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaky.nn.recomputation.SMALL", 1)
    build = MODELS["SiLU"][0]
    model, plain = (made(build).to(gpu_or_interpreter) for _ in range(2))
    x = zoo.images(size=8).to(gpu_or_interpreter)
    report = leaky.lean(model, x)
    assert [site.became for site in report.sites] == [THREE] * 2
    assert_same(results(model, x), results(plain, x))
    before, after = (saved_bytes(lambda m=m: m(x), m) for m in (plain, model))  # type: ignore[misc]
    assert after < 0.5 * before


@needs_native
def test_undone_copied_pickled_and_checkpointed() -> None:
    build = MODELS["SiLU"][0]
    model, plain = made(build), made(build)
    leaky.lean(model, zoo.images())
    wanted = results(copy.deepcopy(plain), zoo.images())
    kept = kept_by(model)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert kept_by(again) == kept
        assert_same(results(again, zoo.images()), wanted)
    wrapped: Any = copy.deepcopy(model)
    assert_same(
        {k: v for k, v in results(_Checkpointed(wrapped), zoo.images()).items() if k in ("y", "x.grad")},
        {k: v for k, v in wanted.items() if k in ("y", "x.grad")},
    )
    assert list(model.state_dict()) == list(plain.state_dict())
    leaky.unlean(model)
    for one, other in zip(model.modules(), plain.modules(), strict=True):
        assert type(one) is type(other)
        assert vars(one).keys() == vars(other).keys()
        assert getattr(one, "inplace", None) == getattr(other, "inplace", None)


def kept_by(model: nn.Module) -> int:
    """Counted on a copy: a batch norm learns from every call."""
    copied = copy.deepcopy(model)
    return saved_bytes(lambda: copied(zoo.images()), copied)


class _Checkpointed(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Any:
        return checkpoint(self.inner, x, use_reentrant=False)


@needs_native
@pytest.mark.parametrize("with_example", [True, False], ids=["example", "no example"])
@pytest.mark.parametrize("inplace", [True, False], ids=["in place", "out of place"])
def test_what_is_read_as_it_was_changed_stays_so(inplace: bool, with_example: bool) -> None:
    model, plain = (made(lambda: ReadBefore(inplace)) for _ in range(2))
    report = leaky.lean(model, zoo.images() if with_example else None)
    if inplace:
        assert "is read elsewhere too" in report.sites[0].reason
    assert_same(results(model, zoo.images()), results(plain, zoo.images()))


@needs_native
@pytest.mark.parametrize("build", [MODELS["SiLU"][0], zoo.chain, zoo.FunctionalNorm, zoo.Residual])
def test_traced_by_fx(build: Callable[[], nn.Module]) -> None:
    model, plain = made(build), made(build)
    leaky.lean(model)
    traced = torch.fx.symbolic_trace(model)
    assert_same(results(traced, zoo.images()), results(plain, zoo.images()))
    assert saved_bytes(lambda: traced(zoo.images()), traced) <= saved_bytes(
        lambda: plain(zoo.images()), plain
    )


@needs_native
def test_under_autocast_in_bfloat16() -> None:
    build = MODELS["SiLU"][0]
    model, plain = made(build), made(build)
    leaky.lean(model)

    def run(one: nn.Module) -> tuple[dict[str, Tensor], int]:
        with torch.autocast("cpu", torch.bfloat16):
            kept = saved_bytes(lambda: one(zoo.images()), one)
            y = one(zoo.images())
        y.float().square().mean().backward()
        return {name: p.grad for name, p in one.named_parameters() if p.grad is not None}, kept

    (found, after), (wanted, before) = run(model), run(plain)
    assert after < 0.6 * before
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, rtol=0.05, atol=0.05 * float(value.abs().max()))


@needs_native
def test_hooks_see_the_same_tensors() -> None:
    build = MODELS["SiLU"][0]
    seen: list[list[Tensor]] = [[], []]
    for one, into in zip((made(build), made(build)), seen, strict=True):
        if into is seen[0]:
            leaky.lean(one)
        for module in list(one.modules())[1:]:
            module.register_forward_hook(lambda m, args, out, into=into: into.append(out.detach().clone()))
        results(one, zoo.images())
    for found, wanted in zip(*seen, strict=True):
        torch.testing.assert_close(found, wanted)


@needs_native
def test_a_running_mean_of_rounding_alone_is_no_difference() -> None:
    """As behind a bottleneck of MobileNetV2: a norm whose bias is 0 yet, and a linear layer, make the mean 0."""

    def thin() -> nn.Module:
        layers: list[nn.Module] = []
        for before, after, *act in ((3, 8), (8, 16, nn.SiLU()), (16, 8), (8, 16, nn.ReLU6())):
            layers += [nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after), *act]
        return nn.Sequential(*layers, nn.Conv2d(16, 4, 1))

    model, x = made(thin), torch.randn(2, 3, 32, 32)
    report = leaky.lean(model, x)
    assert len(report.changed) == len(report.sites) == 4, report
    assert report.ratio < 0.5
    assert_same(results(model, x), results(made(thin), x))
