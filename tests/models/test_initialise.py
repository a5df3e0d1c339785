"""`initialise_` gives each layer the gain of the activation after it, and the schemes are those of their papers."""

from __future__ import annotations

import copy
import doctest
import importlib
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import leaky
from leaky.errors import ArgumentError, ArgumentTypeError, LeakyError, UnknownNameError
from leaky.nn import init


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Net(nn.Module):
    """Whose order of registration says nothing about who follows whom."""

    def __init__(self) -> None:
        super().__init__()
        self.tanh, self.norm = nn.Tanh(), nn.BatchNorm2d(32)
        self.head, self.fc = nn.Linear(40, 5), nn.Linear(32, 40)
        self.up, self.conv = nn.ConvTranspose2d(32, 32, 4, stride=2), nn.Conv2d(3, 32, 3)
        self.skip = nn.Conv2d(3, 32, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = F.leaky_relu(self.norm(self.conv(x)) + self.skip(x), 0.5)
        y = F.dropout(F.relu(self.up(y)), 0.1).mean((2, 3))
        return self.head(self.tanh(self.fc(y)))


GAINS = {
    "conv": ("leaky_relu(negative_slope=0.5)", math.sqrt(2 / 1.25)),
    "skip": ("leaky_relu(negative_slope=0.5)", math.sqrt(2 / 1.25)),
    "up": ("relu", math.sqrt(2)),
    "fc": ("tanh", init.gain("tanh")),
    "head": (None, 1.0),
}
FAN_IN = {"conv": 27, "skip": 27, "up": 32 * 16 / 4, "fc": 32, "head": 40}
FAN_OUT = {"conv": 288, "skip": 288, "up": 32 * 16, "fc": 40, "head": 5}


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_he_takes_the_gain_of_what_follows(distribution: Any) -> None:
    model = Net()
    parameters = list(model.parameters())
    norm = copy.deepcopy(model.norm.state_dict())
    report = leaky.initialise_(model, "he", distribution=distribution, generator=generator())
    assert {row.name: (row.activation, pytest.approx(row.gain)) for row in report.layers} == GAINS
    for row in report.layers:
        layer = model.get_submodule(row.name)
        scale = GAINS[row.name][1] / math.sqrt(FAN_IN[row.name])
        assert row.std == pytest.approx(scale, rel=0.12)
        if distribution == "uniform":
            assert layer.weight.abs().max().item() <= math.sqrt(3) * scale
        assert not layer.bias.any()
    assert all(a is b for a, b in zip(parameters, model.parameters(), strict=True))
    assert all(torch.equal(value, norm[name]) for name, value in model.norm.state_dict().items())
    assert "conv -> leaky_relu(negative_slope=0.5): gain 1.265" in str(report)


def test_xavier_and_orthogonal() -> None:
    model = Net()
    for row in leaky.initialise_(model, "xavier", generator=generator()).layers:
        scale = math.sqrt(2 / (FAN_IN[row.name] + FAN_OUT[row.name]))
        assert row.std == pytest.approx(scale, rel=0.12), row.name
    leaky.initialise_(model, "orthogonal", generator=generator())
    for name, (_, gain) in GAINS.items():
        weight = model.get_submodule(name).weight
        rows = (weight.transpose(0, 1) if name == "up" else weight).flatten(1)
        square = rows @ rows.T if rows.shape[0] <= rows.shape[1] else rows.T @ rows
        assert torch.allclose(square, gain**2 * torch.eye(len(square)), atol=1e-5), name


def test_one_generator_gives_one_model() -> None:
    for scheme in ("he", "xavier", "orthogonal", "randomized_asymmetric"):
        first = Net()
        second = copy.deepcopy(first)
        state = torch.get_rng_state()
        leaky.initialise_(first, scheme, generator=generator(4))
        leaky.initialise_(second, scheme, generator=generator(4))
        assert torch.equal(torch.get_rng_state(), state)
        assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize("spec", [name for name, entry in leaky.catalogue.items() if entry.elementwise])
def test_lsuv_gives_every_layer_unit_variance(spec: str) -> None:
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Linear(20, 64)]
    for _ in range(8):
        layers += [leaky.nn.activation(spec), nn.Linear(64, 64)]
    model = nn.Sequential(*layers, nn.Dropout(0.5))
    x = torch.randn(128, 20, generator=generator(1)) * 3 + 1
    leaky.initialise_(model, "lsuv", batch=x, generator=generator())
    with torch.no_grad():
        for layer in model:
            x = layer(x) if not isinstance(layer, nn.Dropout) else x
            if isinstance(layer, nn.Linear):
                assert x.var().item() == pytest.approx(1, abs=0.06)
                assert not layer.bias.any()
    assert model[-1].training


