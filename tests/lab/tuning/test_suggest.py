"""An activation as a hyperparameter, under real Optuna."""

from __future__ import annotations

from typing import Any

import pytest

import leaky
from leaky.errors import ArgumentError, ArgumentTypeError

optuna = pytest.importorskip("optuna", reason="needs the extra `tune`")
optuna.logging.set_verbosity(optuna.logging.WARNING)


def fixed(**params: Any) -> Any:
    return optuna.trial.FixedTrial(params)


def test_names_and_scale_are_those_documented() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.enqueue_trial({"activation": "leaky_relu"})
    trial = study.ask()
    spec = leaky.lab.suggest_activation(trial)
    assert spec.activation.name == "leaky_relu"
    drawn = trial.distributions["activation.leaky_relu.negative_slope"]
    assert (drawn.low, drawn.high, drawn.log) == (0.001, 1.0, True)
    assert spec.parameters["negative_slope"] == trial.params["activation.leaky_relu.negative_slope"]


def test_the_spec_makes_a_module_and_has_a_gain() -> None:
    trial = fixed(**{"act": "elu", "act.elu.alpha": 0.5})
    spec = leaky.lab.suggest_activation(trial, "act", ["elu", "relu"])
    assert str(spec) == "elu(alpha=0.5)"
    assert leaky.nn.activation(spec).alpha == 0.5
    assert spec.gain > 1


def test_written_parameters_and_learned_ones_stay() -> None:
    written = leaky.lab.suggest_activation(fixed(activation="elu(alpha=2)"), choices=["elu(alpha=2)"])
    assert str(written) == "elu(alpha=2.0)"
    assert str(leaky.lab.suggest_activation(fixed(activation="prelu"))) == "prelu(negative_slope=0.25)"


def test_a_range_of_ones_own_is_linear_where_it_reaches_0() -> None:
    study = optuna.create_study()
    trial = study.ask()
    leaky.lab.suggest_activation(trial, choices=["leaky_relu"], negative_slope=(0.0, 0.5))
    drawn = trial.distributions["activation.leaky_relu.negative_slope"]
    assert (drawn.low, drawn.high, drawn.log) == (0.0, 0.5, False)


@pytest.mark.parametrize("sampler", ["RandomSampler", "TPESampler", "QMCSampler"])
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_study_of_ones_own_finds_the_slope(sampler: str) -> None:
    """By several samplers: a target that only a leaky ReLU of a slope near 0.2 meets."""

    def objective(trial: Any) -> float:
        spec = leaky.lab.suggest_activation(trial, choices=("leaky_relu", "tanh"), negative_slope=(0.01, 1))
        return abs(float(spec.activation.value(-1.0, **spec.parameters)) + 0.2)

    study = optuna.create_study(sampler=getattr(optuna.samplers, sampler)(seed=0))
    study.optimize(objective, n_trials=40)
    assert study.best_params["activation"] == "leaky_relu"
    assert study.best_params["activation.leaky_relu.negative_slope"] == pytest.approx(0.2, rel=0.3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"choices": []}, "`choices` must be a list of activations, got []"),
        ({"choices": "relu"}, "`choices` must be a list of activations, got 'relu'"),
        ({"choices": ["rellu"]}, "did you mean `relu`?"),
        ({"alpha": (0, 1), "choices": ["relu"]}, "no choice has a parameter `alpha` to suggest"),
        ({"negative_slope": 0.1}, "`negative_slope` must be a range (lowest, highest), got 0.1"),
        ({"negative_slope": (0.5, 0.1)}, "the range of `negative_slope` must ascend, got (0.5, 0.1)"),
    ],
)
def test_mistakes_are_one_line(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        leaky.lab.suggest_activation(optuna.create_study().ask(), **arguments)
    assert message in str(caught.value)


def test_a_trial_must_suggest() -> None:
    with pytest.raises(ArgumentTypeError, match=r"`trial` must be an optuna\.Trial, got 3"):
        leaky.lab.suggest_activation(3)
