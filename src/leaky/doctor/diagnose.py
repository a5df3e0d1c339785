"""One pass over data, and what the activations of a model made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from leaky.doctor.collect import Collector
from leaky.doctor.diagnosis import Diagnosis
from leaky.doctor.tally import Options
from leaky.doctor.untouched import is_compiled, untouched, unwrapped
from leaky.doctor.watch import diagnosis_of
from leaky.errors import ArgumentError, ArgumentTypeError, LeakyError, one_line

_RANK_UNITS = 1024


def diagnose(
    model: torch.nn.Module,
    batches: Iterable[Any],
    *,
    loss: Callable[..., torch.Tensor] | None = None,
    forward: Callable[[torch.nn.Module, Any], Any] | None = None,
    elements: bool = False,
    progress: bool | None = None,
) -> Diagnosis:
    """Measure every activation of `model` over one pass of `batches`, unit by unit, exactly over all of them.

    The model runs in the mode it is in (call `model.eval()` for what it does in use) and is left as it was:
    parameters, buffers, gradients, modes, random numbers. See `leaky.watch` for what a site, a unit and a sample is,
    and `leaky.records.diagnosis` for what is measured. The effective rank is that of sites of up to 1,024 units.

    Args:
        model: any module; of a compiled one, and in DistributedDataParallel, the module within is run.
        batches: an iterable of batches: tensors, tuples or lists (the first entry is the input), or dicts (the first
            value is). A DataLoader, or a list of a few batches.
        loss: measure gradients too: called as `loss(output, *rest)` with the batch's other entries, it returns a
            scalar. Without it no gradients are computed.
        forward: called as `forward(model, batch)` where a batch is not taken apart as above.
        elements: also find out which elements of a sample are never active.
        progress: show a bar; by default on a terminal.

    Returns:
        A `Diagnosis`; `to_json()` gives it as plain data.

    Raises:
        ArgumentTypeError: `model` is no torch.nn.Module, or `batches` cannot be iterated over.
        ArgumentError: `batches` is empty, one does not go through the model, the loss has no gradient, or the model
            calls no activation of the catalogue.

    Example:
        >>> import torch, leaky
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
        >>> with torch.no_grad():
        ...     _ = model[0].bias.copy_(torch.tensor([-1e3, 0.0, 1e3]))
        >>> site = leaky.diagnose(model, [torch.randn(100, 2) for _ in range(5)])["1"]
        >>> site.never_active, site.one_sided.units
        (Found(units=(0,), samples=500), (0, 2))
    """
    inner = unwrapped("diagnose", model)
    if isinstance(batches, torch.Tensor):
        batches = [batches]
    if not isinstance(batches, Iterable) or isinstance(batches, str | bytes | dict):
        raise ArgumentTypeError(
            f"diagnose: `batches` must be an iterable of batches, got {type(batches).__name__}; "
            "put a single one into a list"
        )
    collector = Collector(inner, Options(elements, _RANK_UNITS, None))
    seen = 0
    with ExitStack() as stack:
        stack.enter_context(untouched(inner))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.set_grad_enabled(loss is not None))
        if is_compiled(model):
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        for batch in stack.enter_context(_shown(batches, progress)):
            _measure(collector, batch, seen, forward, loss)
            seen += 1
    collector.close()
    if not seen:
        raise ArgumentError("diagnose: `batches` is empty; give at least one batch")
    return diagnosis_of("diagnose", collector, seen, seen, {}, ())


def _measure(
    collector: Collector,
    batch: Any,
    number: int,
    forward: Callable[[torch.nn.Module, Any], Any] | None,
    loss: Callable[..., torch.Tensor] | None,
) -> None:
    x, rest = _parts(batch)
    model = collector.model
    collector.start()
    try:
        output = model(x) if forward is None else forward(model, batch)
    except LeakyError:
        raise
    except Exception as error:  # whatever the user's model raises
        raise ArgumentError(
            f"diagnose: batch {number} of `batches` ({_told(x)}) does not go through the model: {one_line(error)}; "
            "give what the model takes, or say how by `forward`"
        ) from error
    finally:
        collector.stop()
    if loss is not None:
        try:
            _backward(collector, loss(output, *rest))
        except LeakyError:
            raise
        except Exception as error:  # whatever the user's loss raises
            raise ArgumentError(
                f"diagnose: `loss` failed on batch {number} of `batches`: {one_line(error)}; it is called as "
                "loss(output, *rest of the batch) and must return a scalar"
            ) from error


def _backward(collector: Collector, value: Any) -> None:
    """Gradients, without those of the parameters where autograd allows it: other people's hooks wait there."""
    wanted = [parameter for parameter in collector.model.parameters() if parameter.requires_grad]
    if not isinstance(value, torch.Tensor) or not value.requires_grad:
        raise ArgumentError(
            "diagnose: `loss` must return a tensor with a gradient; has the model a parameter that learns?"
        )
    collector.start()  # for what checkpoints run again
    try:
        if collector.recomputes or not wanted:
            value.backward()
            for parameter in wanted:
                parameter.grad = None
        else:
            torch.autograd.grad(value, wanted, allow_unused=True)
    finally:
        collector.stop()


def _parts(batch: Any) -> tuple[Any, tuple[Any, ...]]:
    """The input, and what else there is."""
    if isinstance(batch, dict):
        batch = tuple(batch.values())
    if isinstance(batch, tuple | list):
        if not batch:
            raise ArgumentError(
                "diagnose: a batch of `batches` is empty; its first entry is the model's input"
            )
        return batch[0], tuple(batch[1:])
    return batch, ()


def _told(x: Any) -> str:
    return f"of shape {tuple(x.shape)}" if isinstance(x, torch.Tensor) else type(x).__name__


@contextmanager
def _shown(batches: Iterable[Any], shown: bool | None) -> Iterator[Iterator[Any]]:
    """The batches, with a bar on a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    if shown is False or (shown is None and not console.is_terminal):
        yield iter(batches)
        return
    total = len(batches) if isinstance(batches, Sized) else None
    yield iter(track(batches, "Measuring", total=total, console=console, transient=True))
