"""From a recipe to torch's own schedule of the learning rate, behind two calls: after a batch, after an epoch."""

from __future__ import annotations

import math

import torch
from torch.optim import lr_scheduler

from leaky.lab.recipe import Recipe


class Schedule:
    """The learning rate over a run of `recipe.epochs` epochs with `steps` batches each."""

    def __init__(
        self, recipe: Recipe, optimizer: torch.optim.Optimizer, steps: int, *, higher_is_better: bool
    ) -> None:
        self._batch: lr_scheduler.LRScheduler | None = None
        self._epoch: lr_scheduler.LRScheduler | None = None
        self._plateau: lr_scheduler.ReduceLROnPlateau | None = None
        epochs = recipe.epochs
        match recipe.schedule:
            case "step":
                self._epoch = lr_scheduler.StepLR(optimizer, step_size=max(1, math.ceil(epochs / 3)))
            case "cosine":
                self._epoch = lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
            case "plateau":
                mode = "max" if higher_is_better else "min"
                self._plateau = lr_scheduler.ReduceLROnPlateau(
                    optimizer,
                    mode,  # type: ignore[arg-type]
                    patience=max(1, epochs // 10),
                    threshold=0.0,  # torch's is relative to the score, and misreads negative ones
                    threshold_mode="abs",
                )
            case "one_cycle":
                # It would switch a momentum on that the recipe has not, in SGD and RMSProp.
                cycled = "betas" in optimizer.defaults or optimizer.defaults.get("momentum", 0) > 0
                self._batch = lr_scheduler.OneCycleLR(
                    optimizer,
                    max_lr=[group["lr"] for group in optimizer.param_groups],
                    total_steps=max(epochs * steps, 2),
                    cycle_momentum=cycled,
                )

    def after_batch(self) -> None:
        """A step was made."""
        if self._batch is not None:
            self._batch.step()

    def after_epoch(self, validation_score: float | None) -> None:
        """An epoch ended with this score; None where it was not finite, which is no improvement."""
        if self._epoch is not None:
            self._epoch.step()
        if self._plateau is not None:
            worst = -math.inf if self._plateau.mode == "max" else math.inf
            self._plateau.step(worst if validation_score is None else validation_score)
