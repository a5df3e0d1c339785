"""`lean` where the layer behind need not keep its input: norms followed by ReLU, and all of them on a GPU."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import lean_models as zoo
import pytest
import torch
import torch.nn.functional as F
from test_lean import assert_same, made, needs_native, results
from torch import Tensor, nn

import leaky
from leaky.errors import LeakyError
from leaky.models import saved_bytes

AGAIN = "one tensor for both and the layer behind, for which backward computes the output again"


class Residual(nn.Module):
    """ResNet's basic block: one ReLU called twice, of which the second follows a sum."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2))
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += x
        return self.relu(y)


def resnet() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 7, 2, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
        Residual(),
        Residual(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
    )


class Called(nn.Module):
    """Norms of three kinds; the activations are calls, and one reader is a linear layer behind a view."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(c, 8, 3, padding=1) for c in (3, 8, 8))
        self.norms = nn.ModuleList([nn.GroupNorm(2, 8), nn.InstanceNorm2d(8, affine=True), nn.BatchNorm2d(8)])
        self.last = nn.LazyLinear(3)

    def forward(self, x: Tensor) -> Tensor:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(norm(conv(x)))
        return self.last(x.flatten(1))


def called() -> nn.Module:
    model = Called()
    model(zoo.images(size=64))
    return model


MODELS: dict[str, Callable[[], nn.Module]] = {"resnet": resnet, "calls": called}


@needs_native
@pytest.mark.parametrize("with_example", [True, False], ids=["example", "no example"])
@pytest.mark.parametrize("build", MODELS.values(), ids=list(MODELS))
def test_relu_keeps_one_tensor_of_three_layers(build: Callable[[], nn.Module], with_example: bool) -> None:
    model, plain = made(build), made(build)
    report = leaky.lean(model, zoo.images(size=64) if with_example else None)
    assert [site.became for site in report.sites].count(AGAIN) == 3
    for _ in range(2):
        assert_same(*(results(one, zoo.images(size=64)) for one in (model, plain)))
    before, after = (saved_bytes(lambda m=m: m(zoo.images(size=64)), m) for m in (plain, model))  # type: ignore[misc]
    if with_example:
        assert (report.bytes_before, report.bytes_after) == (before, after)
    assert after < 0.8 * before


def test_on_a_gpu_every_norm_with_leaky_relu_does(
    gpu_or_interpreter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leaky.nn.recomputation.SMALL", 1)
    model, plain = (made(lambda: zoo.chain(inplace=True)).to(gpu_or_interpreter) for _ in range(2))
    x = zoo.images(size=8).to(gpu_or_interpreter)
    report = leaky.lean(model, x)
    assert report.sites[0].became == AGAIN
    assert_same(results(model, x), results(plain, x))
    tensor = 8 * x[:, 0].numel() * 4
    before, after = (saved_bytes(lambda m=m: m(x), m) for m in (plain, model))  # type: ignore[misc]
    assert tensor <= before - after + 256
    assert after < tensor + x.numel() * 4 + 1024


@needs_native
def test_undone_copied_and_pickled() -> None:
    model, plain = made(resnet), made(resnet)
    report = leaky.lean(model, zoo.images(size=64))
    assert report.ratio is not None
    kept = saved_bytes(lambda: model(zoo.images(size=64)), model)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert saved_bytes(lambda m=again: m(zoo.images(size=64)), again) == kept  # type: ignore[misc]
        assert isinstance(again[4].conv2, nn.Conv2d)
        assert repr(again[4].conv2) == repr(plain[4].conv2)
        plain.load_state_dict(again.state_dict())
        assert_same(results(again, zoo.images(size=64)), results(plain, zoo.images(size=64)))
    assert list(model.state_dict()) == list(plain.state_dict())
    assert {"1", "2", "3", "4.conv2", "4.bn1", "4.relu"} <= set(leaky.unlean(model))
    for one, other in zip(model.modules(), plain.modules(), strict=True):
        assert type(one) is type(other)
        assert vars(one).keys() == vars(other).keys()


class Elsewhere(nn.Module):
    """The output of the ReLU is kept by something that is no layer, too."""

    def __init__(self, use: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.norm, self.act, self.last = (
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1),
        )
        self.use = use

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.norm(self.conv(x)))
        return self.use(y, self.last(y))


@needs_native
@pytest.mark.parametrize(
    ("use", "gains"),
    [(torch.mul, False), (torch.add, True), (lambda y, z: torch.cat([y, z], 1), True)],
    ids=["product", "sum", "concatenation"],
)
@pytest.mark.parametrize("with_example", [True, False], ids=["example", "no example"])
def test_only_where_nobody_else_keeps_the_output(
    use: Callable[[Tensor, Tensor], Tensor], gains: bool, with_example: bool
) -> None:
    model, plain = made(lambda: Elsewhere(use)), made(lambda: Elsewhere(use))
    report = leaky.lean(model, zoo.images(size=64) if with_example else None)
    assert any(site.became == AGAIN for site in report.sites) == gains
    assert_same(results(model, zoo.images(size=64)), results(plain, zoo.images(size=64)))
    before, after = (saved_bytes(lambda m=m: m(zoo.images(size=64)), m) for m in (plain, model))  # type: ignore[misc]
    assert after < before if gains else after <= before


@needs_native
def test_a_shallow_copy_has_its_own_weights() -> None:
    model = made(resnet)
    leaky.lean(model)
    copied = copy.copy(model[4].conv2)
    copied._parameters = {"weight": nn.Parameter(torch.zeros_like(copied.weight)), "bias": None}
    assert not copied(torch.randn(1, 8, 8, 8, requires_grad=True)).any()


@needs_native
def test_parametrizations_come_and_go() -> None:
    def build() -> nn.Module:
        model = zoo.chain()
        model[2], model[3] = nn.ReLU(), nn.utils.parametrizations.weight_norm(model[3])
        return model

    model, plain = made(build), made(build)
    leaky.lean(model, zoo.images(size=64))
    for one in (model, plain):
        nn.utils.parametrize.remove_parametrizations(one[3], "weight")
    assert_same(results(model, zoo.images()), results(plain, zoo.images()))
    leaky.unlean(model)
    leaky.lean(model, zoo.images(size=64))
    nn.utils.parametrizations.weight_norm(model[3])
    nn.utils.parametrizations.weight_norm(plain[3])
    for one in (model, plain):
        nn.utils.parametrize.remove_parametrizations(one[3], "weight")
    leaky.unlean(model)
    assert any(site.became == AGAIN for site in leaky.lean(model, zoo.images(size=64)).sites)
    assert_same(results(model, zoo.images(size=64)), results(plain, zoo.images(size=64)))


@needs_native
@pytest.mark.parametrize("build", [resnet, zoo.chain])
def test_traced_by_torchscript_and_checked(build: Callable[[], nn.Module]) -> None:
    model = made(build).eval()
    leaky.lean(model)
    traced = torch.jit.trace(model, zoo.images(size=64))
    torch.testing.assert_close(traced(zoo.images(size=64)), model(zoo.images(size=64)))


@needs_native
def test_a_convolution_that_pads_a_copy_keeps_that() -> None:
    def build() -> nn.Module:
        model = zoo.chain()
        model[2], model[3] = nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1, padding_mode="circular")
        return model

    report = leaky.lean(made(build), zoo.images(size=64))
    assert AGAIN not in [site.became for site in report.sites]


@needs_native
def test_a_relu_that_became_another_raises_before_wrong_numbers() -> None:
    model = made(lambda: zoo.chain())
    model[2] = nn.ReLU()
    leaky.lean(model)
    wanted = model(zoo.images(size=64))
    model[2] = nn.LeakyReLU(0.3)
    with pytest.raises(LeakyError, match="went elsewhere"):
        model(zoo.images(size=64)).sum().backward()
    leaky.unlean(model)
    model[2] = nn.ReLU()
    torch.testing.assert_close(model.train()(zoo.images(size=64)), wanted)


@needs_native
def test_parts_of_the_model_and_random_inputs_are_right_too() -> None:
    model, plain = made(resnet), made(resnet)
    leaky.lean(model)
    for one, other in ((model[:3], plain[:3]), (model[:5], plain[:5])):
        assert_same(results(one, zoo.images(size=64)), results(other, zoo.images(size=64)))
    with torch.no_grad():
        torch.testing.assert_close(model(zoo.images(size=64)), plain(zoo.images(size=64)))
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(zoo.images(size=64)), plain(zoo.images(size=64)))
