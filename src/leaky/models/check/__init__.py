"""A linter for the activations of a model: it reads the model and runs no data.

- `check`: the findings of every rule.
- `codes`: what each code stands for, one table.
- Rules by subject: `parameters`, `initialisation`, `optimiser`, `inplace`, `structure`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch

from leaky.errors import ArgumentError, ArgumentTypeError
from leaky.models.check import initialisation, inplace, optimiser, parameters, structure
from leaky.models.check.codes import CODES, known_codes
from leaky.models.check.report import CheckReport
from leaky.models.check.subject import Subject, subject_of
from leaky.models.isolate import random_state_kept
from leaky.records import Finding

__all__ = ["CODES", "RULES", "CheckReport", "check"]

RULES: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    parameters.slope_of_one,
    parameters.slope_above_one,
    parameters.slope_below_zero,
    parameters.kind_of_argument,
    parameters.not_finite,
    parameters.outside_domain,
    parameters.learned_slope,
    initialisation.wrong_gain,
    optimiser.decayed_slopes,
    inplace.input_read_again,
    inplace.input_of_the_model,
    structure.two_in_a_row,
    structure.undone_by_norm,
    structure.ends_a_head,
)
"""Every rule: what the model looks like in, findings out."""


def check(model: torch.nn.Module, optimizer: Any = None, *, ignore: Iterable[str] = ()) -> CheckReport:
    """Look for mistakes with activations in the definition of `model`; nothing is run, and nothing changes.

    Slopes that are no slopes (`LeakyReLU(True)`, `LeakyReLU(64)`), initialisation that does not fit, weight decay on
    learned slopes, activations in place whose input is read again, two in a row, undone by a norm, at the end of a
    head. `leaky check --help` lists all of them with their codes. Functions that a forward calls count like modules
    where torch.fx can follow the forward; where it cannot, the report says so, and nothing is claimed of the order of
    calls there.

    Args:
        model: any module, also compiled, lean or wrapped for several devices; weights may be on "meta".
        optimizer: where it is given, its parameter groups are checked too.
        ignore: codes to silence, such as `("LKY203",)`.

    Returns:
        A report that is a list of findings; `print(report)` shows them line by line. Of a model without activations
        it is empty, and says so.

    Raises:
        ArgumentTypeError: `model` is no torch.nn.Module, `optimizer` no optimiser, `ignore` no codes.
        ArgumentError: a code is unknown, `optimizer` has no parameter of `model`, or `model` is scripted.

    Example:
        >>> import torch, leaky
        >>> report = leaky.check(torch.nn.Sequential(torch.nn.Linear(8, 64), torch.nn.LeakyReLU(64)))
        >>> report.codes
        ('LKY102',)
        >>> report[0].site
        '1'
    """
    if not isinstance(model, torch.nn.Module):
        raise ArgumentTypeError(f"check: `model` must be a torch.nn.Module, got {type(model).__name__}")
    if isinstance(model, torch.jit.ScriptModule):
        raise ArgumentError(
            "check: `model` is scripted, its modules are no longer Python's; check it before torch.jit"
        )
    silenced = known_codes(ignore)
    if optimizer is not None:
        optimiser.check_optimizer(optimizer, model)
    with random_state_kept(), torch.inference_mode(False), torch.enable_grad():
        subject = subject_of(model, optimizer)
        findings = {(finding.code, finding.site, finding.message): finding for finding in _found(subject)}
    order = {name: number for number, name in enumerate(subject.names)}
    shown = sorted(
        (finding for finding in findings.values() if finding.code not in silenced),
        key=lambda finding: (finding.code, order.get(finding.site, -1)),
    )
    ignored = Counter(finding.code for finding in findings.values() if finding.code in silenced)
    return CheckReport(
        type(subject.model).__name__,
        tuple(shown),
        len(subject.activations) + len(subject.calls),
        subject.unread,
        dict(sorted(ignored.items())),
    )


def _found(subject: Subject) -> Iterator[Finding]:
    for rule in RULES:
        yield from rule(subject)
