"""The search by Optuna: real studies in SQLite files, trained by the lab's workers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import leaky
from leaky.errors import ArgumentError, LeakyError, MissingExtraError, StoreError
from leaky.lab.tuning.reporting import Job
from leaky.lab.tuning.settings import without_password
from leaky.records import Tuning

optuna = pytest.importorskip("optuna", reason="needs the extra `tune`")
State = optuna.trial.TrialState


def two_places(activation: Any, seed: int) -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Linear(4, 8), activation(), torch.nn.Linear(8, 8), activation(), torch.nn.Linear(8, 2)
    )


@pytest.fixture
def task() -> Any:
    random = np.random.default_rng(0)
    x = random.normal(size=(120, 4)).astype(np.float32)
    return leaky.lab.Task(
        name="two",
        train=(x, (x.sum(1) > 0).astype(int)),
        model=two_places,
        recipe=leaky.lab.Recipe(epochs=4, batch_size=16),
        learning_rates=(0.003, 0.03),
    )


@pytest.fixture
def tune(task: Any, tmp_path: Path) -> Any:
    def run(**changes: Any) -> Tuning:
        arguments: dict[str, Any] = {
            "task": task,
            "values": [0, 0.01, 0.3],
            "search": "optuna",
            "trials": 8,
            "seeds": 2,
            "tuning_seeds": 2,
            "workers": 1,
            "store": tmp_path / "s.db",
            "progress": False,
            **changes,
        }
        return leaky.lab.tune(**arguments)

    return run


def opened(tmp_path: Path, tuning: Tuning) -> Any:
    url = f"sqlite:///{tmp_path / 's-optuna.db'}"
    assert tuning.search.storage == url
    return optuna.load_study(study_name=tuning.search.study_name, storage=url)


def test_the_study_is_optunas_own_and_has_what_matters(tune: Any, tmp_path: Path) -> None:
    tuning = tune()
    study = opened(tmp_path, tuning)
    states = [trial.state for trial in study.trials]
    assert len(states) == 8
    assert tuning.search.complete == states.count(State.COMPLETE)
    assert tuning.search.pruned == states.count(State.PRUNED)
    assert study.user_attrs["task"] == "two"
    for trial in study.get_trials(states=[State.PRUNED]):
        assert len(trial.intermediate_values) > 2  # not before the middle of a first run
    stored = {trial.plan.key: trial for trial in tuning.study.trials}
    for trial in study.get_trials(states=[State.COMPLETE]):
        rows = [stored[key] for key in trial.user_attrs["keys"]]
        assert trial.value == pytest.approx(np.mean([row.score for row in rows]))
        assert trial.user_attrs["scores"] == [row.score for row in rows]
        assert {row.plan.activation for row in rows} == {trial.user_attrs["activation"]}
        assert {row.plan.learning_rate for row in rows} == {trial.user_attrs["learning_rate"]}
        assert sorted(trial.intermediate_values) == list(range(2 * 4))  # seeds one after another
        epochs = [row.epochs[-1].validation_score for row in rows]
        assert trial.intermediate_values[7] == pytest.approx(np.mean(epochs))
    assert {trial.params["learning_rate"] for trial in study.trials[:3]} == {0.03}  # it begins at the values


def test_the_curve_is_the_best_setting_near_each_value(tune: Any, tmp_path: Path) -> None:
    tuning = tune(trials=12)
    complete = opened(tmp_path, tuning).get_trials(states=[State.COMPLETE])
    assert 2 <= len(tuning.points) <= 3
    zero = [t for t in complete if t.params.get("negative_slope_is_zero")]
    assert tuning.points[0].value == 0.0
    assert tuning.points[0].validation == pytest.approx(max(t.value for t in zero))
    assert tuning.point(tuning.chosen).validation == pytest.approx(max(t.value for t in complete))
    assert any("search tried near" in note for note in tuning.study.notes)
    assert tuning.learned is not None


def test_stopped_and_resumed_is_the_same_search(tune: Any, tmp_path: Path) -> None:
    whole = tune(trials=8)
    assert tune(trials=4, store=tmp_path / "parts.db").search.complete <= 4
    parts = tune(trials=8, store=tmp_path / "parts.db")

    def told(tuning: Tuning, name: str) -> list[Any]:
        study = optuna.load_study(study_name=tuning.search.study_name, storage=f"sqlite:///{tmp_path / name}")
        return [(t.params, t.value, t.state, t.intermediate_values) for t in study.trials]

    assert told(parts, "parts-optuna.db") == told(whole, "s-optuna.db")
    assert parts.points == whole.points


def test_repeating_asks_nothing_more(tune: Any, tmp_path: Path) -> None:
    first, second = tune(), tune()
    assert second.search == first.search
    assert second.points == first.points
    assert len(opened(tmp_path, second).trials) == 8


def test_a_trial_that_a_killed_search_was_at_goes_on(tune: Any, tmp_path: Path) -> None:
    study = opened(tmp_path, tune(trials=4))
    done = study.trials[-1]
    left = study.ask()  # as a search that was killed leaves it
    left.suggest_float("learning_rate", 0.003, 0.03, log=True)
    for name in ("activation", "values", "learning_rate"):
        left.set_user_attr(name, done.user_attrs[name])
    bare = study.ask()  # killed before it had parameters
    tuning = tune(trials=5)
    found = opened(tmp_path, tuning).trials
    assert found[left.number].state in (State.COMPLETE, State.PRUNED)
    assert found[bare.number].state == State.FAIL
    assert len(found) == 6


def test_pruning_stops_a_run_early_and_the_store_keeps_no_part_of_it(tune: Any, tmp_path: Path) -> None:
    pruner = optuna.pruners.ThresholdPruner(lower=1.5, n_warmup_steps=1)  # no accuracy is
    with pytest.raises(LeakyError, match="no value of `negative_slope` came to a validation score"):
        tune(pruner=pruner, activation="leaky_relu")
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path / 's-optuna.db'}")
    assert {trial.state for trial in study.trials} == {State.PRUNED}
    assert {len(trial.intermediate_values) for trial in study.trials} == {
        2
    }  # the epoch of the warm-up, one more
    from leaky.lab.store import Store

    with Store(tmp_path / "s.db") as store:
        assert {trial.plan.activation for trial in store.trials()} == {"prelu(negative_slope=0.25)"}


def test_workers_report_from_their_processes(tune: Any, tmp_path: Path) -> None:
    tuning = tune(workers=2)
    assert all(t.intermediate_values for t in opened(tmp_path, tuning).trials)


def test_a_sampler_and_a_name_of_ones_own(tune: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mine.db'}"
    tuning = tune(sampler=optuna.samplers.RandomSampler(seed=3), storage=url, study_name="mine")
    assert (tuning.search.study_name, tuning.search.storage) == ("mine", url)
    with pytest.raises(ArgumentError, match=r"study `mine` is of another search .*--study-name"):
        tune(storage=url, study_name="mine", values=[0, 0.1])


def test_a_study_that_is_not_leakys_is_left_alone(tune: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'theirs.db'}"
    optuna.create_study(study_name="theirs", storage=url).optimize(lambda trial: 1.0, n_trials=1)
    with pytest.raises(ArgumentError, match="study `theirs` is of another search"):
        tune(storage=url, study_name="theirs")
    assert len(optuna.load_study(study_name="theirs", storage=url).trials) == 1


def test_a_value_for_every_layer(tune: Any, tmp_path: Path) -> None:
    tuning = tune(per="layer", trials=10)
    assert [p.value for p in tuning.points] == [0.0, 0.01, 0.3]
    layered = tuning.layered
    assert layered.layers == ("1", "3")
    assert len(layered.values) == 2
    study = opened(tmp_path, tuning)
    assert set(study.best_params) == {"negative_slope.0", "negative_slope.1", "learning_rate"}
    assert len(layered.arm.scores) == 2
    finals = [t for t in tuning.study.trials if t.plan.activation == layered.arm.activation]
    assert {t.plan.phase for t in finals} == {"tuning", "final"}
    keys = [t.plan.key for t in tuning.study.trials]
    assert len(set(keys)) == len(keys)
    best = max(study.get_trials(states=[State.COMPLETE]), key=lambda trial: trial.value)
    rate = layered.arm.learning_rate
    tuned = [t.score for t in finals if t.plan.phase == "tuning" and t.plan.learning_rate == rate]
    assert len(tuned) == 2
    assert np.mean(tuned) == pytest.approx(best.value)


def test_the_value_of_each_layer_reaches_its_layer() -> None:
    make = leaky.lab.ModelFactory("leaky_relu(negative_slope=0.1); leaky_relu(negative_slope=0.4)")
    assert make.gain == pytest.approx(leaky.parse("leaky_relu(negative_slope=0.1)").gain)
    first = make()
    assert make.gain == pytest.approx(leaky.parse("leaky_relu(negative_slope=0.4)").gain)
    assert (first.negative_slope, make().negative_slope) == (0.1, 0.4)
    with pytest.raises(LeakyError, match="2 places are named, the model asks for more"):
        make()


def test_steps_and_values_of_seeds_one_after_another() -> None:
    job = Job(trial_id=0, before=(0.8, 0.6), epochs=5)
    assert (job.step(1), job.step(5)) == (10, 14)
    assert job.value(0.4) == pytest.approx(0.6)


def test_a_storage_that_cannot_be_is_one_line_without_its_password(tune: Any) -> None:
    with pytest.raises(StoreError) as caught:
        tune(storage="nosuch://me:secret@host/db")
    assert "tune: the search cannot go on with the Optuna storage `nosuch://me:***@host/db`" in str(
        caught.value
    )
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert without_password("sqlite:////tmp/x.db") == "sqlite:////tmp/x.db"


def test_without_optuna_one_line_says_what_to_install(tune: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "optuna" else real(name))
    with pytest.raises(MissingExtraError, match=r"needs optuna: pip install 'leaky\[tune\]'"):
        tune()


@pytest.mark.parametrize("trials", [0, 2.5, True])
def test_trials_must_be_a_number(tune: Any, trials: Any) -> None:
    with pytest.raises(ArgumentError, match="tune: `trials` must be a whole number of at least 1, got"):
        tune(trials=trials)
