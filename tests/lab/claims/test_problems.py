"""The tasks and networks that claims are trained on, against what they say of themselves."""

from __future__ import annotations

import math

import pytest
import torch

from leaky.lab.claims.networks import Convolutions, Perceptron
from leaky.lab.claims.problems import digits, small_clothes, spoken
from leaky.lab.factory import ModelFactory
from leaky.lab.recipe import Recipe
from leaky.nn import LeakyReLU


def weights(model: torch.nn.Module) -> list[torch.Tensor]:
    return [part.weight for part in model.modules() if isinstance(part, torch.nn.Linear | torch.nn.Conv2d)]


def slopes(model: torch.nn.Module) -> list[float]:
    return [part.negative_slope for part in model.modules() if isinstance(part, LeakyReLU)]


def test_a_common_gain_gives_every_arm_the_same_weights() -> None:
    names = ["relu", "leaky_relu(negative_slope=1.0)", "elu"]
    common = [Perceptron(8, 3, 2, gain="common")(ModelFactory(name), 0) for name in names]
    for one in common[1:]:
        assert all(map(torch.equal, weights(common[0]), weights(one)))
    own = Perceptron(8, 3, 2)(ModelFactory(names[1]), 0)
    for mine, shared in zip(weights(own)[:-1], weights(common[0])[:-1], strict=True):
        assert torch.allclose(mine * math.sqrt(2), shared)  # a linear layer's gain is 1
    assert torch.equal(weights(own)[-1], weights(common[0])[-1])


def test_a_norm_stands_before_each_activation() -> None:
    model = Perceptron(8, 2, 2)(ModelFactory("relu", Recipe(normalisation="batch")), 0)
    kinds = [type(part).__name__ for part in model.children()]
    assert kinds == ["Linear", "BatchNorm1d", "ReLU", "Linear", "BatchNorm1d", "ReLU", "Linear"]


@pytest.mark.parametrize(("per_unit", "count"), [(False, 1), (True, 64)])
def test_a_learned_slope_is_for_the_layer_or_the_unit(per_unit: bool, count: int) -> None:
    model = Perceptron(8, 2, 2, per_unit=per_unit)(ModelFactory("prelu(negative_slope=0.1)"), 0)
    learned = [part.weight for part in model.modules() if isinstance(part, torch.nn.PReLU)]
    assert [len(w) for w in learned] == [count, count]
    assert all((w == 0.1).all() for w in learned)


def test_slopes_by_the_width_of_the_layer() -> None:
    widths = (4, 8)
    named, channels, inverse = (
        Convolutions(8, widths, 0, 0.0, rule)(ModelFactory("leaky_relu(negative_slope=0.3)"), 0)
        for rule in ("as named", "channels", "1 / channels")
    )
    assert slopes(named) == [0.3] * 4
    assert slopes(channels) == [4, 4, 8, 8]
    assert slopes(inverse) == [1 / 4, 1 / 4, 1 / 8, 1 / 8]
    assert named(torch.randn(3, 1, 8, 8)).shape == (3, 10)


def test_slope_c_is_its_inverse_mirrored() -> None:
    """f_c(x) = -c f_{1/c}(-x), and He's gain takes the factor: a layer of the one is one of the other."""
    up, down = (
        Convolutions(4, (4,), 0, 0.0, rule)(ModelFactory("leaky_relu"), 0)
        for rule in ("channels", "1 / channels")
    )
    ratio = weights(down)[0] / weights(up)[0]
    assert torch.allclose(ratio, torch.tensor(4.0))  # the gains of 1/4 and 4 differ by the factor
    x = torch.randn(2, 1, 4, 4)
    first_up, first_down = up[1](up[0](x)), down[1](down[0](-x))
    assert torch.allclose(first_up, -first_down, atol=1e-6)


@pytest.mark.parametrize(("stains", "levels"), [("outliers", {-5.0, 5.0}), ("salt and pepper", {0.0, 1.0})])
def test_a_tenth_of_the_pixels_is_stained(stains: str, levels: set[float]) -> None:
    clean, stained = (digits("smoke", hidden=1, train=100, stains=kind) for kind in ("", stains))
    (a, _), (b, _) = (next(iter(task.parts(0)[2].batches())) for task in (clean, stained))
    changed = b[a != b]
    assert set(changed.tolist()) <= levels
    assert 0.03 < len(changed) / a.numel() < 0.11  # many pixels are 0 or 1 already
    at = torch.arange(100)
    assert torch.equal(clean.train_samples.take(at)[0], stained.train_samples.take(at)[0])


def test_centred_pixels_have_the_mean_zero() -> None:
    x, _ = digits("smoke", hidden=1, train=300, centred=True).train_samples.take(torch.arange(300))
    assert x.mean(0).abs().max() < 1e-6


def test_all_of_the_digits_can_be_asked_for() -> None:
    task = digits("smoke", hidden=1, train=1200)
    assert len(task.train_samples) == 1200
    assert len(task.parts(0)[2]) == 597


@pytest.mark.usefixtures("shared_data")
def test_small_clothes_are_halved_pictures() -> None:
    task = small_clothes("smoke", widths=(4,), train=200)
    x, _ = task.train_samples.take(torch.arange(200))
    assert x.shape == (200, 1, 14, 14)
    whole = small_clothes("smoke", widths=(4,), train=50).train_samples.take(torch.arange(50))[0]
    assert torch.equal(x[:50], whole)


@pytest.mark.usefixtures("shared_data")
def test_spoken_digits_keep_their_speakers_apart() -> None:
    task = spoken("smoke", hidden=2)
    train, validation, test = task.parts(0)
    assert len(train) == 3 * len(validation) == 1.5 * len(test)  # three, one and two speakers
    assert task.train_samples.take(torch.arange(1))[0].shape == (1, 1600)
