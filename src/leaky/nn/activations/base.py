"""What every activation module shares: its record in the catalogue, its docstring, its operator in ONNX."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch

from leaky.catalogue import Activation
from leaky.catalogue.conventions.record import Convention, number
from leaky.kernels import gpu
from leaky.kernels.select import SMALL
from leaky.nn.whole import whole

_PUBLIC = "leaky.nn.modules"
"""Where pickle looks for the classes, whichever file they are written in."""

_DOCSTRING = """{title}: f(x) = {formula}; f'(x) = {slope}.

{at_zero}.{notes}

Args:
{arguments}
Saved for backward: {saved}.

Raises:
    ArgumentError: a parameter is not finite, out of its domain or of a shape that does not fit the input.
    ArgumentTypeError: an argument is of another kind: text or True for a number, a number for `inplace`.

Example:
    >>> import torch, leaky.nn
    >>> leaky.nn.{module}({given}).eval()(torch.{shown}).detach().double().numpy().round(4).tolist()
    {example}

References:
{papers}
"""
_NONE = "    none\n"


class ActivationModule(torch.nn.Module):
    """Base of every activation module: `entry` is its record in the catalogue."""

    entry: ClassVar[Activation]
    saved_bytes: ClassVar[float] = 4
    """What training keeps for backward, in bytes per element of a float32 input; half of it in half precision."""
    saved_detail: ClassVar[str] = ""
    example_arguments: ClassVar[str] = ""
    example_input: ClassVar[str] = "tensor([-1.0, 0.0, 2.0])"
    remarks: ClassVar[str] = ""
    """What the docstring says besides what it takes from the record."""
    further: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Arguments besides the catalogue's parameters, and what they mean."""
    renamed: ClassVar[Mapping[str, str]] = {}
    """Arguments that torch calls otherwise than the catalogue, and the catalogue's names of them."""


def finished(cls: type[ActivationModule]) -> type[ActivationModule]:
    """The class with its docstring, made from its record, and where pickle, tracers and users find it."""
    cls, entry = whole(cls), cls.entry
    cls.__module__ = _PUBLIC
    shown = cls.example_input
    if entry.along is not None:
        shown = f"tensor({[list(row) for row in entry.along.example]})"
    made: Any = eval(f"cls({cls.example_arguments})", {"cls": cls})  # the text the docstring shows
    given = eval(f"torch.{shown}", {"torch": torch})
    cls.__doc__ = _DOCSTRING.format(
        title=entry.title,
        formula=entry.formula,
        slope=entry.slope,
        at_zero=entry.at_zero,
        notes="".join(f"\n\n{note}" for note in _notes(cls)),
        arguments=_arguments(cls),
        saved=_saved(cls),
        module=entry.module,
        given=cls.example_arguments,
        shown=shown,
        example=made.eval()(given).detach().double().numpy().round(4).tolist(),
        papers="\n".join(f"    {paper}." for paper in entry.papers),
    )
    return cls


def _notes(cls: type[ActivationModule]) -> Iterable[str]:
    if cls.entry.training:
        yield f"In training: {cls.entry.training}. In evaluation it is the function above."
    if hasattr(torch.nn, cls.__name__):
        yield (
            f"A torch.nn.{cls.__name__}: the same arguments, bits, gradients and state_dict, also where torch "
            f"differs from leaky.{cls.entry.name}{_differences(cls.entry)}."
        )
    if cls.remarks:
        yield cls.remarks


def _differences(entry: Activation) -> str:
    """Where torch's answers are not the entry's, from the table of conventions."""
    answers = {
        row.framework: _answers(row) for row in entry.conventions if row.call == f"torch.nn.{entry.module}"
    }
    ours = next(_answers(row) for row in entry.conventions if row.framework == "leaky")
    lines = [
        f"{what} is {number(theirs)} in torch, {number(ours[what])} in leaky"
        for what, theirs in answers.get("torch", {}).items()
        if theirs is not None and number(theirs) != number(ours[what])
    ]
    return f": {'; '.join(lines)}" if lines else ""


def _answers(row: Convention) -> dict[str, float | None]:
    """What a framework answers, by the question, with the parameters that were asked at."""
    asked, said = dict(row.question.parameters), row.answers
    found = {
        **{f"f'({x:g}){_at(asked)}": y for x, y in zip(row.question.kinks, said.gradients, strict=False)},
        f"f'(NaN){_at(asked)}": said.nan_gradient,
        f"f(-inf){_at(asked)}": said.minus_infinity,
    }
    for (x, other), y in zip(row.question.points, said.values, strict=False):
        found[f"f({x:g}){_at({**asked, **dict(other)})}"] = y
    return found


def _at(parameters: dict[str, Any]) -> str:
    given = (f"{name} {value:g}" for name, value in parameters.items() if isinstance(value, float))
    shown = ", ".join(given)
    return shown and f" at {shown}"


def _arguments(cls: type[ActivationModule]) -> str:
    """One line for every argument of the constructor."""
    known = {p.name: f"{p.meaning}; {p.domain}, default {p.shown}" for p in cls.entry.parameters}
    known |= dict(cls.further)
    names = [name for name in inspect.signature(cls).parameters if name not in ("args", "kwargs")]
    return "".join(f"    {name}: {known.get(name, 'as torch has it')}.\n" for name in names) or _NONE


def _saved(cls: type[ActivationModule]) -> str:
    if cls.saved_bytes < 1:
        bits = round(8 * cls.saved_bytes)
        told = f"{'one bit' if bits == 1 else f'{bits} bits'} per element"
    else:
        told = f"{cls.saved_bytes:g} byte{'s' * (cls.saved_bytes != 1)} per element of a float32 input"
    return told + cls.saved_detail


def of_large(otherwise: str) -> str:
    """`saved_detail` of what keeps bits by kernels; what is kept `otherwise`."""
    return (
        f" with the native kernels from {SMALL:,} elements on, on a GPU with those in Triton from {gpu.SMALL:,} on "
        f"(else {otherwise})"
    )


def exporting() -> bool:
    """Whether `torch.onnx.export` (its default exporter) is reading the forward."""
    return torch.onnx.is_in_onnx_export() and torch.compiler.is_exporting() and hasattr(torch.onnx, "ops")


def operator(
    name: str, input: torch.Tensor, attributes: dict[str, Any] | None = None, *, since: int
) -> torch.Tensor:
    """One operator of ONNX on `input`, with the input's shape and dtype: only while `exporting()`."""
    result: torch.Tensor = torch.onnx.ops.symbolic(
        name, (input,), attributes or {}, dtype=input.dtype, shape=input.shape, version=since
    )
    return result
