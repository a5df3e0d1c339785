"""Parameter groups: what activations learn is not decayed, everything else once, and optimisers take them."""

from __future__ import annotations

import re
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import leaky  # noqa: E402
from leaky import nn as lnn  # noqa: E402
from leaky.errors import ArgumentError, ArgumentTypeError  # noqa: E402


def _model() -> Any:
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.BatchNorm2d(4),
        torch.nn.PReLU(4),
        lnn.PReLU(),
        lnn.SShapedReLU(num_parameters=4),
        lnn.FunnelReLU(4),
        lnn.DynamicReLU(4),
        lnn.Pade(learned=False),
    )


def _named(model: Any, **given: Any) -> list[tuple[float, set[str]]]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = lnn.parameter_groups(model, **given)
    return [(group["weight_decay"], {names[id(p)] for p in group["params"]}) for group in groups]


SLOPES = {
    "2.weight",
    "3.weight",
    "4.threshold_left",
    "4.slope_left",
    "4.threshold_right",
    "4.slope_right",
}
WEIGHTS = {"0.weight", "5.conv.weight", "6.squeeze.weight", "6.excite.weight"}
OTHERS = {"0.bias", "1.weight", "1.bias", "5.norm.weight", "5.norm.bias", "6.squeeze.bias", "6.excite.bias"}


def test_learned_parameters_of_activations_are_exempt() -> None:
    assert _named(_model(), weight_decay=0.1) == [(0.1, WEIGHTS | OTHERS), (0.0, SLOPES)]
    found = _named(_model(), weight_decay=0.1, norms_and_biases=False)
    assert found == [(0.1, WEIGHTS), (0.0, SLOPES | OTHERS)]


def test_every_optimiser_takes_them_and_slopes_stay() -> None:
    for optimiser in (torch.optim.SGD, torch.optim.AdamW, torch.optim.Adagrad):
        model = torch.nn.Sequential(torch.nn.Linear(2, 2), lnn.PReLU(2))
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        before = model[0].weight.detach().clone()
        optimiser(lnn.parameter_groups(model, weight_decay=0.5), lr=0.1).step()
        assert model[1].weight.tolist() == [0.25, 0.25]
        assert not torch.equal(model[0].weight, before)


def test_shared_and_frozen_parameters_are_there_once() -> None:
    act = lnn.PReLU()
    linear = torch.nn.Linear(2, 2)
    act.weight.requires_grad_(False)
    model = torch.nn.Sequential(linear, act, linear, act)
    assert _named(model, weight_decay=0.1) == [(0.1, {"0.weight", "0.bias"}), (0.0, {"1.weight"})]


def test_without_decay_or_without_weights_there_is_one_group() -> None:
    assert [decay for decay, _ in _named(_model(), weight_decay=0)] == [0.0]
    assert [decay for decay, _ in _named(torch.nn.PReLU(), weight_decay=0.1)] == [0.0]
    assert [decay for decay, _ in _named(torch.nn.Linear(2, 2), weight_decay=0.1)] == [0.1]


def test_the_check_for_decayed_slopes_is_satisfied() -> None:
    model = _model()
    plain = leaky.check(model, torch.optim.AdamW(model.parameters(), weight_decay=0.1))
    assert "LKY301" in plain.codes
    found = next(finding for finding in plain if finding.code == "LKY301")
    assert "AdamW(leaky.nn.parameter_groups(model, weight_decay=0.1))" in found.remedy
    grouped = torch.optim.AdamW(lnn.parameter_groups(model, weight_decay=0.1))
    assert "LKY301" not in leaky.check(model, grouped).codes


@pytest.mark.parametrize(
    ("model", "decay", "error", "message"),
    [
        (
            [1],
            0.1,
            ArgumentTypeError,
            "parameter_groups: `model` must be a torch.nn.Module, got list",
        ),
        (
            torch.nn.Linear(1, 1),
            "0.1",
            ArgumentTypeError,
            "parameter_groups: `weight_decay` must be a number, got '0.1'",
        ),
        (
            torch.nn.Linear(1, 1),
            -0.1,
            ArgumentError,
            "parameter_groups: `weight_decay` must be finite and at least 0, got -0.1",
        ),
        (
            torch.nn.ReLU(),
            0.1,
            ArgumentError,
            "parameter_groups: `model` (ReLU) has no parameters to optimise",
        ),
    ],
)
def test_bad_input_is_refused(model: Any, decay: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        lnn.parameter_groups(model, weight_decay=decay)


def test_slopes_made_from_other_parameters_are_not_decayed() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), lnn.PReLU(2))
    torch.nn.utils.parametrize.register_parametrization(model[1], "weight", torch.nn.Sigmoid())
    assert _named(model, weight_decay=0.1) == [
        (0.1, {"0.weight", "0.bias"}),
        (0.0, {"1.parametrizations.weight.original"}),
    ]
