"""TensorBoard runs, read back by TensorBoard's own reader."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import leaky
from leaky.errors import ArgumentError
from leaky.lab.export import run_name, write_tensorboard
from leaky.records import Study

reader = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator", reason="TensorBoard is not installed"
)


@pytest.fixture
def study(tiny_task: str, tmp_path: Path) -> Study:
    asked: dict[str, Any] = {"seeds": 1, "tuning_seeds": 1, "learning_rates": [0.1], "progress": False}
    return leaky.lab.compare(tiny_task, ["relu"], store=tmp_path / "s.db", workers=1, **asked)


def test_every_epoch_of_every_trial(study: Study, tmp_path: Path) -> None:
    assert write_tensorboard([("tiny", study)], tmp_path / "runs") == len(study.trials) == 2
    for trial in study.trials:
        events = reader.EventAccumulator(str(tmp_path / "runs" / run_name("tiny", trial))).Reload()
        tags = {
            "loss/train": [e.train_loss for e in trial.epochs],
            "loss/validation": [e.validation_loss for e in trial.epochs],
            "score/validation": [e.validation_score for e in trial.epochs],
            "never_active": [sum(e.never_active) / len(e.never_active) for e in trial.epochs],
        }
        assert set(events.Tags()["scalars"]) == {*tags, "score/final"}
        for tag, values in tags.items():
            scalars = events.Scalars(tag)
            assert [scalar.step for scalar in scalars] == [e.epoch for e in trial.epochs]
            assert [scalar.value for scalar in scalars] == pytest.approx(values)
        assert [scalar.value for scalar in events.Scalars("score/final")] == pytest.approx([trial.score])
        plugins = events.summary_metadata
        told = plugins["_hparams_/session_start_info"].plugin_data.content
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

        start = HParamsPluginData.FromString(told).session_start_info
        assert start.hparams["activation"].string_value == "relu"
        assert start.hparams["learning_rate"].number_value == 0.1
        assert start.hparams["optimizer"].string_value == trial.plan.recipe["optimizer"]


def test_written_again_nothing_is_doubled(study: Study, tmp_path: Path) -> None:
    for _ in range(2):
        write_tensorboard([("tiny", study)], tmp_path / "runs")
    files = [name for _, _, names in os.walk(tmp_path / "runs") for name in names]
    assert len(files) == len(study.trials)


def test_names_make_no_folders_elsewhere(study: Study, tmp_path: Path) -> None:
    trial = study.trials[0]
    odd = replace(trial, plan=replace(trial.plan, activation="../../x/leaky; relu"))
    assert ".." not in Path(run_name("a/b", odd)).parts
    assert len(Path(run_name("a/b", odd)).parts) == 4


def test_a_folder_that_cannot_be_written(study: Study, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ArgumentError, match=r"^tensorboard: cannot write `.*file` \(.*\); name another folder"
    ):
        write_tensorboard([("tiny", study)], tmp_path / "file")
