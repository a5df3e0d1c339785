"""The native CPU kernels for NumPy's arrays: programs, which look at layout and memory themselves."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from leaky.kernels import native
from leaky.kernels.threads import cores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STEPS = (
    "add",
    "subtract",
    "multiply",
    "divide",
    "negative",
    "absolute",
    "less",
    "less_equal",
    "equal",
    "to_half",
    "rint",
    "exp",
    "expm1",
    "log1p",
    "tanh",
    "sigmoid",
    "silu",
    "gelu",
)
"""What a step of a program may do, in the order of `StepKind` in native/kernels.hpp."""


REGISTERS, CONSTANTS = 16, 64
"""What a program may use, as native/kernels.hpp has it."""


def program(
    steps: Sequence[tuple[str, int, tuple[int, ...]]], constants: Sequence[float], result: int
) -> Any:
    """A program for NumPy arrays: (kind, register, operands) for each step, and the operand that is the result.

    Operand -1 is the input, -2 - i the constant of number i. Raises where it has too many registers or constants.
    `.run(x, out, threads)` writes it to `out`, which may be x, and returns True; or returns False, with nothing
    written, where the two are not dense NumPy arrays of one floating dtype, shape and order, or overlap in part.
    `.known`: whether it is one of the shapes that the kernels know as a whole.
    """
    rows = [
        (STEPS.index(kind), out, *operands, *[operands[0]] * (4 - len(operands)))
        for kind, out, operands in steps
    ]
    return native.compiled().Program(rows, list(constants), result)


def defaults() -> Any:
    """A function's programs at its default parameters, none yet; None without the native kernels.

    `.add(program, example)` takes one for the dtype of the example, and `.run(x, out)` is the call of the one that
    fits: True, or False as a program says it, also where x or out is no NumPy array proper.
    """
    compiled = native.compiled()
    return compiled and compiled.Defaults(np.ndarray, array_threads)


_array_threads: Callable[[], int] | None = None


def array_threads() -> int:
    """How many threads share out a NumPy array: torch's, and as many as it takes, once torch is loaded."""
    global _array_threads
    if _array_threads is None:
        if not hasattr(sys.modules.get("torch"), "get_num_threads"):  # not there, or not all there yet
            return cores()
        _array_threads = native.torch_threads()
    return _array_threads()
