"""Programs run by NumPy alone: in blocks, into memory that is used again, on every core.

NumPy's functions run at the speed of the cache where `out` is given and let other threads run meanwhile; what
costs is fresh memory, waiting for the interpreter's lock after short calls, and `np.where`, which goes element by
element. So a choice between two values is made with the bits of both, and where one of the values is what it was
compared with, by `np.maximum`, `np.minimum` or `np.clip`.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from leaky.kernels.program import Program, Step, X
from leaky.kernels.threads import cores

BLOCK = 128 * 1024
"""Elements: with fewer, threads spend more time waiting for the interpreter's lock than the caches save."""
SHARED = 2 * BLOCK
"""Elements from which several threads are worth starting."""

Array = np.ndarray[Any, Any]
_UFUNCS: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "negative": np.negative,
    "absolute": np.absolute,
    "rint": np.rint,
    "exp": np.exp,
    "expm1": np.expm1,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "clip": np.clip,
    "copy": np.positive,
}
_COMPARE = {"less": np.less, "less_equal": np.less_equal, "equal": np.equal}
_WHOLE = {2: np.int16, 4: np.int32, 8: np.int64}


def for_numpy(program: Program) -> Program:
    """The same program with `maximum` and `minimum` for choices where the bits are the same, of NaN and -0 too."""
    made: dict[int, Step] = {}  # the step that each register is from
    steps: list[Step] = []
    for step in program.steps:
        for new in _cheaper(step, program, made):
            if new.kind == "clip" and steps and steps[-1] is made.get(new.out):
                steps.pop()  # the upper bound alone, which nobody reads now
            steps.append(new)
            made[new.out] = new
    if not steps:
        steps.append(Step("copy", 0, (program.result,)))
    return replace(program, steps=tuple(steps), registers=max(program.registers, 1))


def _cheaper(step: Step, program: Program, made: dict[int, Step]) -> list[Step]:
    def constant(code: int) -> float:
        return program.constants[-2 - code] if code < X else math.nan

    if step.kind == "less_equal":
        a, b, yes, no = step.operands
        for limit, value, kind in ((b, a, "maximum"), (a, b, "minimum")):
            number = constant(limit)
            if yes == limit and no == value and number == number:
                if number:
                    return [Step(kind, step.out, (value, limit))]
                if kind == "maximum" and math.copysign(1, number) > 0:  # which of two zeros, it does not say
                    return [Step(kind, step.out, (value, limit)), Step("add", step.out, (step.out, limit))]
        source = made.get(no)
        if a == X and yes == b and source and source.out == step.out and source.kind == "minimum":
            low, high = constant(b), constant(source.operands[1])
            if source.operands[0] == X and low <= high and (low or math.copysign(1, low) > 0):
                clip = Step("clip", step.out, (X, b, source.operands[1]))
                return [clip] if low else [clip, Step("add", step.out, (step.out, b))]
    elif step.kind == "less":
        a, b, yes, no = step.operands
        source = made.get(no)
        if (
            constant(a) == 0
            and b == yes == X
            and source
            and source.kind == "multiply"
            and X in source.operands
        ):
            slope = constant(min(source.operands))
            if 0 < slope < math.inf:
                return [Step("maximum" if slope <= 1 else "minimum", step.out, (no, X))]
    return [step]


def run(program: Program, x: Array, out: Array, threads: int | None = None) -> None:
    """out = the program (one of `for_numpy`) of x, for dense arrays of one shape and order; out may be x."""
    flat = x.reshape(-1, order="A"), out.reshape(-1, order="A")
    count = x.size
    workers = min(cores() if threads is None else threads, -(-count // BLOCK))
    starts = iter(range(0, count, BLOCK))
    if workers <= 1 or count < SHARED:
        if _alone(program):
            starts = iter([0])
        _some(program, *flat, starts, count)
        return
    pool = _pool()
    others = [pool.submit(_some, program, *flat, starts) for _ in range(1, workers)]
    _some(program, *flat, starts)
    for other in others:
        if not other.cancel():  # one that has not begun finds nothing left to do
            other.result()


def _alone(program: Program) -> Callable[..., Any] | None:
    """The one function of NumPy that the program is, where it is one."""
    (step, *others) = program.steps
    if others or step.operands != (X,) or program.computed != program.dtype:
        return None
    return _UFUNCS.get(step.kind)


def _some(program: Program, x: Array, out: Array, starts: Iterator[int], size: int = BLOCK) -> None:
    """The blocks that this thread gets hold of."""
    function = _alone(program)
    with np.errstate(all="ignore"):  # infinities, NaN and overflow are defined results
        if function is not None:
            for start in starts:
                function(x[start : start + size], out=out[start : start + size])
            return
        work = _Work(program, min(BLOCK, len(x)))
        for start in starts:
            work.block(x[start : start + BLOCK], out[start : start + BLOCK])


class _Work:
    """One thread's memory: the registers, and what a choice needs."""

    def __init__(self, program: Program, length: int) -> None:
        self.program = program
        dtype = program.computed
        self.registers = [np.empty(length, dtype) for _ in range(program.registers)]
        self.constants = [np.full((), value, dtype) for value in program.constants]
        self.widened = np.empty(length, dtype) if dtype != program.dtype else None
        self.whole = np.dtype(_WHOLE[dtype.itemsize])
        self.bits = np.empty((2, length), self.whole)
        self.held = np.empty(length, bool)

    def block(self, x: Array, out: Array) -> None:
        length = len(x)
        if self.widened is not None:
            self.widened[:length] = x
            x = self.widened[:length]
        registers = [register[:length] for register in self.registers]

        def operand(code: int) -> Array:
            return x if code == X else registers[code] if code >= 0 else self.constants[-2 - code]

        *before, last = self.program.steps
        for step in before:
            self.step(step.kind, [operand(code) for code in step.operands], registers[step.out])
        into = out if self.widened is None else registers[last.out]
        self.step(last.kind, [operand(code) for code in last.operands], into)
        if self.widened is not None:
            out[...] = into

    def step(self, kind: str, operands: list[Array], out: Array) -> None:
        if kind in _UFUNCS:
            _UFUNCS[kind](*operands, out=out)
        else:
            a, b, yes, no = operands
            self.choose(kind, a, b, yes, no, out)

    def choose(self, kind: str, a: Array, b: Array, yes: Array, no: Array, out: Array) -> None:
        """out = yes where a < b (or as `kind` has it), else no, to the last bit."""
        length = len(out)
        held, mask, apart = self.held[:length], *self.bits[:, :length]
        _COMPARE[kind](a, b, out=held)
        np.negative(held.view(np.int8), out=mask)  # all bits, or none
        yes, no = yes.view(self.whole), no.view(self.whole)
        np.bitwise_xor(yes, no, out=apart)
        np.bitwise_and(apart, mask, out=apart)
        np.bitwise_xor(no, apart, out=out.view(self.whole))


_POOL: ThreadPoolExecutor | None = None
_LOCK = threading.Lock()


def _pool() -> ThreadPoolExecutor:
    global _POOL
    with _LOCK:
        if _POOL is None:
            _POOL = ThreadPoolExecutor(cores(), thread_name_prefix="leaky")
    return _POOL


def _forget() -> None:
    """A child of fork has none of its parent's threads."""
    global _POOL, _LOCK
    _POOL, _LOCK = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
