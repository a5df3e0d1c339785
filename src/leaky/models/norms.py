"""Running statistics of batch norms estimated again: after a swap, those of before describe other activations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from leaky.errors import ArgumentError, ArgumentTypeError, one_line
from leaky.models.isolate import random_state_kept


def reestimate_norms(model: torch.nn.Module, batches: Iterable[Any]) -> tuple[str, ...]:
    """Estimate the running statistics of every BatchNorm again, as the mean over the given batches.

    What `torch.optim.swa_utils.update_bn` does, with three differences: only the norms are in training mode, so that
    the statistics are those without dropout, as in use; flags and the random state are as before; and after an error
    everything is as it was.

    Args:
        model: any module; norms without running statistics are not touched.
        batches: what the model is called with: tensors, tuples or lists whose first item is the input, or dicts of
            arguments by name. Every batch counts the same.

    Returns:
        Names of the norms.

    Raises:
        ArgumentError: there is no batch, or the model rejects one.

    Example:
        >>> import torch, leaky.models
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU())
        >>> leaky.models.reestimate_norms(model, [torch.randn(32, 4), torch.randn(32, 4)])
        ('1',)
    """
    if not isinstance(batches, Iterable) or isinstance(batches, torch.Tensor | dict | str):
        raise ArgumentTypeError(
            f"reestimate_norms: `batches` must be an iterable of batches, got {type(batches).__name__}; "
            "put a single batch in a list"
        )
    norms = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm) and module.running_mean is not None
    }
    if not norms:
        return ()
    count = 0
    with (
        _put_back_on_error(model),
        _only_norms_train(model, norms.values()),
        random_state_kept(),
        torch.no_grad(),
    ):
        for norm in norms.values():
            norm.reset_running_stats()
        for count, batch in enumerate(batches, 1):
            try:
                _call(model, batch)
            except Exception as error:
                raise ArgumentError(
                    f"reestimate_norms: the model rejects batch {count} of `batches`: {one_line(error)}; give what "
                    "it is called with"
                ) from error
        if not count:
            raise ArgumentError(
                "reestimate_norms: `batches` is empty; give at least one batch, not a used iterator"
            )
    return tuple(norms)


def _call(model: torch.nn.Module, batch: Any) -> None:
    if isinstance(batch, dict):
        model(**batch)
    else:
        model(batch[0] if isinstance(batch, tuple | list) else batch)


@contextmanager
def _put_back_on_error(model: torch.nn.Module) -> Iterator[None]:
    before = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    try:
        yield
    except BaseException:
        with torch.no_grad():
            for buffer, value in before:
                buffer.copy_(value)
        raise


@contextmanager
def _only_norms_train(model: torch.nn.Module, norms: Iterable[Any]) -> Iterator[None]:
    norms = list(norms)
    flags = [(module, module.training) for module in model.modules()]
    momenta = [(norm, norm.momentum) for norm in norms]
    try:
        for module, _ in flags:
            module.training = False
        for norm in norms:
            norm.training = True
            norm.momentum = None  # the mean over all batches
        yield
    finally:
        for module, training in flags:
            module.training = training
        for norm, momentum in momenta:
            norm.momentum = momentum