def test_lsuv_leaves_statistics_and_what_is_not_called() -> None:
    model = Net()
    model.extra = nn.Linear(3, 3)
    norm = copy.deepcopy(model.norm.state_dict())
    state = torch.get_rng_state()
    report = leaky.initialise_(
        model, "lsuv", batch=torch.randn(4, 3, 8, 8, generator=generator()), generator=generator()
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert [row.name for row in report.layers if row.reason == "the batch does not come by"] == ["extra"]
    assert all(torch.equal(value, norm[name]) for name, value in model.norm.state_dict().items())


def test_randomized_asymmetric_is_the_papers() -> None:
    weight, bias = torch.empty(20000, 4), torch.empty(20000)
    init.randomized_asymmetric_(weight, bias, generator=generator())
    joint = torch.cat([weight, bias[:, None]], 1).double()
    # four entries of five are normal, one is Beta(2, 1): mean 2/3, second moment 1/2
    scale = 0.6007**2 / 4
    assert joint.mean().item() == pytest.approx(2 / 15, abs=0.005)
    assert joint.square().mean().item() == pytest.approx((4 * scale + 0.5) / 5, rel=0.02)
    assert joint.mean(0).std().item() < 0.01  # every column alike, the bias too
    beta = torch.empty(20000, 100)
    init.randomized_asymmetric_(beta, generator=generator())
    largest = beta.max(1).values  # the normal ones have a scale of 0.06
    for point in (0.5, 0.7, 0.9):
        assert (largest < point).float().mean().item() == pytest.approx(point**2, abs=0.015)
    s = 0.6007
    assert s**2 / 2 + 4 * s / (3 * math.sqrt(2 * math.pi)) + 0.5 == pytest.approx(1, abs=1e-4)


def born_dead(model: nn.Sequential, x: Tensor) -> bool:
    """Whether a layer's units are all constant over the data: nothing after it can learn."""
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.ReLU) and not (x.std(0) > 0).any():
            return True
    return False


def test_deep_narrow_networks_are_born_dead_with_he_and_seldom_with_the_asymmetric_scheme() -> None:
    """Lu et al. 2020: ten layers of width 2 fitting |x| are born dead in over 90 % of draws with He.

    Forty thousand draws of each gave 0.910 and 0.271; here are five hundred, whose standard errors are 0.013 and
    0.020. One network is initialised by
    `initialise_` once for each scheme, whose draws the others repeat with the functions it calls.
    """
    x = torch.linspace(-math.sqrt(3), math.sqrt(3), 100)[:, None]
    layers: list[nn.Module] = []
    for width in [1] + [2] * 9:
        layers += [nn.Linear(width, 2), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(2, 1))
    fills: dict[str, Callable[[Any, torch.Generator], Any]] = {
        "he": lambda layer, g: (init.he_normal_(layer.weight, generator=g), layer.bias.zero_()),
        "randomized_asymmetric": lambda layer, g: init.randomized_asymmetric_(
            layer.weight, layer.bias, generator=g
        ),
    }
    dead = {}
    with torch.no_grad():
        for scheme, fill in fills.items():
            leaky.initialise_(model, scheme, generator=generator(5))
            first = [parameter.clone() for parameter in model.parameters()]
            g = generator(5)
            for layer in model[:-1:2]:
                fill(layer, g)
            assert all(torch.allclose(a, b) for a, b in zip(model[:-1].parameters(), first[:-2], strict=True))
            count = 0
            for _ in range(500):
                for layer in model[:-1:2]:
                    fill(layer, g)
                count += born_dead(model, x)
            dead[scheme] = count / 500
    assert dead["he"] > 0.9
    assert dead["randomized_asymmetric"] < 0.35


def test_what_does_not_trace_goes_by_the_order_of_modules() -> None:
    class Opaque(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.norm, self.act, self.b = nn.Linear(4, 4), nn.LayerNorm(4), nn.Tanh(), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 1e9 else self.b(self.act(self.norm(self.a(x))))

    report = leaky.initialise_(Opaque(), "he")
    assert [(row.name, row.activation) for row in report.layers] == [("a", "tanh"), ("b", None)]
    assert "by the order of modules" in report.layers[0].how


def test_swapped_lean_and_transformer_layers() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 3))
    leaky.swap(model, "relu", "leaky_relu(negative_slope=0.3)")
    leaky.lean(model)
    report = leaky.initialise_(model, "he")
    assert [row.activation for row in report.layers] == ["leaky_relu(negative_slope=0.3)", None]
    report = leaky.initialise_(torch.compile(model, backend="eager"), "lsuv", batch=torch.randn(4, 3, 8, 8))
    assert [row.activation for row in report.layers] == ["leaky_relu(negative_slope=0.3)", None]
    model = nn.Sequential(nn.TransformerEncoderLayer(8, 2, 16))
    report = leaky.initialise_(model, "he")
    assert {row.name: (row.activation, row.reason) for row in report.layers} == {
        "0.self_attn.out_proj": (None, "NonDynamicallyQuantizableLinear is a class of its own"),
        "0.linear1": ("relu", ""),
        "0.linear2": (None, ""),
    }


