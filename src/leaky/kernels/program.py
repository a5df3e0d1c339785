"""A formula at given parameters as a list of steps with registers, for the native kernels and for NumPy in blocks.

Nothing is written twice: the steps come out of the entry's own formula (`leaky.kernels.trace`), so a new entry is
as fast as its formula is short, and what is computed are the formula's operations in the formula's order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leaky.catalogue.evaluate import rounded
from leaky.kernels.trace import CONSTANT, INPUT, Operation, Trace, UntraceableError

if TYPE_CHECKING:
    from leaky.catalogue import Activation

X = -1
"""The operand that is the input; registers are 0, 1, ..., constants -2, -3, ..."""
CURVES = frozenset({"exp", "expm1", "log1p", "tanh"})
"""Operations that libraries round differently."""
_ARITHMETIC = frozenset({"add", "subtract", "multiply", "divide"})


@dataclass(frozen=True)
class Step:
    """registers[out] = kind(*operands)."""

    kind: str
    out: int
    operands: tuple[int, ...]


@dataclass(frozen=True)
class Program:
    """Steps, in the precision `computed`, for arrays of `dtype`."""

    dtype: np.dtype[Any]
    computed: np.dtype[Any]
    steps: tuple[Step, ...]
    constants: tuple[float, ...]
    registers: int
    result: int

    @property
    def curved(self) -> bool:
        """Whether it has steps that are not exact to the last bit."""
        return any(step.kind in CURVES for step in self.steps)


def program_of(
    activation: Activation, dtype: np.dtype[Any], values: tuple[Any, ...], *, derivative: bool = False
) -> Program | None:
    """The program of f, or f', for arrays of `dtype` (float16, float32, float64), or None where it has none.

    It has none where f works along axes, needs weights, or has parameters that are arrays.
    """
    formula = activation.derivative_formula if derivative else activation.value_formula
    if formula is None or activation.along is not None or any(hasattr(value, "dtype") for value in values):
        return None
    wide = dtype.itemsize == 2 and not activation.piecewise_linear
    computed = np.dtype(np.float32) if wide else dtype
    trace = Trace(computed)
    x = trace.input()
    try:
        with np.errstate(all="ignore"):  # a parameter beyond the dtype is infinite
            result = formula(trace, x, *(_in_precision(trace, x, value) for value in values))
    except UntraceableError:
        return None
    return _allocated(trace.operations, result.number, dtype, computed)


def with_rounding(program: Program) -> Program:
    """The same for a machine that computes float16 in float32: each operation is rounded by a step of its own."""
    if program.computed.itemsize != 2:
        return program
    steps: list[Step] = []
    for step in program.steps:
        steps.append(step)
        if step.kind in _ARITHMETIC:
            steps.append(Step("to_half", step.out, (step.out,)))
    return Program(
        program.dtype,
        np.dtype(np.float32),
        tuple(steps),
        program.constants,
        program.registers,
        program.result,
    )


def _in_precision(trace: Trace, x: Any, value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_in_precision(trace, x, term) for term in value)
    return rounded(trace, x, value) if isinstance(value, float) else value


def _allocated(
    operations: list[Operation], result: int, dtype: np.dtype[Any], computed: np.dtype[Any]
) -> Program:
    """What the result needs, in registers that are used again once nobody reads them."""
    needed: set[int] = {result}
    last_use: dict[int, int] = {}
    for number in range(result, -1, -1):
        if number in needed:
            for operand in operations[number].operands:
                needed.add(operand)
                last_use.setdefault(operand, number)
    places: dict[int, int] = {}
    constants: list[float] = []
    free: list[int] = []
    steps: list[Step] = []
    count = 0
    for number in sorted(needed):
        operation = operations[number]
        if operation.kind == INPUT:
            places[number] = X
        elif operation.kind == CONSTANT:
            places[number] = -2 - len(constants)
            constants.append(operation.value)
        else:
            read = set(operation.operands)
            free += sorted(
                (places[one] for one in read if last_use[one] == number and places[one] >= 0), reverse=True
            )
            if not free:
                free.append(count)
                count += 1
            places[number] = free.pop()
            steps.append(
                Step(operation.kind, places[number], tuple(places[one] for one in operation.operands))
            )
    return Program(dtype, computed, tuple(steps), tuple(constants), count, places[result])
