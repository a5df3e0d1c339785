"""What a call of bias_act computes, read once from its arguments."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import array_api_compat.torch as namespace
import torch

from leaky.catalogue import TABLE, Spec, parse
from leaky.catalogue.facts import BIT
from leaky.errors import ArgumentError
from leaky.kernels.native_bias_act import ONE, RELU, TWO, Lines
from leaky.nn.bias_act.arguments import OWN, Names, check_activation, clamp_of, gain_of, slope_of


class Plan(NamedTuple):
    """y = clamp(gain * f(z)), z = x + bias. Names and numbers only, so that a compiler takes it for a constant."""

    name: str
    """Of the entry; empty for the identity."""
    values: tuple[Any, ...]
    """Of its parameters."""
    gain: float
    clamp: float | None
    kind: int | None
    """TWO, RELU or ONE where f is one line, or two that meet at 0; None where it is a curve, or has more pieces."""
    upper: float = math.nan
    lower: float = math.nan
    below: float = math.nan
    """Slope of f below 0, without the gain."""

    @property
    def lines(self) -> Lines:
        """What the kernels of lines are called with."""
        assert self.kind is not None
        return Lines(self.kind, self.upper, self.lower, math.nan if self.clamp is None else self.clamp)


def value(z: torch.Tensor, plan: Plan) -> torch.Tensor:
    """y of z in torch's operations, in the precision of z; autograd gives the gradient as it is documented."""
    if plan.kind is not None:
        y = straight(z, plan.kind, plan.upper, plan.lower)
    else:
        formula: Any = TABLE[plan.name].value_formula
        y = formula(namespace, z, *plan.values)
        y = y if plan.gain == 1 else y * plan.gain
        known = z == z
        # the formula's own gradient may be finite at NaN, and the entry's is not
        y = torch.where(known, y, z / torch.where(known, z.new_ones(()), z.new_full((), math.nan)))
    return y if plan.clamp is None else held(y, plan.clamp)


def slope(z: torch.Tensor, plan: Plan) -> torch.Tensor:
    """The derivative of a curve at z, in torch's operations, differentiable."""
    entry = TABLE[plan.name]
    assert entry.derivative_formula is not None
    found: torch.Tensor = entry.derivative_formula(namespace, z, *plan.values) * plan.gain
    if plan.clamp is None:
        return found
    with torch.no_grad():
        assert entry.value_formula is not None
        outside = (entry.value_formula(namespace, z, *plan.values) * plan.gain).abs() >= plan.clamp
    return torch.where(outside, torch.zeros_like(found), found)


def straight(z: torch.Tensor, kind: int, upper: float, lower: float) -> torch.Tensor:
    """One line, or two that meet at 0, without the clamp."""
    y = z * upper
    if kind == TWO:
        y = torch.where(z > 0, y, z * lower)
    elif kind == RELU:
        y = torch.where(z <= 0, torch.zeros_like(z), y)
    return y


def held(y: torch.Tensor, clamp: float) -> torch.Tensor:
    """y between -clamp and clamp, NaN kept; the gradient is 0 where it reaches them (torch.clamp passes it there)."""
    return torch.where(y >= clamp, clamp, torch.where(y <= -clamp, -clamp, y))


def rounded(plan: Plan, dtype: torch.dtype) -> Plan:
    """The plan as `dtype` computes it: a slope that is 0 in float32 makes a ReLU, 0 at -inf and not NaN."""
    if plan.kind == TWO and dtype != torch.float64 and -_NOTHING <= plan.below <= _NOTHING:
        return Plan(plan.name, plan.values, plan.gain, plan.clamp, RELU, plan.upper, plan.lower, plan.below)
    return plan


_NOTHING = 2.0**-150
"""What float32 rounds to 0, half of its smallest number."""


def of_numbers(constant: Plan, gain: Any, clamp: Any) -> Plan:
    """The plan `constant`, made at gain 1 without a clamp, with others: numbers that are symbols to a compiler."""
    upper, lower = gain * constant.upper, gain * constant.lower
    return Plan(constant.name, constant.values, gain, clamp, constant.kind, upper, lower, constant.below)


def leaky_plan(negative_slope: Any, gain: Any, clamp: Any, names: Names) -> Plan:
    """The plan of a leaky ReLU, whose slope may be such a symbol too; raises where a number is wrong."""
    given = slope_of(negative_slope, names), gain_of(gain, names), clamp_of(clamp, names)
    return _leaky(*given) if torch.compiler.is_compiling() else _leaky_once(*given)


def _leaky(negative_slope: Any, gain: Any, clamp: Any) -> Plan:
    kind = ONE if negative_slope == 1 else RELU if negative_slope == 0 else TWO
    slopes = (1.0, negative_slope, negative_slope)
    return of_numbers(Plan("leaky_relu", (negative_slope,), 1.0, None, kind, *slopes), gain, clamp)


_leaky_once = functools.lru_cache(maxsize=256)(_leaky)


def constants_of(activation: Any, names: Names) -> tuple[Any, ...]:
    """The plan of an activation alone, which a compiler calls once instead of reading a spec step by step."""
    return tuple(plan_of(activation, 1.0, None, names))


# What torch.compiler.assume_constant_result does, without importing torch._dynamo (and Triton with it) for everybody.
constants_of._dynamo_marked_constant = True  # type: ignore[attr-defined]


def plan_of(activation: Any, gain: Any, clamp: Any, names: Names = OWN) -> Plan:
    """The plan of a call; raises where an argument is wrong."""
    check_activation(activation, names)
    return _plan(activation, gain_of(gain, names), clamp_of(clamp, names), names)


@functools.lru_cache(maxsize=256)
def _plan(activation: str | Spec | None, gain: float, clamp: float | None, names: Names) -> Plan:
    if activation is None:
        return Plan("", (), gain, clamp, ONE, gain, gain)
    spec = parse(activation)
    entry = spec.activation
    if any(parameter.learned for parameter in entry.parameters):
        wrong = f"must not learn, got {spec}"
    elif entry.training:
        wrong = f"must be one function, got {spec}, which differs in training"
    elif not entry.elementwise:
        wrong = f"must work element by element, got {spec}"
    else:
        slopes = _slopes(spec)
        if slopes is None:
            return Plan(entry.name, spec.values, gain, clamp, None)
        upper, lower = slopes
        kind = ONE if upper == lower else RELU if lower == 0 else TWO
        return Plan(entry.name, spec.values, gain, clamp, kind, gain * upper, gain * lower, lower)
    raise ArgumentError(
        f"{names.function}: `activation` {wrong}; add the bias and call leaky.nn.{entry.module}"
    )


def _slopes(spec: Spec) -> tuple[float, float] | None:
    """The slopes above and below 0 where f is two lines that meet there, told by the entry's own facts."""
    entry = spec.activation
    facts = None if entry.facts is None else entry.facts_at(*spec.values)
    if facts is None or not (facts.homogeneous and facts.continuous and facts.backward == BIT):
        return None
    upper, lower, at_zero = (float(entry.derivative(x, *spec.values)) for x in (1.0, -1.0, 0.0))
    return (upper, lower) if at_zero == lower else None
