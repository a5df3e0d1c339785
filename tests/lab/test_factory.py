"""What a task's model is given, and how the recipe's parts reach it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leaky.errors import TaskError
from leaky.lab.build import build_model
from leaky.lab.definition import Task
from leaky.lab.factory import ModelFactory
from leaky.lab.preflight import preflight
from leaky.lab.recipe import Recipe
from leaky.lab.training.fields import FIELDS

X = np.random.default_rng(0).normal(size=(90, 3))
ALL = torch.arange(60)


def with_places(activation: ModelFactory, seed: int) -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(3, 6), *activation.block(6), torch.nn.Linear(6, 2))


def without(activation: Any, seed: int) -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(3, 6), activation(), torch.nn.Linear(6, 2))


def task(model: Callable[..., torch.nn.Module]) -> Task:
    return Task(name="t", train=(X, (X[:, 0] > 0).astype(int)), model=model)


def built(
    recipe: Recipe, model: Callable[..., torch.nn.Module] = with_places, activation: str = "relu"
) -> Any:
    torch.manual_seed(5)
    return build_model(task(model), recipe, activation, 5, ALL)[0]


def kinds(model: Any) -> list[str]:
    return [type(module).__name__ for module in model]


def test_a_block_holds_what_the_recipe_asks_for_and_nothing_that_does_nothing() -> None:
    assert kinds(built(Recipe())) == ["Linear", "ReLU", "Linear"]
    full = built(Recipe(normalisation="batch", dropout=0.3))
    assert kinds(full) == ["Linear", "BatchNorm1d", "ReLU", "Dropout", "Linear"]
    assert full[3].p == 0.3


@pytest.mark.parametrize(
    ("kind", "dims", "name"),
    [("batch", 0, "BatchNorm1d"), ("batch", 1, "BatchNorm1d"), ("batch", 2, "BatchNorm2d"), ("layer", 0, "LayerNorm"),
     ("layer", 2, "GroupNorm"), ("instance", 1, "InstanceNorm1d"), ("instance", 2, "InstanceNorm2d"),
     ("none", 2, "Identity")],
)  # fmt: skip
def test_norms_by_kind_and_dimension(kind: str, dims: int, name: str) -> None:
    made = ModelFactory("relu", Recipe(normalisation=kind)).norm(4, dims)
    assert type(made).__name__ == name
    given = 3 + 2 * torch.randn(8, 4, *[5] * dims)
    found = made(given)
    if name != "Identity":
        assert abs(found.mean().item()) < 1e-5
        assert found.std().item() == pytest.approx(1, abs=0.05)


def test_a_task_keeps_its_own_parts_where_the_recipe_leaves_them() -> None:
    make = ModelFactory("relu")
    own = make.block(4, normalisation="batch", dropout=0.5)
    assert [type(part).__name__ for part in own] == ["BatchNorm1d", "ReLU", "Dropout"]
    none = ModelFactory("relu", Recipe(normalisation="none", dropout=0))
    assert len(none.block(4, normalisation="batch", dropout=0.5)) == 1


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (
            Recipe(dropout=0.1),
            "task `t`: its model has no place for `dropout`, got 0.1; leave it out, or call "
            "`activation.dropout()` in the model",
        ),
        (
            Recipe(normalisation="none"),
            "task `t`: its model has no place for `normalisation`, got 'none'; leave it out, or call "
            "`activation.norm(channels)` in the model",
        ),
    ],
)
def test_a_part_without_a_place_is_refused_before_anything_runs(recipe: Recipe, message: str) -> None:
    with pytest.raises(TaskError, match=f"^{re.escape(message)}$"):
        preflight(task(without), ("relu",), recipe)
    preflight(task(with_places), ("relu",), recipe)
    preflight(task(without), ("relu",), Recipe())


def test_instance_norm_needs_positions() -> None:
    instance = Recipe(normalisation="instance")
    with pytest.raises(TaskError, match="task `t`: `normalisation` instance needs positions to average over"):
        preflight(task(with_places), ("relu",), instance)
    make = ModelFactory("relu", instance)
    parts = [make.norm(4, 2), make.norm(4)]  # a convolution and a layer of units behind it
    make.refused("t")
    assert kinds(parts) == ["InstanceNorm2d", "Identity"]


def test_initialisation_takes_the_gain_of_the_activation_and_keeps_the_draws_paired() -> None:
    relu, tanh = (built(Recipe(initialisation="he"), activation=name) for name in ("relu", "tanh"))
    ratio = tanh[0].weight / relu[0].weight
    assert torch.allclose(ratio, torch.full_like(ratio, 1.5925 / 2**0.5), rtol=1e-3)
    assert torch.equal(relu[2].weight, tanh[2].weight)
    assert not relu[0].bias.any()
    xavier = built(Recipe(initialisation="xavier"))
    assert torch.allclose(xavier[0].weight / relu[0].weight, torch.tensor((2 / 9) ** 0.5 / (2 / 3) ** 0.5))


def test_orthogonal_rows_or_columns() -> None:
    weight = built(Recipe(initialisation="orthogonal"))[0].weight
    assert torch.allclose(weight.T @ weight, 2 * torch.eye(3), atol=1e-5)


def test_lsuv_gives_unit_variance_on_the_first_training_samples() -> None:
    model = built(Recipe(initialisation="lsuv"))
    first = task(with_places).train_samples.take(ALL)[0]
    assert model[0](first).var().item() == pytest.approx(1, abs=0.05)
    assert model(first).var().item() == pytest.approx(1, abs=0.05)


def test_the_default_is_torchs_own_whatever_the_task_does() -> None:
    def zeros(activation: ModelFactory, seed: int) -> torch.nn.Module:
        model = without(activation, seed)
        for parameter in model.parameters():
            torch.nn.init.zeros_(parameter)
        return model

    model, twin = (
        built(Recipe(initialisation="default"), zeros),
        built(Recipe(initialisation="default"), without),
    )
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), twin.parameters(), strict=True))
    assert 0.3 < model[0].weight.abs().max() <= 3**-0.5


def test_what_cannot_be_initialised_is_told() -> None:
    class Scale(torch.nn.Module):
        def __init__(self, activation: torch.nn.Module) -> None:
            super().__init__()
            self.scale, self.activation = torch.nn.Parameter(torch.ones(1)), activation

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.activation(self.scale * x)[:, :2]

    with pytest.raises(TaskError, match=r"task `t`: initialisation he: .* has no Linear or Conv layer"):
        built(Recipe(initialisation="he"), lambda activation, seed: Scale(activation()))


def test_the_guides_model_has_places_for_everything() -> None:
    text = (Path(__file__).parents[2] / "docs/guide/recipes.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[-1]
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    factory = ModelFactory("relu", Recipe(normalisation="layer", dropout=0.1))
    made = namespace["model"](factory, 0)
    factory.refused("guide")
    assert made(torch.randn(2, 1, 8, 8)).shape == (2, 10)
    assert (
        kinds(made).count("GroupNorm") == kinds(made).count("LayerNorm") == kinds(made).count("Dropout") == 1
    )


def test_the_guide_names_every_field_and_choice() -> None:
    text = (Path(__file__).parents[2] / "docs/guide/recipes.md").read_text(encoding="utf-8")
    for name, field in FIELDS.items():
        assert f"`{name}`" in text
        assert all(f"`{choice}`" in text for choice in field.choices)
