"""Who computes an entry on NumPy arrays, and how: the only place that decides it. No torch is needed.

The entry's formula becomes a program once per dtype and parameters. The native kernels run it where they are built;
NumPy runs it in blocks where they are not, or for float64 where it has curves, which the native kernels compute for
floats alone; short arrays then take the formula as it stands, which gives the same bits.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from leaky.catalogue import lookup
from leaky.catalogue.evaluate import real_array
from leaky.errors import ArgumentError
from leaky.kernels import blocked, native, native_arrays
from leaky.kernels.program import Program, X, program_of, with_rounding

if TYPE_CHECKING:
    from leaky.catalogue import Activation

Array = np.ndarray[Any, Any]
DTYPES = frozenset(map(np.dtype, (np.float16, np.float32, np.float64)))
SMALL = 4096
"""Elements below which the formula itself costs NumPy less than blocks."""
_KEPT = 128
"""Programs kept per entry: a search over slopes makes one for each."""
_WHOLE_STEPS: dict[str, tuple[Any, ...]] = {"sigmoid": (), "silu": (1.0,), "gelu": ("none",)}
"""Entries that are one native step for float32 and float16 at these parameters."""


@dataclass(frozen=True)
class Choice:
    """What computes f on an array, and why."""

    kernel: Literal["native", "blocked", "formula"]
    reason: str
    run: Callable[[Array, Array], None] | None = None
    """run(x, out) on dense arrays of one order."""
    program: Any = None
    """What the native kernels run; it looks at x and out itself."""
    least: int = 0
    """Elements below which the formula serves after all."""

    def __str__(self) -> str:
        return f"{self.kernel}: {self.reason}"


class Dense:
    """One entry on dense NumPy arrays: its function, or its derivative."""

    def __init__(self, activation: Activation, *, derivative: bool = False) -> None:
        self.activation = activation
        self.derivative = derivative
        self._choices: dict[Any, Choice] = {}
        self._defaults = native_arrays.defaults()
        self.served: Callable[[Any, Any], bool] = self._defaults.run if self._defaults else _not_served
        """f(x) into out by the native kernels, at default parameters, once they were asked for: whether it did."""

    def choose(
        self, dtype: np.dtype[Any], positional: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Choice:
        """Who serves this dtype at these parameters; raises where they are bad."""
        if not positional and not named:
            choice = self._choices.get(dtype)
            if choice is None:
                choice = self._choices[dtype] = self._made(dtype, tuple(self.activation.bind().values()))
                if choice.program is not None:
                    self._defaults.add(choice.program, np.empty(0, dtype))
            return choice
        values = tuple(self.activation.bind(*positional, **(named or {})).values())
        try:
            choice = self._choices.get((dtype, values))
        except TypeError:
            return Choice("formula", "a parameter is an array")
        if choice is None:
            if len(self._choices) > _KEPT:
                self._choices.clear()
            choice = self._choices[dtype, values] = self._made(dtype, values)
        return choice

    def __call__(
        self, x: Array, out: Array | None, positional: tuple[Any, ...], named: dict[str, Any]
    ) -> Array | None:
        """f(x), in `out` where it is given and fits; None where the formula has to serve."""
        x = x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))
        choice = self.choose(x.dtype, positional, named)
        if choice.run is None or x.size < choice.least:
            return None
        if not x.flags.forc:
            dense = np.array(x, order="C")
            choice.run(dense, dense)
            return dense
        target = out if out is not None and _fits(x, out) else np.empty_like(x)
        choice.run(x, target)
        return target if x.ndim or target is out else target[()]

    def _made(self, dtype: np.dtype[Any], values: tuple[Any, ...]) -> Choice:
        if dtype not in DTYPES:
            return Choice("formula", f"dtype {dtype} has no kernel")
        program = program_of(self.activation, dtype, values, derivative=self.derivative)
        if program is None:
            return Choice("formula", "it does not work element by element with numbers as parameters")
        missing = _why_not_native(program)
        if missing is None:
            whole = (
                not self.derivative and program.curved and _WHOLE_STEPS.get(self.activation.name) == values
            )
            compiled = _native(program, self.activation.name if whole else None)
            reason = f"{native.level()} kernels, one pass over memory"
            return Choice("native", reason, partial(_run, compiled), compiled)
        run = partial(blocked.run, blocked.for_numpy(program))
        return Choice("blocked", f"NumPy in blocks that stay in cache; {missing}", run, least=SMALL)


def explain(operation: str, x: Any, parameters: dict[str, Any]) -> Choice:
    """Who serves the entry called `operation` on this very array."""
    entry = lookup(operation)
    if type(x) is not np.ndarray:
        return Choice("formula", f"{type(x).__name__} is a subclass of NumPy's array")
    _, x = real_array(operation, x)
    choice = Dense(entry).choose(x.dtype.newbyteorder("="), (), parameters)
    if choice.run is not None and x.size < choice.least:
        return Choice("formula", f"{x.size} elements are fewer than {choice.least}; {choice.reason}")
    return choice


def by_element(activation: Activation, values: dict[str, Any]) -> bool:
    """Whether the entry works element by element with numbers as parameters: its derivative is then a factor."""
    return activation.elementwise and not any(hasattr(value, "dtype") for value in values.values())


def _not_served(x: Any, out: Any) -> bool:
    return False


def _fits(x: Array, out: Any) -> bool:
    """Whether f(x) may be written to `out` while x is read."""
    if type(out) is not np.ndarray or out.dtype != x.dtype or out.shape != x.shape:
        return False
    if not out.flags.writeable or out.strides != x.strides:
        return False
    return out is x or not np.may_share_memory(x, out) or out.ctypes.data == x.ctypes.data


def _why_not_native(program: Program) -> str | None:
    if os.environ.get("LEAKY_KERNELS") == "plain":
        return "LEAKY_KERNELS=plain"
    if not native.available():
        return f"the native kernels are missing ({native.why_not()})"
    if program.curved and program.computed.itemsize == 8:
        return "the native kernels compute curves of float32 and float16"
    if [step.kind for step in program.steps] == ["tanh"] and native.level() != "avx512":
        return "NumPy's own tanh is faster than the native one"
    if program.registers > native_arrays.REGISTERS or len(program.constants) > native_arrays.CONSTANTS:
        return "the formula is too long for the native kernels"
    return None


def _native(program: Program, step: str | None) -> Any:
    """Compiled, as one step where it is one."""
    if step is not None:
        return native_arrays.program([(step, 0, (X,))], [], 0)
    program = with_rounding(program)
    steps = [(step.kind, step.out, step.operands) for step in program.steps]
    return native_arrays.program(steps, program.constants, program.result)


def _run(compiled: Any, x: Array, out: Array) -> None:
    if not compiled.run(x, out, native_arrays.array_threads()):
        raise ArgumentError(f"out: must be a dense array of {x.dtype} like x, got {out.dtype} of {out.shape}")
