"""Make a model lean: its activations, and the norms before them, keep less for backward; the numbers stay."""

from __future__ import annotations

from typing import Any

import torch

from leaky.errors import ArgumentError, ArgumentTypeError
from leaky.models.isolate import Example, random_state_kept
from leaky.models.keeping import twins
from leaky.models.keeping.attempt import Attempt
from leaky.models.keeping.change import apply
from leaky.models.keeping.report import LeanReport, LeanSite


def lean(model: torch.nn.Module, example: Any = None, *, dry_run: bool = False) -> LeanReport:
    """Make `model` keep less for backward, in place; its outputs and gradients stay the same.

    - A LeakyReLU, ReLU, ReLU6 or Hardtanh keeps one bit per element where that saves anything.
    - ELU, CELU, SELU, Softplus and PReLU keep their output instead of their input, where another layer keeps that
      anyway; RReLU the slopes that torch draws, and not its input; Dropout one bit per element of what torch draws.
    - So do calls of these functions, whichever way they are spelled (`F.relu`, `torch.selu`, `x.prelu(w)`).
    - A BatchNorm, InstanceNorm, GroupNorm or SyncBatchNorm whose output goes into a LeakyReLU or ReLU and nowhere
      else applies it too, and the two keep one tensor instead of two.
    - A convolution, Linear or pool behind such a ReLU, or behind SiLU, GELU, Mish, Hardswish and others, keeps none
      of it: backward computes that output again, to the bit; a norm before them keeps no tensor of its own.

    Every site is tried against the original on made-up input first, and with an `example` the whole model is:
    outputs, gradients of inputs and parameters, buffers. All of that happens on copies. What does not hold stays as
    it was, and the report says why. Modules stay the same objects (`state_dict`, hooks, optimisers, flags are
    untouched); their class is another, a subclass of the one before.

    Args:
        model: any module; what does not trace with torch.fx needs an `example` for all that can be done.
        example: what the model is called with: a tensor, a tuple of arguments, or a dict of arguments by name. It is
            run forward and backward a few times, on copies, in the mode (train or eval) that the model is in.
        dry_run: only report what would be done.

    Returns:
        A report of every site; `print(report)` shows the table.

    Raises:
        ArgumentTypeError: `model` is no torch.nn.Module, or `example` none of the kinds above.
        ArgumentError: `model` has no site or no values yet, is compiled, TorchScript or cannot be copied, or rejects
            the `example`.

    Example:
        >>> import torch, leaky
        >>> model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.LeakyReLU(0.1))
        >>> report = leaky.lean(model, torch.randn(2, 3, 64, 64))
        >>> [site.name for site in report.sites]
        ['1 + 2']
    """
    if not isinstance(model, torch.nn.Module):
        raise ArgumentTypeError(f"lean: `model` must be a torch.nn.Module, got {type(model).__name__}")
    _check_values(model)
    given = None if example is None else Example.of(example)
    if any(twins.is_lean(module) for module in model.modules()):
        return _already(model, dry_run)
    with random_state_kept() as reseed, torch.inference_mode(False), torch.enable_grad():
        attempt = Attempt(model, given, reseed)
        plan, after = attempt.run()
        report = attempt.report(plan, after, dry_run)
    if not dry_run:
        apply(model, plan.changes)
    return report


def unlean(model: torch.nn.Module) -> tuple[str, ...]:
    """Undo `lean`, exactly; the names of the modules that are again what they were.

    Example:
        >>> import torch, leaky
        >>> model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.LeakyReLU(0.1))
        >>> report = leaky.lean(model)
        >>> leaky.unlean(model)
        ('1', '2')
    """
    if not isinstance(model, torch.nn.Module):
        raise ArgumentTypeError(f"unlean: `model` must be a torch.nn.Module, got {type(model).__name__}")
    return tuple(name for name, module in model.named_modules() if twins.restore(module))


def _check_values(model: torch.nn.Module) -> None:
    """Raise where there are no numbers to try anything with, or where a compiler decides what is kept."""
    if isinstance(model, torch.jit.ScriptModule):
        raise ArgumentError(
            "lean: `model` is TorchScript, whose modules are no longer Python's; make the model lean before "
            "torch.jit.trace"
        )
    for name, module in model.named_modules():
        if vars(module).get("_compiled_call_impl") is not None or type(module).__name__ == "OptimizedModule":
            raise ArgumentError(
                f"lean: `model` is compiled ({name or 'all of it'}), and the compiler decides what is kept for "
                "backward; make it lean first where parts of it run without the compiler"
            )
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if torch.nn.parameter.is_lazy(tensor) or tensor.is_meta:
            raise ArgumentError(
                f"lean: `{name}` of `model` has no values yet; load them, or call a lazy model once, before"
            )


def _already(model: torch.nn.Module, dry_run: bool) -> LeanReport:
    sites = tuple(
        LeanSite(name, type(module).__name__, None, "it is lean already")
        for name, module in model.named_modules()
        if twins.is_lean(module)
    )
    note = "The model, or a part of it, is lean already; nothing was done. leaky.unlean(model) undoes it."
    return LeanReport(type(model).__name__, sites, "synthetic", None, None, dry_run, note)
