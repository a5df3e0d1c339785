"""Which parameter is tuned, at which values."""

from __future__ import annotations

import pytest

from leaky.errors import ArgumentError
from leaky.lab.tuning.ranking import nearest
from leaky.lab.tuning.shape import shape
from leaky.lab.tuning.space import Space


def test_slopes_begin_with_relu_and_end_before_a_linear_network() -> None:
    found = shape()
    assert (found.parameter, found.default) == ("negative_slope", 0.01)
    assert found.values[0] == 0.0
    assert found.values[-1] < 1
    assert found.default in found.values
    assert set(shape(few=True).values) < set(found.values)
    assert found.learned == "prelu(negative_slope=0.25)"


@pytest.mark.parametrize(
    ("activation", "parameter"),
    [("elu", "alpha"), ("silu", "beta"), ("softplus", "beta"), ("hardtanh", "max_val"), ("celu", "alpha")],
)
def test_others_are_tuned_around_their_default(activation: str, parameter: str) -> None:
    found = shape(activation)
    assert found.parameter == parameter
    assert found.default in found.values
    assert found.learned is None
    assert found.named(found.at(found.values[0])) == found.values[0]


def test_what_the_spec_says_of_other_parameters_stays() -> None:
    assert shape("softplus(beta=2, threshold=30)").at(0.5) == "softplus(beta=0.5, threshold=30.0)"


def test_values_of_ones_own_are_sorted_and_each_once() -> None:
    assert shape(values=[0.2, 0, 0.2, 0.05]).values == (0.0, 0.05, 0.2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"activation": "relu"},
            "tune: `relu` has no number to tune; name one that has, such as leaky_relu or elu",
        ),
        ({"activation": "prelu"}, "`prelu` has no number to tune"),
        ({"values": [-0.1, 0.1]}, "tune: `values` must be finite and at least 0, got -0.1"),
        ({"values": [0.1, float("nan")]}, "must be finite and at least 0, got nan"),
        ({"values": [0.1]}, "needs at least two values to compare, got [0.1]"),
        ({"values": []}, "needs at least two values"),
        ({"values": ["a", 1]}, "must be numbers, got 'a'"),
        ({"values": 0.1}, "must be a list of numbers, got 0.1"),
        ({"activation": "elu", "values": [0, 1]}, "elu: `alpha` must be finite and above 0, got 0"),
        ({"activation": "leaky"}, "did you mean `leaky_relu`?"),
    ],
)
def test_what_cannot_be_tuned(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        shape(**arguments)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nearest_goes_by_ratios_and_0_is_alone() -> None:
    assert nearest(0.0, (0.0, 0.01, 0.1)) == 0.0
    assert nearest(0.001, (0.0, 0.01, 0.1)) == 0.01
    assert nearest(0.04, (0.0, 0.01, 0.1)) == 0.1
    assert nearest(0.0, (0.01, 0.1)) == 0.01


def test_a_space_begins_at_its_values_and_equal_places_are_one_network() -> None:
    space = Space(shape(values=[0, 0.01, 0.1]), (0.01, 0.1), 0)
    assert space.anchors({0.01: 0.1}) == [
        {"learning_rate": 0.1, "negative_slope_is_zero": True},
        {"learning_rate": 0.1, "negative_slope_is_zero": False, "negative_slope": 0.01},
        {"learning_rate": 0.1, "negative_slope_is_zero": False, "negative_slope": 0.1},
    ]
    layers = Space(shape(values=[0, 0.01, 0.1]), (0.01, 0.1), 2)
    assert layers.names == ("negative_slope.0", "negative_slope.1")
    assert layers.zero == ""
    assert layers.choice((0.1, 0.1), 0.01).activation == "leaky_relu(negative_slope=0.1)"
    assert layers.choice((0.01, 0.1234), 0.01).activation == (
        "leaky_relu(negative_slope=0.01); leaky_relu(negative_slope=0.123)"
    )
