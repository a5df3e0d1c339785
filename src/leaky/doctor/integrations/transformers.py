"""The doctor in Hugging Face's Trainer: a callback that watches the model while it trains."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from leaky.extras import require

for _module in ("transformers", "accelerate"):
    require(_module, "transformers", "leaky.doctor.integrations.transformers")

import torch  # noqa: E402  (a missing library becomes a remedy first)
from transformers import (  # noqa: E402
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from leaky.doctor.diagnosis import Diagnosis  # noqa: E402
from leaky.doctor.integrations.following import Following  # noqa: E402
from leaky.doctor.integrations.scalars import scalars  # noqa: E402
from leaky.doctor.integrations.told import tell  # noqa: E402
from leaky.errors import ArgumentError, ArgumentTypeError  # noqa: E402


class WatchCallback(TrainerCallback):
    """Watches the activations of a model while Hugging Face's Trainer trains it, as `leaky.watch` does.

    Of each measured step, four numbers a site go into `trainer.state.log_history`: `leaky_never_active/SITE`,
    `leaky_dormant/SITE`, `leaky_positive/SITE`, `leaky_reach/SITE` (`leaky.doctor.integrations.scalars`). They are of
    this step's samples alone; `diagnosis()` is of all steps measured so far. A callback is not told its Trainer;
    given it, what is measured goes through `trainer.log`, and so to TensorBoard, Weights & Biases and the terminal.

    A step is one of the optimizer, whatever gradients were accumulated for it, and has the Trainer's number, after a
    resume too; a resumed run is measured from there on, and checkpoints hold nothing of the callback. Evaluation is
    not measured. In distributed training each process measures its own share of the data.

    The Trainer does not tell its callbacks of an exception. After one that leaves the model's forward nothing is
    left in the model; after one elsewhere in a measured step (in backward, by Ctrl-C) `close()`, the next `train()`
    and a `with` block see to it: `with watch: trainer.train()`.

    Args:
        trainer: where to log, if not into the history alone: `trainer.add_callback(WatchCallback(trainer))`.
        every: measure one step of so many.
        verdicts: print the verdicts when training ends.

    Raises:
        MissingExtraError: Transformers or Accelerate is not installed (on import).
        ArgumentTypeError: `trainer` is something else.
        ArgumentError: when training starts, `every` is no number of steps, the model is watched already, is compiled
            by the Trainer and that is not known, or is trained on several devices by one process.

    Example:
        >>> watch = WatchCallback(every=20)  # doctest: +SKIP
        >>> Trainer(model, args, train_dataset=data, callbacks=[watch]).train()  # doctest: +SKIP
        >>> watch.diagnosis()["encoder.act"].life.died  # doctest: +SKIP
        {17: 1240}
    """

    def __init__(self, trainer: Trainer | None = None, *, every: int = 20, verdicts: bool = True) -> None:
        if trainer is not None and not isinstance(trainer, Trainer):
            raise ArgumentTypeError(
                f"WatchCallback: `trainer` must be a transformers.Trainer, got {type(trainer).__name__}"
            )
        self._trainer, self._every, self._verdicts = trainer, every, verdicts
        self._watch: Following | None = None

    def __enter__(self) -> WatchCallback:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop watching; nothing stays behind in the model. The diagnosis can still be had."""
        if self._watch is not None:
            self._watch.close()

    def diagnosis(self) -> Diagnosis:
        """What was measured so far, during training and after.

        Raises:
            ArgumentError: training has not begun, nothing was measured yet, or no activation was called.
        """
        if self._watch is None:
            raise ArgumentError("WatchCallback: training has not begun; call `trainer.train` first")
        return self._watch.diagnosis()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin anew."""
        self.close()
        model = self._watched(args, kwargs["model"])
        self._watch = Following(model, every=self._every, step=state.global_step)

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Look, if the step is to be measured."""
        if self._watch is not None:
            self._watch.resume()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Count the step, and log what was measured."""
        if self._watch is None:
            return
        self._watch.pause()
        measured = self._watch.reach(state.global_step)
        if measured is None:
            return
        metrics = scalars(measured.sites)
        if self._trainer is not None:
            wanted = control.should_log
            self._trainer.log(metrics)
            control.should_log = wanted  # what the Trainer wants to log itself is still to come
        else:
            state.log_history.append({**metrics, "epoch": state.epoch, "step": state.global_step})

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Leave the model alone, and say what was found."""
        if self._watch is None or self._watch.closed:  # the Trainer may say it twice
            return
        self.close()
        if self._verdicts and state.is_world_process_zero:
            tell(self._watch)

    def _watched(self, args: TrainingArguments, model: torch.nn.Module) -> torch.nn.Module:
        if self._trainer is not None:
            wrapped: torch.nn.Module = self._trainer.model_wrapped
            return wrapped
        if args.torch_compile:
            raise ArgumentError(
                "WatchCallback: the model is compiled by the Trainer; give the callback the Trainer to have it "
                "measured beside: `trainer.add_callback(WatchCallback(trainer))`"
            )
        if args.n_gpu > 1:
            raise ArgumentError(
                f"WatchCallback: one process trains on {args.n_gpu} devices, whose copies of the model cannot be "
                "watched; start one process a device, with torchrun or accelerate"
            )
        return model
