"""Layer-sequential unit variance (Mishkin, Matas 2016: All you need is a good init): scale layers one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch

from leaky.errors import ArgumentError, one_line
from leaky.models.isolate import Example, random_state_kept

_ROUNDS, _TOLERANCE = 10, 0.05


def unit_variance(model: torch.nn.Module, layers: dict[str, Any], example: Example) -> dict[str, str]:
    """Scale each layer, in the order of their first calls, until its output has variance 1; who was not called."""
    order: list[str] = []
    with _seen(model, layers, lambda name, output: order.append(name)):
        _run(model, example)
    names = list(dict.fromkeys(order))
    known: dict[str, float] = {}
    for name, following in zip(names, [*names[1:], None], strict=True):
        wanted = {one: layers[one] for one in (name, following) if one is not None}
        for _ in range(_ROUNDS):
            if name not in known:  # the run that proves one layer measures the next
                known = _variances(model, wanted, example)
            variance = known[name]
            if not 0 < variance < math.inf:
                raise ArgumentError(
                    f"initialise_: the output of `{name}` has variance {variance:g} on `batch`, so that no scale "
                    "makes it 1; check the batch, or use he"
                )
            if abs(variance - 1) < _TOLERANCE:
                break
            layers[name].weight.div_(math.sqrt(variance))
            known = {}
        else:
            raise ArgumentError(
                f"initialise_: the output of `{name}` has variance {variance:g} on `batch` after {_ROUNDS} scalings; "
                "it depends on its weights in another way, use he"
            )
    return {name: "the batch does not come by" for name in layers if name not in order}


class _SeenAll(BaseException):
    """What is left of the forward pass would tell nothing more. No error: nobody's `except` may catch it."""


def _variances(model: torch.nn.Module, layers: dict[str, Any], example: Example) -> dict[str, float]:
    """The variance of each layer's first output."""
    found: dict[str, float] = {}

    def note(name: str, output: torch.Tensor) -> None:
        if name not in found:
            found[name] = output.double().var(correction=0).item()
        if len(found) == len(layers):
            raise _SeenAll

    with _seen(model, layers, note), suppress(_SeenAll):
        _run(model, example)
    return found


def _run(model: torch.nn.Module, example: Example) -> None:
    args, kwargs = example.fresh()
    try:
        with random_state_kept():
            model(*args, **kwargs)
    except Exception as error:
        raise ArgumentError(
            f"initialise_: the model rejects `batch`: {one_line(error)}; give what it is called with"
        ) from error


@contextmanager
def _seen(
    model: torch.nn.Module, layers: dict[str, Any], note: Callable[[str, torch.Tensor], None]
) -> Iterator[None]:
    """Call `note` with every output of the layers; dropout rests, and buffers are as before afterwards."""
    flags = [(m, m.training) for m in model.modules() if isinstance(m, torch.nn.modules.dropout._DropoutNd)]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]

    def hook(name: str) -> Callable[..., None]:
        return lambda module, args, output: note(name, output)

    handles = [layer.register_forward_hook(hook(name)) for name, layer in layers.items()]
    try:
        for module, _ in flags:
            module.training = False
        yield
    finally:
        for handle in handles:
            handle.remove()
        for module, training in flags:
            module.training = training
        for buffer, value in buffers:
            buffer.copy_(value)