def test_tied_and_computed_weights_are_left() -> None:
    model = nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 4), nn.Linear(4, 7, bias=False))
    model[2].weight = model[0].weight
    nn.utils.parametrizations.weight_norm(model[1])
    model.append(nn.ConvTranspose1d(7, 2, 3))
    model.append(nn.Linear(4, 2, dtype=torch.bfloat16))
    report = leaky.initialise_(model, "randomized_asymmetric")
    assert {row.name: row.reason for row in report.layers} == {
        "1": "ParametrizedLinear is a class of its own",
        "2": "its weight is `0.weight` too",
        "3": "the scheme is not defined for transposed convolutions",
        "4": "",
    }


class Constant(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x * 0)


X = torch.randn(8, 3, generator=generator())


@pytest.mark.parametrize(
    ("model", "arguments", "error", "message"),
    [
        (nn.Linear(2, 2), {"scheme": "hee"}, UnknownNameError, "unknown scheme `hee`: did you mean `he`?"),
        (
            nn.Linear(2, 2),
            {"scheme": "he", "distribution": "beta"},
            ArgumentError,
            "initialise_: `distribution` must be normal or uniform, got 'beta'",
        ),
        (
            nn.Linear(2, 2),
            {"scheme": "lsuv"},
            ArgumentError,
            "initialise_: lsuv needs a `batch` that the model is called with, got scheme 'lsuv' without one",
        ),
        (
            nn.Linear(3, 2),
            {"scheme": "he", "batch": X},
            ArgumentError,
            "initialise_: only lsuv takes a `batch`, got scheme 'he' with one",
        ),
        (
            nn.ReLU(),
            {"scheme": "he"},
            ArgumentError,
            "initialise_: `model` ReLU has no Linear or Conv layer to initialise",
        ),
        (
            nn.LazyLinear(2),
            {"scheme": "he"},
            ArgumentError,
            "initialise_: `weight` of `model` has no values yet; call a lazy model once before",
        ),
        (
            [1],
            {"scheme": "he"},
            ArgumentTypeError,
            "initialise_: `model` must be a torch.nn.Module, got list",
        ),
        (
            Constant(),
            {"scheme": "lsuv", "batch": X},
            ArgumentError,
            "initialise_: the output of `linear` has variance 0 on `batch`, so that no scale makes it 1; check the "
            "batch, or use he",
        ),
        (
            nn.Sequential(nn.Linear(3, 3), nn.Linear(4, 2)),
            {"scheme": "lsuv", "batch": X},
            ArgumentError,
            "initialise_: the model rejects `batch`: RuntimeError: mat1 and mat2 shapes cannot be multiplied (8x3 "
            "and 4x2); give what it is called with",
        ),
    ],
)
def test_errors_are_one_line_and_leave_the_model(
    model: Any, arguments: Any, error: Any, message: str
) -> None:
    before = copy.deepcopy(model.state_dict()) if isinstance(model, Constant | nn.Sequential) else {}
    with pytest.raises(error, match=f"^{re.escape(message)}$") as raised:
        leaky.initialise_(model, **arguments)
    assert isinstance(raised.value, LeakyError)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())


def test_it_is_found_where_torch_has_its_initialisations() -> None:
    assert init.initialise_ is leaky.initialise_
    assert not hasattr(init, "nope")


@pytest.mark.parametrize(
    ("weight", "bias", "message"),
    [
        (
            torch.empty(3),
            None,
            "randomized_asymmetric_: `weight` must have shape (out, in, ...), none of them 0, got (3,)",
        ),
        (
            torch.empty(3, 2),
            torch.empty(2),
            "randomized_asymmetric_: `bias` must have shape (3,), one for each row, got (2,)",
        ),
    ],
)
def test_shapes_that_do_not_fit(weight: Tensor, bias: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$"):
        init.randomized_asymmetric_(weight, bias)


@pytest.mark.parametrize("module", ["leaky.models.initialise", "leaky.nn.init"])
def test_the_examples_run(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted
    assert not result.failed
