"""1xx: parameters of activations, of modules and of functions that a forward calls."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from leaky.catalogue import TABLE
from leaky.errors import LeakyError
from leaky.models.check.kinds import Kind
from leaky.models.check.subject import Subject
from leaky.records import Finding

_SLOPES = {"leaky_relu": ("negative_slope",), "rrelu": ("lower", "upper")}
_NUMBERS = frozenset({"negative_slope", "lower", "upper", "alpha", "beta", "threshold", "min_val", "max_val"})
_SHORT = 3
"""Decimals of a value that was written down, not learned."""


@dataclass(frozen=True)
class _Given:
    """One parameter of one activation, as it was given."""

    site: str
    kind: Kind
    name: str
    value: Any
    shown: str
    also: str
    call: bool

    @property
    def number(self) -> float | None:
        """The value as torch computes with it; None for what is no number."""
        if isinstance(self.value, torch.Tensor) and self.value.numel() == 1 and not self.value.is_meta:
            return float(self.value.detach())
        return float(self.value) if isinstance(self.value, numbers.Real) else None

    @property
    def truly_number(self) -> bool:
        return self.number is not None and not isinstance(self.value, bool)

    def fixed(self, arguments: str) -> str:
        """The call as it should be."""
        if self.kind.normed:
            return f'activation="{self.kind.name}({arguments})"'
        if self.call:
            return f"F.{self.kind.name}(x, {arguments})"
        classes = {"leaky_relu": "LeakyReLU", "rrelu": "RReLU", "prelu": "PReLU"}
        module = classes.get(self.kind.name) or (
            TABLE[self.kind.name].module if self.kind.name in TABLE else ""
        )
        return f"torch.nn.{module or self.kind.name}({arguments})"

    def finding(self, code: str, message: str, remedy: str) -> Finding:
        return Finding(code, self.site, f"{message}{self.also}", remedy)


def slope_of_one(subject: Subject) -> Iterator[Finding]:
    """LKY101: x if x > 0 else 1 * x is x. True, hardly meant as a slope, counts as 1."""
    for given in _slopes(subject):
        if given.number != 1 or (given.kind.name == "rrelu" and given.kind.given.get("lower") != 1):
            continue
        if given.name == "lower":
            continue  # said once, of `upper`
        if given.value is True:
            message = (
                f"{given.shown}: True is not `inplace` here, it counts as 1, the identity: no non-linearity"
            )
            yield given.finding("LKY101", message, f"write {given.fixed('inplace=True')}")
        else:
            message = f"{given.shown}: a slope of 1 is the identity, there is no non-linearity here"
            remedy = f"write {given.fixed(f'{given.name}=0.01')}, or torch.nn.Identity() where it is meant"
            yield given.finding("LKY101", message, remedy)


def slope_above_one(subject: Subject) -> Iterator[Finding]:
    """LKY102: negative inputs come out larger than positive ones; whole numbers look like channels."""
    for given in _slopes(subject):
        if not (given.truly_number and given.number is not None and 1 < given.number < math.inf):
            continue
        message = f"{given.shown}: negative inputs are made {given.number:g} times larger"
        remedy = f"write {given.fixed(f'{given.name}=0.01')}"
        if given.kind.name == "leaky_relu" and given.number == int(given.number):
            like = next((name for name, width in _widths(subject) if width == given.number), None)
            message += f"; {given.number:g} is the number of channels of `{like}`" if like is not None else ""
            if not given.call:
                remedy += f", or torch.nn.PReLU({given.number:.0f}), which learns one slope per channel"
        yield given.finding("LKY102", message, remedy)


def slope_below_zero(subject: Subject) -> Iterator[Finding]:
    """LKY103: with a slope below 0 negative inputs come out positive."""
    for given in _slopes(subject):
        if given.number is not None and -math.inf < given.number < 0:
            message = (
                f"{given.shown}: negative inputs come out positive, -1 and {-given.number:g} give the same"
            )
            meant = -given.number if given.number > -1 else 0.01
            remedy = f"write {given.fixed(f'{given.name}={meant:g}')}"
            yield given.finding("LKY103", message, remedy)


def kind_of_argument(subject: Subject) -> Iterator[Finding]:
    """LKY104: bool, text or a trainable tensor where a number is expected, a number where `inplace` is."""
    for given in _all(subject):
        value = given.value
        if given.name == "inplace":
            if not isinstance(value, bool) and value not in (0, 1):
                message = f"{given.shown}: `inplace` is {value!r}, which counts as True"
                yield given.finding("LKY104", message, f"write {given.fixed('inplace=True')}")
        elif given.name not in _NUMBERS:
            continue
        elif isinstance(value, bool):
            if value and given.name == "negative_slope":
                continue  # LKY101 says it
            message = f"{given.shown}: `{given.name}` is {value}, which counts as {int(value)}"
            yield given.finding("LKY104", message, f"write {given.fixed(f'inplace={value}')}")
        elif isinstance(value, torch.Tensor):
            if value.requires_grad and not given.call:
                message = f"{given.shown}: `{given.name}` is a tensor that requires grad, which torch does not train"
                yield given.finding("LKY104", message, "write torch.nn.PReLU(), whose slope is learned")
        elif isinstance(value, str) or value is None:
            message = f"{given.shown}: `{given.name}` must be a number, got {value!r}"
            yield given.finding("LKY104", message, "give a number")


def not_finite(subject: Subject) -> Iterator[Finding]:
    """LKY105: NaN or infinity, also in a learned slope."""
    for given in _all(subject):
        if given.number is not None and not math.isfinite(given.number):
            message = f"{given.shown}: `{given.name}` is {given.number:g}, and so is what comes out below 0"
            default = TABLE[given.kind.name].parameters[0].default if given.kind.name in TABLE else 1
            yield given.finding("LKY105", message, f"write {given.fixed(f'{given.name}={default:g}')}")
    for site, module, weight in _learned(subject):
        bad = int((~weight.isfinite()).sum())
        if bad:
            message = (
                f"{bad} of {weight.numel()} learned slopes of this {type(module).__name__} are not finite"
            )
            remedy = "load an earlier checkpoint, and clip gradients or lower the learning rate"
            yield Finding("LKY105", site, f"{message}{subject.also(site)}", remedy)


def outside_domain(subject: Subject) -> Iterator[Finding]:
    """LKY106: what the catalogue refuses, for activations without a slope: ELU(alpha=0), Softplus(beta=-1)."""
    for given in _all(subject):
        entry = TABLE.get(given.kind.name)
        if entry is None or given.kind.name in _SLOPES or not given.truly_number:
            continue
        parameter = next((known for known in entry.parameters if known.name == given.name), None)
        if (
            parameter is None
            or parameter.learned
            or parameter.choices
            or not math.isfinite(given.number or 0.0)
        ):
            continue
        try:
            parameter.check(given.kind.name, given.value if parameter.integer else given.number)
        except LeakyError:
            message = f"{given.shown}: `{given.name}` must be {parameter.domain}"
            remedy = f"write {given.fixed(f'{given.name}={parameter.shown}')}"
            yield given.finding("LKY106", message, remedy)


def learned_slope(subject: Subject) -> Iterator[Finding]:
    """LKY107: where a PReLU starts; slopes that training brought there are its own business."""
    for site, _, weight in _learned(subject):
        first = float(weight[0])
        if not bool((weight == first).all()) or not math.isfinite(first) or 0 <= first < 1:
            continue
        if weight.numel() == 1 and not _written_down(weight):
            continue
        number = f"{round(first, _SHORT):g}"
        what = "the identity" if first == 1 else "a fold" if first < 0 else f"{number} times larger below 0"
        size = f"{weight.numel()}, " if weight.numel() > 1 else ""
        message = f"prelu(init={number}): it starts as {what}{subject.also(site)}"
        remedy = f"write torch.nn.PReLU({size}init=0.25)"
        if first >= 2 and first == int(first):
            remedy += f", or torch.nn.PReLU(num_parameters={number}) for one slope per channel"
        yield Finding("LKY107", site, message, remedy)


def _all(subject: Subject) -> Iterator[_Given]:
    for site, (_, kind) in subject.activations.items():
        for name, value in kind.given.items():
            if not isinstance(value, torch.Tensor) or kind.name != "prelu":
                yield _Given(site, kind, name, value, str(kind), subject.also(site), call=False)
    for (site, _), place in subject.calls.items():
        for name, value in place.kind.given.items():
            if isinstance(value, bool | int | float | str):
                yield _Given(site, place.kind, name, value, place.told, "", call=True)


def _slopes(subject: Subject) -> Iterator[_Given]:
    return (given for given in _all(subject) if given.name in _SLOPES.get(given.kind.name, ()))


def _learned(subject: Subject) -> Iterator[tuple[str, torch.nn.Module, torch.Tensor]]:
    for site, (module, kind) in subject.activations.items():
        weight = kind.given.get("weight")
        if kind.name == "prelu" and isinstance(weight, torch.Tensor):
            if torch.nn.parameter.is_lazy(weight) or weight.is_meta or not weight.numel():
                continue
            yield site, module, weight.detach().reshape(-1)


def _written_down(weight: torch.Tensor) -> bool:
    """Whether a value has few decimals, as no learned one has (but for one in thousands)."""
    return bool(weight == torch.tensor(round(float(weight), _SHORT), dtype=weight.dtype))


def _widths(subject: Subject) -> Iterator[tuple[str, int]]:
    for name, module in subject.model.named_modules():
        for attribute in ("out_channels", "out_features", "num_features"):
            width = getattr(module, attribute, None)
            if isinstance(width, int):
                yield name, width
