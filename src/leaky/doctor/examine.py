"""What `leaky doctor` does with the objects that a user's two functions return."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch

from leaky.doctor.checkpoint import load_checkpoint
from leaky.doctor.diagnose import diagnose
from leaky.doctor.diagnosis import Diagnosis
from leaky.doctor.watch import watch
from leaky.errors import ArgumentError, LeakyError, one_line

_WINDOWS = 100
"""Of a training, so many steps are measured: enough for a picture, and little beside the steps themselves."""


def examine(
    built: Any,
    batches: Callable[[], Iterable[Any]],
    *,
    steps: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Diagnosis:
    """Diagnose what was built, over one pass or while it is trained.

    Args:
        built: a model, or (model, optimizer, loss); the loss is called as `loss(output, *rest of the batch)`, the
            optimizer may be None or left out. With a loss, gradients are measured.
        batches: returns the batches, anew each time it is called: what `leaky.diagnose` takes.
        steps: with an optimizer and a loss, train for so many steps, going round the batches, and watch; without
            them, look at so many batches at most. None: one pass over all batches, nothing is trained.
        checkpoint: weights to load before, see `load_checkpoint`.
    """
    model, optimizer, loss = _parts(built)
    if steps is not None and steps < 1:
        raise ArgumentError(f"steps: must be at least 1, got {steps}")
    if checkpoint is not None:
        load_checkpoint(model, checkpoint)
    if steps is None or optimizer is None:
        return diagnose(model, _told(batches, steps), loss=loss)
    if loss is None:
        raise ArgumentError(
            "steps: to train, `build` must return (model, optimizer, loss), with loss(output, *rest of the batch)"
        )
    return _trained(model, optimizer, loss, batches, steps)


def _parts(built: Any) -> tuple[torch.nn.Module, torch.optim.Optimizer | None, Any]:
    parts = tuple(built) if isinstance(built, tuple | list) else (built,)
    model, optimizer, loss = (*parts, None, None)[:3]
    if not 1 <= len(parts) <= 3 or not isinstance(model, torch.nn.Module):
        got = ", ".join(type(part).__name__ for part in parts)
        raise ArgumentError(f"model: must be a torch.nn.Module or (model, optimizer, loss), got {got}")
    if optimizer is not None and not isinstance(optimizer, torch.optim.Optimizer):
        raise ArgumentError(
            "model: the second of (model, optimizer, loss) must be an optimizer or None, "
            f"got {type(optimizer).__name__}"
        )
    if loss is not None and not callable(loss):
        raise ArgumentError(f"model: the third of (model, optimizer, loss) must be a function, got {loss!r}")
    return model, optimizer, loss


def _trained(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Callable[..., torch.Tensor],
    batches: Callable[[], Iterable[Any]],
    steps: int,
) -> Diagnosis:
    """Train in place: the model is this process's own, and nothing of it is written anywhere."""
    model.train()
    with watch(model, every=max(1, steps // _WINDOWS)) as watched:
        for number, batch in enumerate(_round(batches, steps)):
            if isinstance(batch, dict):
                batch = tuple(batch.values())
            x, rest = (batch[0], batch[1:]) if isinstance(batch, tuple | list) else (batch, ())
            try:
                optimizer.zero_grad()
                loss(model(x), *rest).backward()
                optimizer.step()
            except LeakyError:
                raise
            except Exception as error:  # whatever the user's model, loss or optimizer raises
                raise ArgumentError(
                    f"data: step {number} of the training failed: {one_line(error)}; the model gets the first entry "
                    "of a batch, the loss its output and the other entries"
                ) from error
            watched.step()
    return watched.diagnosis()


def _round(batches: Callable[[], Iterable[Any]], steps: int) -> Iterator[Any]:
    """Round and round, until it was so many."""
    left = steps
    while left:
        for batch in _told(batches, left):
            yield batch
            left -= 1


def _told(batches: Callable[[], Iterable[Any]], most: int | None) -> Iterator[Any]:
    """The batches, at most so many; whatever goes wrong in the user's function is one line."""
    number = 0
    try:
        made = batches()
        if isinstance(made, torch.Tensor | dict | str) or not isinstance(made, Iterable):
            raise ArgumentError(
                f"data: must return an iterable of batches, got {type(made).__name__}; put a single batch in a list"
            )
        for number, batch in enumerate(made, 1):
            yield batch
            if number == most:
                break
    except (LeakyError, GeneratorExit):
        raise
    except Exception as error:  # whatever the user's data raise
        raise ArgumentError(f"data: batch {number} raised {one_line(error)}") from error
    if not number:
        raise ArgumentError("data: gave no batch; return an iterable of at least one")
