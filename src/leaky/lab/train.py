"""One training run, from a plan to its record."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_leaves

from leaky.doctor.never_active import NeverActive
from leaky.errors import one_line
from leaky.lab.build import build_model
from leaky.lab.data import Part, seed_everything
from leaky.lab.definition import Task
from leaky.lab.environment import environment, now
from leaky.lab.recipe import Recipe
from leaky.lab.training.early_stopping import EarlyStopping
from leaky.lab.training.learned import learned_values
from leaky.lab.training.optimizers import optimizer
from leaky.lab.training.schedules import Schedule
from leaky.lab.training.threads import one_thread
from leaky.models.memory import SavedStorages
from leaky.records import Epoch, Trial, TrialPlan

Stop = Callable[[int, float | None], bool]
"""Asked after each epoch, with its number and validation score (None where that is not finite), whether to stop."""

_FIT_SAMPLES = 5000
"""The first of the samples trained on, on which a final trial is judged at its end: all of them in memory at once."""


def run_trial(task: Task, plan: TrialPlan, stop: Stop | None = None) -> Trial:
    """Train one network by `plan` and measure it; whatever the task's own code raises ends up in the record.

    A tuning trial is scored on the validation split; a final one touches the test split, once, at its end. Where
    `stop` says so, the trial is pruned: it ends without a score.
    """
    started = time.perf_counter()
    training = _Training(task, plan, stop)
    status, score, error = "finished", None, None
    try:
        with one_thread():
            finished = training.run()
            if finished:
                score = training.final_score()
        if score is None or not math.isfinite(score):
            status, score = "diverged", training.score_if_diverged()
    except _PrunedError:
        status = "pruned"
    except Exception as raised:
        status, score, error = "failed", None, _told(raised)
    return Trial(
        plan=plan,
        status=status,  # type: ignore[arg-type]
        score=score,
        validation_score=training.kept.validation_score if training.kept else None,
        epochs=tuple(training.epochs),
        layers=training.layers,
        seconds=round(time.perf_counter() - started, 4),
        compute_seconds=round(training.compute_seconds, 4),
        evaluation_seconds=round(training.evaluation_seconds, 4),
        error=error,
        environment=environment(),
        finished_at=now(),
        restored_epoch=training.restored_epoch,
        saved_bytes=training.saved_bytes,
        metrics=training.metrics if status == "finished" else {},
        learned=training.learned if status == "finished" else {},
        at_end=training.at_end if status == "finished" else {},
    )


class _PrunedError(Exception):
    """The search has seen enough of this trial."""


class _Training:
    def __init__(self, task: Task, plan: TrialPlan, stop: Stop | None) -> None:
        self.task = task
        self.stop = stop
        self.plan = plan
        self.recipe = Recipe(**plan.recipe)
        self.loss = task.loss_function()
        self.epochs: list[Epoch] = []
        self.layers: tuple[str, ...] = ()
        self.restored_epoch: int | None = None
        self.metrics: dict[str, float | None] = {}
        self.learned: dict[str, float] = {}
        self.at_end: dict[str, float | None] = {}
        self.saved_bytes: int | None = None
        self.compute_seconds = 0.0
        self.evaluation_seconds = 0.0

    def run(self) -> bool:
        """Train to the end; False where the loss stopped being a finite number."""
        split_seed, model_seed, order_seed = _streams(self.plan.seed)
        seed_everything(model_seed)
        train, self.validation, self.test = self.task.parts(split_seed)
        self.fit = Part(self.task.train_samples, train[:_FIT_SAMPLES])
        self.model, _ = build_model(self.task, self.recipe, self.plan.activation, model_seed, train)
        self.units = NeverActive(self.model)
        self.optimizer = optimizer(self.recipe, self.model, self.plan.learning_rate)
        order = torch.Generator().manual_seed(order_seed)
        higher = self.task.metric_record.higher_is_better
        steps = math.ceil(self._trained(len(train)) / self.recipe.batch_size)
        self.schedule = Schedule(self.recipe, self.optimizer, steps, higher_is_better=higher)
        stopping = EarlyStopping(self.recipe.early_stopping, higher_is_better=higher)
        for number in range(1, self.recipe.epochs + 1):
            train_loss = self._train_epoch(train, order)
            self._record(number, train_loss)
            if not math.isfinite(train_loss):
                return False
            score = self.epochs[-1].validation_score
            if self.stop is not None and self.stop(number, score):
                raise _PrunedError
            self.schedule.after_epoch(score)
            if stopping.after_epoch(number, score, self.model):
                break
        self.restored_epoch = stopping.restore(self.model)
        self.learned = learned_values(self.model)
        return True

    @property
    def kept(self) -> Epoch | None:
        """The epoch whose weights count: the last, or the one that early stopping went back to."""
        if not self.epochs:
            return None
        return self.epochs[-1 if self.restored_epoch is None else self.restored_epoch - 1]

    def final_score(self) -> float | None:
        if self.plan.phase == "tuning":
            return self.kept.validation_score if self.kept else None
        loss, score, answers, targets = self._judge(self.test)
        self.metrics = {name: _finite(value) for name, value in self.task.scores(answers, targets).items()}
        train_loss, train_score, *_ = self._judge(self.fit)
        measured = {"loss": loss, "train_loss": train_loss, "train_score": train_score}
        self.at_end = {name: _finite(value) for name, value in measured.items()}
        return score

    def score_if_diverged(self) -> float | None:
        """What the record gets, on the split that the trial would have been scored on."""
        score = self.task.score_if_diverged(self.validation if self.plan.phase == "tuning" else self.test)
        return score if math.isfinite(score) else None

    def _trained(self, count: int) -> int:
        """Samples trained on in an epoch: a batch norm cannot train on a last batch of one."""
        return count - 1 if count % self.recipe.batch_size == 1 and count > 1 else count

    def _train_epoch(self, train: torch.Tensor, order: torch.Generator) -> float:
        self.model.train()
        shuffled = train[torch.randperm(len(train), generator=order)][: self._trained(len(train))]
        losses: list[torch.Tensor] = []
        model, loss_function, clock, seconds = self.model, self.loss, time.perf_counter, 0.0
        optimizer, limit = self.optimizer, self.recipe.clip_grad_norm
        for inputs, targets in self.task.train_samples.batches(shuffled, self.recipe.batch_size):
            begun = clock()
            optimizer.zero_grad()
            keeping = SavedStorages(model) if self.saved_bytes is None else None
            with keeping or nullcontext():  # only the first batch of all: what is kept is the same for each
                loss = loss_function(model(inputs), targets)
            if keeping is not None:
                self.saved_bytes = _without(keeping, inputs, targets)
                del keeping
            loss.backward()
            if limit is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), limit)
            optimizer.step()
            self.schedule.after_batch()
            seconds += clock() - begun
            losses.append(loss.detach())
        self.compute_seconds += seconds
        return torch.stack(losses).mean().item()

    def _record(self, number: int, train_loss: float) -> None:
        loss, score, *_ = self._judge(self.validation, watch=self.units)
        shares = self.units.shares()
        self.layers = tuple(shares)
        measured = (
            shares.values() if math.isfinite(loss) else ()
        )  # no unit is active on NaN: that says nothing
        self.epochs.append(
            Epoch(
                epoch=number,
                train_loss=_finite(train_loss),
                validation_loss=_finite(loss),
                validation_score=_finite(score),
                never_active=tuple(round(share, 6) for share in measured),
            )
        )

    @torch.inference_mode()
    def _judge(
        self, part: Part, watch: NeverActive | None = None
    ) -> tuple[float, float, torch.Tensor, torch.Tensor]:
        """Loss and score over a whole split, with what the metrics took: answers and targets.

        `watch` sees what the loss is of, and not what `predict` calls, which may be a part of the model many times.
        """
        self.model.eval()
        begun = time.perf_counter()
        with watch or nullcontext():
            outputs, targets = _over(part, self.model)
        answers, predict = outputs, self.task.predict
        if predict is not None:
            answers, _ = _over(part, lambda inputs: predict(self.model, inputs))
        self.evaluation_seconds += time.perf_counter() - begun
        score = self.task.score(answers, targets)
        finite = bool(outputs.isfinite().all())  # a NaN can hide behind argmax
        return float(self.loss(outputs, targets)), score if finite else math.nan, answers, targets


def _over(part: Part, function: Callable[[Any], torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """What `function` answers to the inputs of a split, and the targets."""
    pairs = [(function(inputs), targets) for inputs, targets in part.batches()]
    outputs, targets = pairs[0] if len(pairs) == 1 else map(torch.cat, zip(*pairs, strict=True))
    return outputs, targets


def _without(keeping: SavedStorages, *batch: Any) -> int:
    """The bytes kept beside the batch itself, which is a view of all training data and there anyway."""
    given = [part for part in tree_leaves(batch) if isinstance(part, torch.Tensor)]
    addresses = {tensor.untyped_storage().data_ptr() for tensor in given}
    return sum(size for address, size in keeping.sizes.items() if address not in addresses)


def _streams(seed: int) -> tuple[int, int, int]:
    """Independent seeds for the split, the initial weights and the batch order."""
    split, model, order = np.random.SeedSequence(seed).generate_state(3)
    return int(split), int(model), int(order)


def _finite(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _told(error: Exception) -> str:
    """The error in one line, with the place in the code that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{one_line(error)}{place}"
