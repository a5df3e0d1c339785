"""Perceptrons side by side: each is what torch's own layers, gradients and SGD make of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from leaky.lab.claims.perceptrons import Perceptrons, _Rectifier, arms, best, digits, stream


def test_each_network_is_torchs() -> None:
    (x, y), _ = digits(stream(1000, 0), 40)
    slopes, rates = [0.0, 0.01, 0.3], [0.1, 0.03, 0.2]
    networks = Perceptrons(stream(1000, 1), slopes, 2, biases=[0.0, -0.5, 0.1])
    alone = [_alone(networks, place, slope) for place, slope in enumerate(slopes)]
    networks.descend(x, y, rates, 5, stream(1000, 2))
    batches = stream(1000, 2).integers(len(x), size=(5, 32))
    logits = networks(x)[2]
    for place, (model, rate) in enumerate(zip(alone, rates, strict=True)):
        trainer = torch.optim.SGD(model.parameters(), rate)
        for chosen in batches:
            trainer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[chosen]), y[chosen]).backward()
            trainer.step()
        torch.testing.assert_close(logits[place], model(x), rtol=1e-4, atol=1e-5)


def _alone(networks: Perceptrons, place: int, slope: float) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for weight, bias in zip(networks.weights, networks.biases, strict=True):
        layer = torch.nn.Linear(*weight.shape[1:])
        layer.weight.data = weight[place].detach().T.clone()
        layer.bias.data = bias[place, 0].detach().clone()
        layers += [layer, torch.nn.LeakyReLU(slope)]
    return torch.nn.Sequential(*layers[:-1])


def test_the_same_draws_times_the_own_gain_from_the_second_layer_on() -> None:
    networks = Perceptrons(stream(0, 1), [0.0, 1.0], 2)
    first, second, last = networks.weights
    assert torch.equal(first[0], first[1])
    for weight in (second, last):
        torch.testing.assert_close(weight[0], weight[1] * 2**0.5)


def test_a_network_that_diverges_leaves_the_others_alone() -> None:
    (x, y), _ = digits(stream(0, 0), 100)
    both, one = Perceptrons(stream(0, 1), [0.0, 0.0], 2), Perceptrons(stream(0, 1), [0.0], 2)
    both.descend(x, y, [0.05, 1e30], 5, stream(0, 2))
    one.descend(x, y, [0.05], 5, stream(0, 2))
    accuracy, loss = both.score(x, y)
    torch.testing.assert_close(loss[0], one.score(x, y)[1][0], rtol=1e-5, atol=1e-6)
    assert (accuracy[1], loss[1]) == (0, torch.inf)


def test_parts_are_apart_and_of_second_moment_1() -> None:
    parts = digits(stream(5, 0), 500, 300)
    assert [len(x) for x, _ in parts] == [500, 300, 997]
    x, y = (torch.cat(side) for side in zip(*parts, strict=True))
    assert x.square().mean() == pytest.approx(1, abs=1e-5)
    assert x.min() == 0
    again = torch.cat([part for part, _ in digits(stream(6, 0), 500, 300)])
    assert not torch.equal(x, again)  # every seed draws anew
    assert np.array_equal(np.sort(x.sum(1).numpy()), np.sort(again.sum(1).numpy()))
    assert y.bincount().min() > 170


@pytest.mark.parametrize("at_zero", [0.0, 0.5, 1.0, None])
def test_the_derivative_at_0_is_the_one_asked_for(at_zero: float | None) -> None:
    x = torch.tensor([[[-1.0, 0.0, -0.0, 2.0]]], requires_grad=True)
    out = _Rectifier.apply(x, arms([0.25]), None if at_zero is None else arms([at_zero]))
    out.sum().backward()
    at = 0.25 if at_zero is None else at_zero
    assert x.grad is not None
    assert out.tolist() == [[[-0.25, 0.0, 0.0, 2.0]]]
    assert x.grad.tolist() == [[[0.25, at, at, 1.0]]]


def test_pre_activations_are_rounded_straight_through() -> None:
    (x, y), _ = digits(stream(0, 0), 20)
    plain, rounded = Perceptrons(stream(0, 1), [0.0, 0.0], 1, at_zero=[1.0] * 2, steps=[0.0, 0.25])(x)[0][0]
    assert not torch.equal((plain * 4).round(), plain * 4)
    torch.testing.assert_close(rounded, (plain * 4).round() / 4)
    networks = Perceptrons(stream(0, 1), [0.0], 1, at_zero=[1.0], steps=[1e6])
    (gradient, *_) = torch.autograd.grad(networks.losses(x, y).sum(), networks.weights)
    assert not (gradient == 0).all()  # all of them rounded to 0, where the derivative is 1


def test_equals_are_told_apart_by_the_loss() -> None:
    assert best(torch.tensor([0.5, 0.75, 0.75]), torch.tensor([0.1, 0.9, 0.8])) == 2
