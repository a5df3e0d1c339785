"""Shapes, places for activations, causality, and that levels and spreads pass through the forecasters."""

from __future__ import annotations

import pytest
import torch

from leaky.lab.factory import ModelFactory
from leaky.lab.recipe import Recipe
from leaky.lab.series.networks import FORECASTERS, CausalConv1d, Shape

SHAPE = Shape(channels=5, look_back=40, variables=2, horizon=8)


def made(name: str, recipe: Recipe | None = None) -> tuple[torch.nn.Module, ModelFactory]:
    torch.manual_seed(0)
    factory = ModelFactory("leaky_relu(negative_slope=0.1)", recipe)
    return FORECASTERS[name](SHAPE, 6, factory).eval(), factory


@pytest.mark.parametrize(("name", "places"), [("mlp", 2), ("tcn", 4 * 3)])
def test_a_future_for_each_variable(name: str, places: int) -> None:
    model, factory = made(name)
    assert model(torch.randn(3, 5, 40)).shape == (3, 2, 8)
    assert factory.places == places
    assert factory.supported == {"normalisation", "dropout"}


@pytest.mark.parametrize("name", FORECASTERS)
@pytest.mark.parametrize("normalisation", ["batch", "layer"])
def test_a_recipe_may_put_norms_before_activations(name: str, normalisation: str) -> None:
    model, _ = made(name, Recipe(normalisation=normalisation, dropout=0.2))
    norms = [part for part in model.modules() if "Norm" in type(part).__name__]
    assert len(norms) == {"mlp": 2, "tcn": 2 * 4}[name]
    assert model(torch.randn(3, 5, 40)).shape == (3, 2, 8)


@pytest.mark.parametrize("name", FORECASTERS)
def test_level_and_spread_of_a_variable_are_those_of_its_forecast(name: str) -> None:
    model, _ = made(name)
    past = torch.randn(3, 5, 40)
    moved = past.clone()
    moved[:, 0] = 100 + 20 * past[:, 0]
    before, after = model(past), model(moved)
    # Not to the bit: a small number is added to the spread.
    torch.testing.assert_close((after[:, 0] - 100) / 20, before[:, 0], rtol=0, atol=0.01)
    torch.testing.assert_close(after[:, 1], before[:, 1], rtol=0, atol=0.01)
    still = model(torch.zeros(3, 5, 40))
    assert still.isfinite().all()


def test_every_step_of_the_past_counts_for_the_last_step_ahead() -> None:
    model, _ = made("tcn")
    past = torch.randn(1, 5, 40, requires_grad=True)
    model(past)[0, :, -1].sum().backward()
    assert past.grad is not None
    assert (past.grad.abs().sum(1) > 0).all()


def test_a_causal_convolution_does_not_look_ahead() -> None:
    layer = CausalConv1d(2, 3, 4, ModelFactory("relu"))
    x = torch.randn(1, 2, 20)
    changed = x.clone()
    changed[..., 12:] = 9
    assert layer(x).shape == (1, 3, 20)
    assert torch.equal(layer(x)[..., :12], layer(changed)[..., :12])
    assert not torch.equal(layer(x)[..., 12:], layer(changed)[..., 12:])
