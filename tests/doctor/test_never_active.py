"""Never-active units, counted by hooks, against counts made by hand."""

from __future__ import annotations

import torch
from torch import nn

import leaky
from leaky.doctor.never_active import NeverActive, activation_sites


def linear(weights: list[list[float]], bias: list[float]) -> nn.Linear:
    layer = nn.Linear(len(weights[0]), len(weights))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weights))
        layer.bias.copy_(torch.tensor(bias))
    return layer


def test_planted_dead_units_are_found() -> None:
    model = nn.Sequential(linear([[1.0], [-1.0], [0.0], [1.0]], [0.0, 0.0, -1.0, -9.0]), nn.ReLU())
    with NeverActive(model) as watch:
        model(torch.tensor([[1.0], [2.0]]))
        assert watch.shares() == {"1": 0.75}
        model(torch.tensor([[-1.0]]))  # the second unit wakes up
    assert watch.shares() == {"1": 0.5}


def test_a_unit_is_a_channel_of_a_convolution() -> None:
    x = torch.full((2, 3, 4, 5), -1.0)
    x[1, 2, 3, 4] = 0.1
    model = nn.Sequential(nn.Identity(), leaky.nn.LeakyReLU(0.1)).to(memory_format=torch.channels_last)
    with NeverActive(model) as watch:
        model(x.to(memory_format=torch.channels_last))
    assert round(watch.shares()["1"], 6) == round(2 / 3, 6)


def test_a_unit_is_a_feature_after_a_linear_layer() -> None:
    model = nn.Sequential(linear([[1.0], [-1.0]], [0.0, 0.0]), nn.ReLU())
    with NeverActive(model) as watch:
        model(torch.ones(3, 7, 1))  # (batch, time, features)
    assert watch.shares() == {"1": 0.5}


def test_a_unit_is_a_feature_after_a_sum_of_linear_layers() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.act = (
                linear([[1.0], [-1.0]], [0, 0]),
                linear([[1.0], [-1.0]], [0, 0]),
                nn.ReLU(),
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.act(self.a(x) + self.b(x))

    with NeverActive(model := Residual()) as watch:
        model(torch.ones(3, 7, 1))
    assert watch.shares() == {"act": 0.5}


def test_an_activation_used_twice_is_counted_per_call() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.ReLU(inplace=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.act(-1 - self.act(x))

    with NeverActive(model := Twice()) as watch:
        for _ in range(2):
            model(torch.ones(2, 3))
    assert watch.shares() == {"act": 0.0, "act:2": 1.0}


def test_nothing_stays_behind_and_outputs_are_untouched() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ELU(), nn.LayerNorm(4), leaky.nn.Tanh())
    x = torch.randn(5, 3)
    before = model(x)
    with NeverActive(model):
        assert torch.equal(model(x), before)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_sites_are_the_catalogues_modules() -> None:
    model = nn.Sequential(
        nn.Linear(1, 1), nn.PReLU(), nn.Sequential(nn.Softplus(), leaky.nn.SELU()), nn.Dropout()
    )
    assert list(activation_sites(model)) == ["1", "2.0", "2.1"]


def test_no_sites_no_shares() -> None:
    with NeverActive(model := nn.Linear(1, 1)) as watch:
        model(torch.ones(1, 1))
    assert watch.shares() == {}


def test_nan_is_not_active() -> None:
    with NeverActive(model := nn.Sequential(nn.ReLU())) as watch:
        model(torch.tensor([[float("nan"), 1.0]]))
    assert watch.shares() == {"0": 0.5}
