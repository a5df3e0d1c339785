"""`leaky.lab.tune` by grid, through the public door, on tasks that train in milliseconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import leaky
from leaky.errors import ArgumentError, LeakyError, StudyError
from leaky.lab.tuning import best
from leaky.records import Tuning


def needs_slope(activation: Any, seed: int) -> torch.nn.Module:
    """One unit of |x| or x: how well it does is a question of the slope alone."""
    return torch.nn.Sequential(torch.nn.Linear(1, 8), activation(), torch.nn.Linear(8, 1))


def half_slope(**changes: Any) -> Any:
    """A leaky ReLU of slope 0.5, read off at 80 points."""
    x = torch.linspace(-1, 1, 80)[:, None]
    y = torch.where(x > 0, x, 0.5 * x)
    return leaky.lab.Task(
        **{
            "name": "half",
            "train": (x, y),
            "model": needs_slope,
            "metric": "mse",
            "margin": 0.01,
            "recipe": leaky.lab.Recipe(epochs=4, batch_size=8),
            "learning_rates": (0.01, 0.1),
            **changes,
        }
    )


@pytest.fixture
def tune(tiny_task: str, tmp_path: Path) -> Any:
    def run(**changes: Any) -> Tuning:
        arguments: dict[str, Any] = {
            "task": tiny_task,
            "values": [0, 0.01, 0.3],
            "seeds": 3,
            "tuning_seeds": 2,
            "store": tmp_path / "s.db",
            "progress": False,
            **changes,
        }
        return leaky.lab.tune(**arguments)

    return run


def test_each_value_is_tuned_and_run_again_on_fresh_seeds(tune: Any) -> None:
    tuning = tune()
    assert [p.value for p in tuning.points] == [0.0, 0.01, 0.3]
    trials = tuning.study.trials
    assert len(trials) == 4 * (2 * 2 + 3)  # three slopes and PReLU
    assert not {t.plan.seed for t in trials if t.plan.phase == "final"} & set(tuning.study.tuning_seeds)
    for point in tuning.points:
        means = {
            rate: np.mean(
                [t.score for t in tuning.tuning_trials(point.value) if t.plan.learning_rate == rate]
            )
            for rate in tuning.study.learning_rates
        }
        assert means[point.arm.learning_rate] == max(means.values()) == pytest.approx(point.validation)
        final = [t for t in trials if t.plan.phase == "final" and t.plan.activation == point.arm.activation]
        assert {t.plan.learning_rate for t in final} == {point.arm.learning_rate}
        assert sorted(t.score for t in final) == sorted(point.arm.scores)


def test_validation_chooses_and_final_scores_only_tell(tune: Any) -> None:
    tuning = tune()
    assert tuning.point(tuning.chosen).validation == max(p.validation for p in tuning.points)
    assert tuning.study.baseline == tuning.point(tuning.chosen).arm.activation
    rows = [p.arm.scores for p in tuning.points]
    expected = best.shortfalls(rows, higher_is_better=True, resolution=1 / 30)
    assert [p.shortfall for p in tuning.points] == expected
    assert tuning.plateau == tuple(p.value for p in tuning.points if p.shortfall.low >= -tuning.study.margin)


def test_what_prelu_learns_is_kept_for_every_final_run(tune: Any) -> None:
    learned = tune().learned
    assert learned.start == 0.25
    assert learned.layers == ("1",)
    assert len(learned.values) == len(learned.seeds) == 3
    assert all(value != 0.25 for (value,) in learned.values)


def test_where_the_slope_matters_the_plateau_is_where_it_should_be(tmp_path: Path) -> None:
    """One unit of the true slope fits exactly; a fixed network is not trained away from it."""

    def unit(activation: Any, seed: int) -> torch.nn.Module:
        made = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False), activation())
        torch.nn.init.constant_(made[0].weight, 1.2 + 0.01 * (seed % 3))
        return made

    tuning = leaky.lab.tune(
        half_slope(model=unit),
        values=[0, 0.1, 0.5, 0.6],
        seeds=5,
        tuning_seeds=2,
        store=tmp_path / "s.db",
        progress=False,
    )
    assert tuning.chosen == tuning.recommended == 0.5  # 0.01 was not among them
    assert 0.5 in tuning.plateau
    assert tuning.point(0.0).standing == "worse than the best"
    assert tuning.point(0.0).shortfall.high < -0.01
    assert all(
        p.shortfall.estimate <= 0 for p in tuning.points
    )  # lower is better, and still negative is worse


def test_repeating_computes_nothing_and_gives_the_same(tune: Any) -> None:
    first, second = tune(), tune(workers=1)
    assert second.study.reused == len(first.study.trials)
    assert second.points == first.points
    assert second.learned == first.learned
    assert tune(values=[0, 0.01, 0.3, 0.5]).study.reused == len(first.study.trials)


def test_another_store_gives_the_same_rows(tune: Any, tmp_path: Path) -> None:
    first, second = tune(workers=1), tune(workers=2, store=tmp_path / "other.db")
    assert [(t.plan, t.score, t.epochs, t.learned) for t in first.study.trials] == [
        (t.plan, t.score, t.epochs, t.learned) for t in second.study.trials
    ]
    assert first.points == second.points


def test_trials_are_those_that_compare_would_make(tune: Any, tiny_task: str, tmp_path: Path) -> None:
    tune()
    study = leaky.lab.compare(
        tiny_task,
        ["leaky_relu(negative_slope=0.3)"],
        baseline="leaky_relu",
        seeds=3,
        tuning_seeds=2,
        store=tmp_path / "s.db",
        progress=False,
    )
    assert study.reused == len(study.trials)


def test_another_activations_parameter(tune: Any) -> None:
    tuning = tune(activation="elu", values=None, budget=None)
    assert (tuning.activation, tuning.parameter, tuning.learned) == ("elu", "alpha", None)
    assert [p.value for p in tuning.points] == [0.1, 0.3, 1.0, 3.0, 10.0]


def test_a_value_that_always_diverges_has_no_result_and_others_are_compared(tmp_path: Path) -> None:
    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return (outputs - targets).square().mean()

    def model(activation: Any, seed: int) -> torch.nn.Module:
        made = needs_slope(activation, seed)
        if "0.3" in str(activation):
            torch.nn.init.constant_(made[0].weight, float("nan"))
        return made

    tuning = leaky.lab.tune(
        half_slope(model=model, loss=loss),
        values=[0, 0.1, 0.3],
        seeds=3,
        tuning_seeds=1,
        store=tmp_path / "s.db",
        progress=False,
    )
    lost = tuning.point(0.3)
    assert (lost.standing, lost.shortfall, lost.arm.diverged) == ("no result", None, 3)
    assert tuning.chosen != 0.3
    assert tuning.point(0.0).shortfall is not None


def test_where_every_trial_fails_one_line_says_why(tmp_path: Path) -> None:
    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if len(outputs) > 2:
            raise RuntimeError("no more memory")
        return (outputs - targets).square().mean()

    with pytest.raises(StudyError, match=r"^tune: no result, .* trials failed; .*no more memory"):
        leaky.lab.tune(
            half_slope(loss=loss), values=[0, 0.1], seeds=2, store=tmp_path / "s.db", progress=False
        )


def test_json_is_plain_and_whole(tune: Any) -> None:
    tuning = tune()
    told = json.loads(json.dumps(tuning.to_json(), allow_nan=False))
    assert [p["value"] for p in told["points"]] == [0.0, 0.01, 0.3]
    assert told["recommended"] == tuning.recommended
    assert len(told["study"]["trials"]) == len(tuning.study.trials)
    assert told["study"]["command"].startswith("leaky.lab.tune(task=")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"per": "unit"}, "tune: `per` must be 'network' or 'layer', got 'unit'"),
        ({"search": "random"}, "tune: `search` must be 'grid' or 'optuna', got 'random'"),
        ({"per": "layer", "search": "grid"}, "tune: `search` grid has too many combinations"),
        ({"trials": 10}, "tune: `trials` is for the search by optuna; leave it out, or search so"),
        ({"seeds": 0}, "tune: `seeds` must be a whole number of at least 1, got 0"),
        ({"workers": 0}, "tune: `workers` must be a whole number of at least 1, got 0"),
        ({"margin": -1}, "tune: `margin` must be a finite number of at least 0, got -1"),
        ({"learning_rates": [0]}, "tune: `learning_rates` must be finite and above 0, got 0"),
        ({"report": "/no/such/folder/r.html"}, "report: cannot write"),
        ({"activation": "relu"}, "tune: `relu` has no number to tune"),
    ],
)
def test_mistakes_are_one_line_and_nothing_runs(
    tune: Any, tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(LeakyError) as caught:
        tune(**arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "s.db").exists()


def test_a_layer_each_needs_several_layers(tune: Any) -> None:
    pytest.importorskip("optuna")
    with pytest.raises(ArgumentError, match="needs a model with several activations, task `tiny` has 1"):
        tune(per="layer")
