"""Trials as TensorBoard runs: curves by epoch, and hyperparameters with the score they led to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from leaky.errors import ArgumentError, one_line
from leaky.extras import require
from leaky.records import Epoch, Study, Trial


def write_tensorboard(studies: Sequence[tuple[str, Study]], directory: str | Path) -> int:
    """Write every trial of the studies as a run of its own below `directory`; returns how many.

    A run is called `STUDY/ACTIVATION/lr-RATE/PHASE-seed-SEED`. It holds `loss/train`, `loss/validation`,
    `score/validation` and `never_active` (the mean over layers) by epoch, as far as they were finite, `score/final`,
    and for the HParams tab activation, learning rate, seed, phase and every field of the recipe. A run that is there
    already is left as it is.

    Raises:
        ArgumentError: the directory cannot be written.
        MissingExtraError: TensorBoard is not installed.
    """
    require("tensorboard", "tensorboard", "leaky report --tensorboard")
    root, count = Path(directory).expanduser(), 0
    try:
        for name, study in studies:
            for trial in study.trials:
                place = root / run_name(name, trial)
                if not any(place.glob("events.out.tfevents.*")):
                    _write(place, study, trial)
                count += 1
    except OSError as error:
        raise ArgumentError(
            f"tensorboard: cannot write `{directory}` ({one_line(error)}); name another folder"
        ) from error
    return count


def run_name(study: str, trial: Trial) -> str:
    """The folder of a trial, below the directory."""
    plan = trial.plan
    parts = (study, plan.activation, f"lr-{plan.learning_rate:g}", f"{plan.phase}-seed-{plan.seed}")
    return "/".join(re.sub(r"[^\w.,()=+ -]", "_", part) for part in parts)


def _write(place: Path, study: Study, trial: Trial) -> None:
    from torch.utils.tensorboard import SummaryWriter
    from torch.utils.tensorboard.summary import hparams

    writer: Any = SummaryWriter(str(place))
    finished = datetime.fromisoformat(trial.finished_at).timestamp()
    each = trial.seconds / max(1, len(trial.epochs))
    try:
        for epoch in trial.epochs:
            at = finished - each * (len(trial.epochs) - epoch.epoch)
            for tag, value in _scalars(epoch):
                if value is not None:
                    writer.add_scalar(tag, value, epoch.epoch, walltime=at)
        if trial.score is not None:
            last = trial.epochs[-1].epoch if trial.epochs else 0
            writer.add_scalar("score/final", trial.score, last, walltime=finished)
        # `add_hparams` would make a run within the run.
        for summary in hparams(_hyperparameters(study, trial), {"score/final": trial.score or 0.0}):
            writer.file_writer.add_summary(summary)
    finally:
        writer.close()


def _scalars(epoch: Epoch) -> list[tuple[str, float | None]]:
    shares = epoch.never_active
    return [
        ("loss/train", epoch.train_loss),
        ("loss/validation", epoch.validation_loss),
        ("score/validation", epoch.validation_score),
        ("never_active", sum(shares) / len(shares) if shares else None),
    ]


def _hyperparameters(study: Study, trial: Trial) -> dict[str, Any]:
    """What the HParams tab knows: numbers, texts and truth values."""
    plan = trial.plan
    told = {
        "task": plan.task,
        "activation": plan.activation,
        "learning_rate": plan.learning_rate,
        "seed": plan.seed,
        "phase": plan.phase,
        "status": trial.status,
        **{name: value for name, value in plan.recipe.items() if value is not None},
    }
    return {
        name: value if isinstance(value, bool | int | float | str) else str(value)
        for name, value in told.items()
    }
