"""The doctor in `lightning.pytorch`: a callback that watches the LightningModule while it trains."""

from __future__ import annotations

from typing import Any

from leaky.extras import require

require("lightning", "lightning", "leaky.doctor.integrations.lightning")

import torch  # noqa: E402  (a missing Lightning becomes a remedy first)
from lightning.pytorch import Callback, LightningModule, Trainer  # noqa: E402

from leaky.doctor.diagnosis import Diagnosis  # noqa: E402
from leaky.doctor.integrations.following import Following  # noqa: E402
from leaky.doctor.integrations.scalars import scalars  # noqa: E402
from leaky.doctor.integrations.told import tell  # noqa: E402
from leaky.errors import ArgumentError  # noqa: E402


class WatchCallback(Callback):
    """Watches the activations of a LightningModule while it trains, as `leaky.watch` does.

    Of each measured step, four numbers a site go to every logger of the trainer, at the step they belong to, and into
    `trainer.callback_metrics`, where EarlyStopping and ModelCheckpoint find them: `leaky_never_active/SITE`,
    `leaky_dormant/SITE`, `leaky_positive/SITE`, `leaky_reach/SITE` (`leaky.doctor.integrations.scalars`). They are of
    this step's samples alone; `diagnosis()` is of all steps measured so far.

    A step is one of the optimizer, whatever gradients were accumulated for it, and has the trainer's number, after a
    resume too; a resumed run is measured from there on, and checkpoints hold nothing of the callback. Validation is
    not measured, and what happens in `training_step` beside the calls of modules is not seen. In distributed training
    each process measures its own share of the data, and the loggers get that of the first.

    Args:
        every: measure one step of so many.
        part: the name of the submodule to watch, `"net"` for `self.net`; by default all of the module.
        verdicts: print the verdicts when training ends.

    Raises:
        MissingExtraError: Lightning is not installed (on import).
        ArgumentError: when training starts, `every` is no number of steps, there is no such `part`, the
            LightningModule is compiled as a whole, or is watched already.

    Example:
        >>> import lightning.pytorch as pl  # doctest: +SKIP
        >>> watch = WatchCallback(every=20)  # doctest: +SKIP
        >>> pl.Trainer(callbacks=[watch]).fit(module, batches)  # doctest: +SKIP
        >>> watch.diagnosis()["net.1"].life.died  # doctest: +SKIP
        {17: 1240}
    """

    def __init__(self, *, every: int = 20, part: str | None = None, verdicts: bool = True) -> None:
        self._every, self._part, self._verdicts = every, part, verdicts
        self._watch: Following | None = None

    def diagnosis(self) -> Diagnosis:
        """What was measured so far, during training and after.

        Raises:
            ArgumentError: training has not begun, nothing was measured yet, or no activation was called.
        """
        if self._watch is None:
            raise ArgumentError("WatchCallback: training has not begun; call `trainer.fit` first")
        return self._watch.diagnosis()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin anew."""
        self._close()
        self._watch = Following(self._watched(pl_module), every=self._every, step=trainer.global_step)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Look, if the step is to be measured."""
        if self._watch is not None:
            self._watch.resume()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the steps made, and log what was measured."""
        if self._watch is None:
            return
        self._watch.pause()
        measured = self._watch.reach(trainer.global_step)
        if measured is None:
            return
        metrics = scalars(measured.sites)
        # Not by `log_dict`, which takes half a millisecond a number and logs at every `log_every_n_steps` only.
        trainer.callback_metrics.update({name: torch.tensor(value) for name, value in metrics.items()})
        for logger in trainer.loggers:
            logger.log_metrics(metrics, step=measured.step)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look away, where a batch was skipped and had no end."""
        if self._watch is not None:
            self._watch.pause()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the module alone, and say what was found."""
        self._close()
        if self._watch is not None and self._verdicts and trainer.is_global_zero:
            tell(self._watch)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave the module alone."""
        self._close()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave the module alone."""
        self._close()

    def _close(self) -> None:
        if self._watch is not None:
            self._watch.close()

    def _watched(self, module: Any) -> torch.nn.Module:
        if getattr(module, "_compiler_ctx", None) is not None:
            raise ArgumentError(
                f"WatchCallback: {type(module).__name__} is compiled as a whole and cannot be looked into; compile a "
                "part of it instead (`self.net = torch.compile(net)`), and name that by `part`"
            )
        try:
            watched: torch.nn.Module = module if self._part is None else module.get_submodule(self._part)
        except AttributeError:
            known = ", ".join(name for name, _ in module.named_children())
            raise ArgumentError(
                f"WatchCallback: {type(module).__name__} has no `part` {self._part!r}; its own are {known or 'none'}"
            ) from None
        return watched
