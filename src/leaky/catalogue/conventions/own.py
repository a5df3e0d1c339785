"""leaky's own rows, from the entries themselves, so that a table and a translation have them beside the others."""

from __future__ import annotations

import math
from typing import Any, Final

from leaky.catalogue.conventions.questions import QUESTIONS, Answers, Question
from leaky.catalogue.conventions.record import Convention, parameter
from leaky.catalogue.conventions.torch import TORCH
from leaky.catalogue.entry import Activation
from leaky.catalogue.table import TABLE

_TWINS: Final = frozenset(name for row in TORCH for name in row.names)
"""torch's names: a module of leaky's that has one of them answers as torch does."""


def _own(entry: Activation) -> Convention:
    module, function = f"leaky.nn.{entry.module}", f"leaky.{entry.name}"
    # A module of learned parameters says where learning starts; the function says what is computed.
    learned = any(p.learned for p in entry.parameters)
    return Convention(
        entry=entry.name,
        framework="leaky",
        call=function if learned else module,
        also=() if learned else (function,),
        arguments=tuple(parameter(p.name, p.default) for p in entry.parameters),
        answers=_answers(entry, QUESTIONS.get(entry.name, Question())),
        remark="the function; the module has torch's bits" if f"torch.nn.{entry.module}" in _TWINS else "",
        version="",
        source="the entry's formula",
        evidence="tested",
    )


def _answers(entry: Activation, question: Question) -> Answers:
    if entry.value_formula is None or not entry.elementwise:
        return Answers()
    asked: dict[str, Any] = dict(question.parameters)

    def value(x: float, **other: Any) -> float:
        return float(entry.value([x], **{**asked, **other})[0])

    return Answers(
        tuple(float(slope) for slope in entry.derivative([*question.kinks, 0.5], **asked))[:-1],
        value(math.nan),
        float(entry.derivative([math.nan], **asked)[0]),
        value(-math.inf),
        tuple(value(x, **dict(other)) for x, other in question.points),
    )


LEAKY: Final = tuple(_own(entry) for entry in TABLE.values() if entry.value_formula is not None)
