"""The whole study, through the public door, on a task that trains in milliseconds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import leaky
from leaky.errors import ArgumentError, StudyError, TaskError
from leaky.lab.definition import Task
from leaky.records import Study


@pytest.fixture
def compare(tiny_task: str, tmp_path: Path) -> Any:
    def run(**changes: Any) -> Study:
        arguments: dict[str, Any] = {
            "task": tiny_task,
            "activations": ["relu", "leaky_relu(negative_slope=0.2)"],
            "seeds": 3,
            "tuning_seeds": 2,
            "store": tmp_path / "s.db",
            "progress": False,
            **changes,
        }
        return leaky.lab.compare(**arguments)

    return run


def test_a_study_has_every_trial_and_an_arm_per_activation(compare: Any) -> None:
    study = compare()
    assert len(study.trials) == 2 * (2 * 2 + 3)
    assert {trial.status for trial in study.trials} == {"finished"}
    relu, leaky_relu = study.arms
    assert (relu.activation, relu.verdict, relu.improvement) == ("relu", "baseline", None)
    assert leaky_relu.activation == "leaky_relu(negative_slope=0.2)"
    assert len(leaky_relu.scores) == 3
    assert leaky_relu.improvement is not None
    differences = np.subtract(leaky_relu.scores, relu.scores)
    assert leaky_relu.improvement.estimate == pytest.approx(differences.mean())
    for arm in study.arms:
        final = [t for t in study.trials if t.plan.phase == "final" and t.plan.activation == arm.activation]
        assert {t.plan.learning_rate for t in final} == {arm.learning_rate}
        tuning = [t for t in study.trials if t.plan.phase == "tuning" and t.plan.activation == arm.activation]
        means = {
            rate: np.mean([t.score for t in tuning if t.plan.learning_rate == rate])
            for rate in study.learning_rates
        }
        assert means[arm.learning_rate] == max(means.values())
    assert not {t.plan.seed for t in study.trials if t.plan.phase == "final"} & set(study.tuning_seeds)


def test_repeating_a_study_computes_nothing_and_gives_the_same(compare: Any) -> None:
    first, second = compare(), compare()
    assert (first.reused, second.reused) == (0, len(first.trials))
    assert second.trials == first.trials
    assert second.arms == first.arms


def test_another_store_gives_the_same_numbers(compare: Any, tmp_path: Path) -> None:
    first, second = compare(workers=1), compare(workers=2, store=tmp_path / "other.db")
    assert [(t.plan, t.score, t.epochs) for t in first.trials] == [
        (t.plan, t.score, t.epochs) for t in second.trials
    ]


def test_more_seeds_only_add(compare: Any) -> None:
    first, second = compare(), compare(seeds=4)
    assert second.reused == len(first.trials)


def test_a_changed_task_file_is_another_task(compare: Any, tiny_task: str) -> None:
    compare()
    path = Path(tiny_task.rpartition(":")[0])
    path.write_text(path.read_text().replace("torch.nn.Linear(4, 8)", "torch.nn.Linear(4, 8, bias=False)"))
    assert compare().reused == 0


def test_a_task_made_in_python_with_a_lambda_and_a_metric_of_its_own(compare: Any) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(80, 3)).astype(np.float32)

    def negative_error(outputs: torch.Tensor, targets: torch.Tensor) -> float:
        return -(outputs - targets).square().mean().item()

    task = leaky.lab.Task(
        name="sum",
        train=(x, x.sum(1, keepdims=True)),
        model=lambda activation, seed: torch.nn.Sequential(
            torch.nn.Linear(3, 8), activation(), torch.nn.Linear(8, 1)
        ),
        metric=negative_error,
        diverged_score=-10.0,
        margin=0.1,
        recipe=leaky.lab.Recipe(epochs=2, optimizer="adam"),
        learning_rates=(0.01,),
    )
    study = compare(task=task)
    assert study.metric.name == "negative_error"
    assert all(trial.score is not None and trial.score < 0 for trial in study.trials)


def test_lower_is_better_is_kept_throughout(compare: Any) -> None:
    x = np.random.default_rng(0).normal(size=(80, 3))
    task = leaky.lab.Task(
        name="square",
        train=(x, x[:, :1] ** 2),
        model=lambda activation, seed: torch.nn.Sequential(
            torch.nn.Linear(3, 16), activation(), torch.nn.Linear(16, 1)
        ),
        metric="mse",
        margin=0.01,
        recipe=leaky.lab.Recipe(epochs=20),
        learning_rates=(0.0001, 0.03),
    )
    study = compare(task=task, activations=["leaky_relu(negative_slope=1)"])
    linear = study.arms[1]
    assert linear.verdict == "worse"  # a linear network cannot square
    assert linear.score.estimate > study.arms[0].score.estimate
    assert linear.improvement is not None
    assert linear.improvement.high < -0.01
    assert study.arms[0].learning_rate == 0.03


def test_further_metrics_are_measured_on_the_test_split_and_decide_nothing(compare: Any) -> None:
    x = np.random.default_rng(0).normal(size=(80, 3))

    def task(**changes: Any) -> Task:
        return leaky.lab.Task(
            name="first",
            train=(x, x[:, :1]),
            model=lambda activation, seed: torch.nn.Sequential(
                torch.nn.Linear(3, 8), activation(), torch.nn.Linear(8, 1)
            ),
            metric="mse",
            margin=0.01,
            recipe=leaky.lab.Recipe(epochs=3),
            learning_rates=(0.01, 0.03),
            **changes,
        )

    root = leaky.lab.NamedMetric(
        leaky.lab.Metric("rmse", higher_is_better=False, percent=False),
        lambda outputs, targets: float((outputs - targets).square().mean().sqrt()),
    )
    plain, study = compare(task=task()), compare(task=task(metrics=(root, "mae")))
    assert [arm.scores for arm in study.arms] == [arm.scores for arm in plain.arms]
    assert [metric.name for metric in study.metrics] == ["rmse", "mae"]
    final = [trial for trial in study.trials if trial.plan.phase == "final"]
    for trial in final:
        assert trial.metrics["rmse"] == pytest.approx(trial.score**0.5, rel=1e-4)  # type: ignore[operator]
    for arm in study.arms:
        assert arm.metrics.keys() == {"rmse", "mae"}
        values = [t.metrics["rmse"] for t in final if t.plan.activation == arm.activation]
        assert min(values) <= arm.metrics["rmse"].estimate <= max(values)  # type: ignore[type-var]
    assert compare(task=task(metrics=(root, "mae"))).arms == study.arms  # out of the store
    assert study.trivial == "the best constant answer"
    assert study.trivial_score == pytest.approx(1, abs=0.5)


def test_metrics_may_take_other_outputs_than_the_loss(compare: Any, tmp_path: Path) -> None:
    """The loss takes log odds, the metric what a model writes when it is asked to: here always its sign."""
    x = np.random.default_rng(0).normal(size=(80, 3))
    words = leaky.lab.NamedMetric(
        leaky.lab.Metric("right", higher_is_better=True, percent=True),
        lambda answers, targets: float((answers == targets).float().mean()),
    )
    task = leaky.lab.Task(
        name="sign",
        train=(x, (x[:, :1] > 0).astype(np.float32)),
        model=lambda activation, seed: torch.nn.Sequential(
            torch.nn.Linear(3, 8), activation(), torch.nn.Linear(8, 1)
        ),
        loss=torch.nn.functional.binary_cross_entropy_with_logits,
        predict=lambda model, inputs: (model(inputs) > 0).float(),
        metric=words,
        diverged_score=0.5,
        trivial="a coin",
        trivial_score=0.5,
        margin=0.01,
        recipe=leaky.lab.Recipe(epochs=5),
        learning_rates=(0.1,),
    )
    study = compare(task=task, report=tmp_path / "r.html")
    assert study.arms[0].score.estimate > 0.8
    assert study.trials[0].epochs[-1].validation_score is not None
    assert study.trials[0].epochs[-1].validation_score <= 1
    assert "a coin" in (tmp_path / "r.html").read_text()


def test_a_smoke_study_takes_fewer_seeds(compare: Any, tmp_path: Path) -> None:
    study = compare(
        task="image_classification", preset="shallow", budget="smoke", seeds=None, tuning_seeds=None, epochs=1
    )
    assert study.task == "digits"
    assert (len(study.tuning_seeds), len(study.final_seeds)) == (1, 3)
    assert study.trivial == "the majority class"
    assert all(arm.score.estimate > study.trivial_score for arm in study.arms)  # type: ignore[operator]


def test_a_single_activation_is_a_study_of_one_arm(compare: Any) -> None:
    study = compare(activations=["tanh"], baseline="tanh")
    assert [arm.verdict for arm in study.arms] == ["baseline"]


def test_failing_trials_are_recorded_and_the_rest_goes_on(compare: Any, tiny_task: str) -> None:
    path = Path(tiny_task.rpartition(":")[0])
    path.write_text(
        path.read_text().replace(
            "def model(activation, seed):",
            "def model(activation, seed):\n"
            "    if str(activation) == 'tanh' and seed % 4 == 2: raise RuntimeError('odd')",
        )
    )
    study = compare(activations=["relu", "tanh"], seeds=6)
    failed = [trial for trial in study.trials if trial.status == "failed"]
    assert failed
    assert {trial.plan.activation for trial in failed} == {"tanh"}
    assert all("RuntimeError: odd" in str(trial.error) for trial in failed)
    assert study.arms[1].failed == sum(trial.plan.phase == "final" for trial in failed)
    (told,) = (note for note in study.notes if "running again" in note)
    assert told.startswith(f"{len(failed)} trial")
    assert "The first error: RuntimeError: odd" in told


def test_many_at_one_end_of_the_grid_are_told_in_one_note(compare: Any) -> None:
    study = compare(activations=["relu", "tanh", "elu"], learning_rates=[1e-12, 0.1])
    (told,) = (note for note in study.notes if "wider grid" in note)
    assert told.startswith(
        "At 0.1, the highest learning rate of the grid, did best: relu; tanh; elu(alpha=1.0)."
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 0}, "compare: `seeds` must be a whole number of at least 1, got 0"),
        ({"workers": 0}, "compare: `workers` must be a whole number of at least 1, got 0"),
        ({"margin": -1.0}, "compare: `margin` must be a finite number of at least 0, got -1"),
        ({"epochs": 0}, "recipe: `epochs` must be a whole number of at least 1, got 0"),
        ({"activations": []}, "compare: `activations` is empty"),
        ({"activations": ["leky_relu"]}, "unknown activation `leky_relu`: did you mean `leaky_relu`?"),
        ({"learning_rates": []}, "compare: `learning_rates` is empty"),
        ({"task": 5}, "compare: `task` must be a name, `file.py:function` or a leaky.lab.Task, got int"),
        ({"budget": "smoke"}, "task: `budget` is for built-in tasks"),
        ({"task": "digits", "budget": "huge"}, "unknown budget `huge`"),
        ({"preset": "deep"}, "task: `preset` is for built-in tasks"),
        (
            {"task": "digits", "preset": "wide"},
            "unknown preset of task `digits`: `wide`: known are deep, shallow",
        ),
        ({"report": "no/such/folder/report.html"}, "report"),
    ],
)
def test_bad_arguments_are_told_before_anything_runs(
    compare: Any, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=re.escape(message)):
        compare(**changes)
    assert not (tmp_path / "s.db").exists()


def test_a_model_that_raises_is_told_before_anything_runs(
    compare: Any, tiny_task: str, tmp_path: Path
) -> None:
    path = Path(tiny_task.rpartition(":")[0])
    path.write_text(path.read_text().replace("Linear(4, 8)", "Linear(5, 8)"))
    with pytest.raises(
        TaskError, match=r"task `tiny`: the forward pass with relu raised RuntimeError: .*shapes"
    ):
        compare()
    assert not (tmp_path / "s.db").exists()


def test_when_everything_fails_the_first_error_is_told(compare: Any, tiny_task: str) -> None:
    path = Path(tiny_task.rpartition(":")[0])
    path.write_text(
        path.read_text().replace(
            "def model(activation, seed):",
            "def model(activation, seed):\n    if seed: raise OSError('no disk')",
        )
    )
    with pytest.raises(
        StudyError, match=r"compare: no result, 8 of 8 trials failed; the first error: OSError: no disk"
    ):
        compare()
