"""The catalogue on NumPy arrays, beside what else computes the same function here.

    python benchmarks/bench_arrays.py [--rounds 21] [--entry elu --entry relu6]

`leaky.NAME(x, out=y)` with the native kernels, and by NumPy alone in blocks (as an install without a compiler has
it), against the idiom in NumPy, torch and ONNX Runtime into reused memory, Numba (parallel, reused memory) and
JAX's jit, which allocates what it returns. Every candidate is held against float64 first. Ratios are to `copy_`
of the same bytes; the goals are in the last column: lines are held against every peer, curves against NumPy, torch
and JAX. Peers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

import leaky
import measure
from leaky.kernels import blocked, native
from leaky.kernels.program import program_of
from measure import Row, Timing, WrongResultError, quoted

SIZES = (2**14, 2**18, 2**24)
COPY_GOAL, WHERE_GOAL, OVERHEAD_GOAL = 0.8, 15.0, 3.0
EQUAL = 0.02  # the same call measured twice differs by as much
SLOPE, LIMIT = 0.01, "copy_"
Array = np.ndarray[Any, Any]
Call = Callable[[], object]
aten = torch.ops.aten

# The usual line of NumPy, and torch's operator with `out`.
NUMPY: dict[str, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, np.float32(SLOPE) * x),
    "relu6": lambda x: np.clip(x, 0, 6),
    "hardtanh": lambda x: np.clip(x, -1, 1),
    "hardshrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "thresholded_relu": lambda x: np.where(x > 1, x, 0),
    "squared_relu": lambda x: np.square(np.maximum(x, 0)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "softplus": lambda x: np.logaddexp(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "silu": lambda x: x / (1 + np.exp(-x)),
}
TORCH: dict[str, Callable[..., object]] = {
    "relu": lambda x, y: torch.clamp_min(x, 0, out=y),
    "leaky_relu": lambda x, y: aten.leaky_relu.out(x, SLOPE, out=y),
    "relu6": lambda x, y: aten.hardtanh.out(x, 0, 6, out=y),
    "hardtanh": lambda x, y: aten.hardtanh.out(x, -1, 1, out=y),
    "hardsigmoid": lambda x, y: aten.hardsigmoid.out(x, out=y),
    "hardswish": lambda x, y: aten.hardswish.out(x, out=y),
    "hardshrink": lambda x, y: aten.hardshrink.out(x, 0.5, out=y),
    "thresholded_relu": lambda x, y: aten.threshold.out(x, 1, 0, out=y),
    "elu": lambda x, y: aten.elu.out(x, out=y),
    "selu": lambda x, y: aten.elu.out(x, 1.6732632423543772, 1.0507009873554805, 1, out=y),
    "softplus": lambda x, y: aten.softplus.out(x, out=y),
    "sigmoid": lambda x, y: torch.sigmoid(x, out=y),
    "tanh": lambda x, y: torch.tanh(x, out=y),
    "gelu": lambda x, y: aten.gelu.out(x, out=y),
    "silu": lambda x, y: aten.silu.out(x, out=y),
    "mish": lambda x, y: aten.mish.out(x, out=y),
}
STRAIGHT = (
    "relu",
    "leaky_relu",
    "relu6",
    "hardtanh",
    "hardshrink",
    "thresholded_relu",
    "squared_relu",
    "s_shaped_relu",
)
CURVED = ("hardsigmoid", "hardswish", "elu", "selu", "softplus", "sigmoid", "tanh", "gelu", "silu", "mish")
ALL_PEERS = ("numpy", "torch", "jax", "numba", "onnxruntime")


def jax_call(name: str, x: Array) -> Call | None:
    """JAX's own function, jitted."""
    if importlib.util.find_spec("jax") is None:
        return None
    import jax

    known = {
        "tanh": jax.numpy.tanh,
        "hardsigmoid": jax.nn.hard_sigmoid,
        "hardswish": jax.nn.hard_swish,
        "hardtanh": jax.nn.hard_tanh,
        "gelu": partial(jax.nn.gelu, approximate=False),
        "squared_relu": lambda v: jax.numpy.square(jax.nn.relu(v)),
        "leaky_relu": partial(jax.nn.leaky_relu, negative_slope=SLOPE),
    }
    function = known.get(name) or getattr(jax.nn, name, None)
    if function is None:
        return None
    jitted, given = jax.jit(function), jax.numpy.asarray(x)
    return lambda: jitted(given).block_until_ready()


def numba_call(name: str, x: Array, y: Array) -> Call | None:
    """A parallel loop over the scalar formula."""
    if importlib.util.find_spec("numba") is None:
        return None
    import math

    import numba

    slope, zero, one, six = np.float32(SLOPE), np.float32(0), np.float32(1), np.float32(6)
    scalars: dict[str, Callable[[Any], Any]] = {
        "relu": lambda v: v if v > zero else zero,
        "leaky_relu": lambda v: v if v > zero else slope * v,
        "relu6": lambda v: zero if v <= zero else six if v >= six else v,
        "hardtanh": lambda v: -one if v <= -one else one if v >= one else v,
        "squared_relu": lambda v: v * v if v > zero else zero,
        "elu": lambda v: v if v > zero else math.expm1(v),
        "sigmoid": lambda v: one / (one + math.exp(-v)),
        "silu": lambda v: v / (one + math.exp(-v)),
        "tanh": lambda v: math.tanh(v),
    }
    if name not in scalars:
        return None
    scalar = numba.njit(scalars[name])

    @numba.njit(parallel=True)
    def loop(source: Array, target: Array) -> None:
        for i in numba.prange(source.size):
            target[i] = scalar(source[i])

    return lambda: loop(x, y)


def onnx_call(name: str, x: Array, y: Array) -> Call | None:
    """The operator that the entry names, on buffers bound once."""
    said = leaky.catalogue[name].onnx
    if said is None or not said.operator or importlib.util.find_spec("onnxruntime") is None:
        return None
    import onnx
    import onnxruntime

    values = leaky.catalogue[name].bind()
    numbers = {key: values[value] if isinstance(value, str) else value for key, value in said.attributes}
    if said.operator == "Clip":
        constants = [onnx.numpy_helper.from_array(np.float32(numbers[key]), key) for key in ("min", "max")]
        node = onnx.helper.make_node("Clip", ["x", "min", "max"], ["y"])
    else:
        constants, node = [], onnx.helper.make_node(said.operator, ["x"], ["y"], **numbers)
    info = [onnx.helper.make_tensor_value_info(one, onnx.TensorProto.FLOAT, [x.size]) for one in "xy"]
    graph = onnx.helper.make_graph([node], name, info[:1], info[1:], constants)
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", max(said.since, 13))], ir_version=10
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry(
        "session.intra_op.allow_spinning", "0"
    )  # idle, it would take the others' cores
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        return None
    binding = session.io_binding()
    for bind, key, array in ((binding.bind_input, "x", x), (binding.bind_output, "y", y)):
        bind(key, "cpu", 0, np.float32, array.shape, array.ctypes.data)
    return lambda: session.run_with_iobinding(binding)


def candidates_of(name: str, x: Array) -> dict[str, tuple[Call, Callable[[], Array]]]:
    """Each candidate's call, and how to read its result."""
    entry, found = leaky.catalogue[name], {}

    def add(label: str, make: Callable[[Array], Call | None], returns: bool = False) -> None:
        y = np.full(1 if returns else x.size, np.nan, np.float32)
        call = make(y)
        if call is not None:
            found[label] = (call, (lambda: np.asarray(call())) if returns else lambda: y)

    if native.available():
        add("leaky", lambda y: lambda: getattr(leaky, name)(x, out=y))
    program = program_of(entry, x.dtype, tuple(entry.bind().values()))
    if program is not None:
        in_blocks = blocked.for_numpy(program)
        add("leaky without native", lambda y: lambda: blocked.run(in_blocks, x, y))
    if name in NUMPY:
        add("numpy", lambda y: lambda: NUMPY[name](x), returns=True)
    if name in TORCH:
        given = torch.from_numpy(x)
        add("torch", lambda y: partial(TORCH[name], given, torch.from_numpy(y)))
    add("jax", lambda y: jax_call(name, x), returns=True)
    add("numba", lambda y: numba_call(name, x, y))
    add("onnxruntime", lambda y: onnx_call(name, x, y))
    return found


def entry_rows(name: str, size: int, rounds: int) -> list[Row]:
    """All candidates for one entry at one size."""
    x = np.random.default_rng(0).normal(size=size).astype(np.float32)
    entry = leaky.catalogue[name]
    rounded = {
        key: float(np.float32(value)) if isinstance(value, float) else value
        for key, value in entry.bind().items()
    }
    truth = entry.value(x.astype(np.float64), **rounded)
    source, target = torch.from_numpy(x), torch.empty(size)
    found = candidates_of(name, x)

    def check() -> None:
        for label, (call, read) in found.items():
            call()
            # single precision, and what a peer's own formula loses near 0
            if not np.allclose(read(), truth, rtol=1e-5, atol=2e-6):
                raise WrongResultError(f"{name} by {label}: off by {np.max(np.abs(read() - truth)):.1e}")

    calls: dict[str, Call] = {LIMIT: lambda: target.copy_(source)}
    if name == "relu":
        out = np.empty_like(x)
        calls["np.maximum(x, 0, out=y)"] = lambda: np.maximum(x, np.float32(0), out=out)
    calls.update({label: call for label, (call, _) in found.items()})
    timings = measure.interleaved(calls, check=check, rounds=rounds, warmup=3)
    rows = measure.timing_rows(
        timings, LIMIT, entry=name, elements=size, level=native.level() if native.available() else None
    )
    peers = [
        label for label in found if label in (ALL_PEERS if name in STRAIGHT else ("numpy", "torch", "jax"))
    ]
    best = min(peers, key=lambda label: timings[label].spread.median, default=LIMIT)
    for row in rows:
        _judge(row, timings, best)
    return rows


def _judge(row: Row, timings: dict[str, Timing], best: str) -> None:
    """The goal of this row, and whether it is reached."""
    name, size, label = str(row["entry"]), int(row["elements"] or 0), str(row["candidate"])
    row["best_peer"], goals = best, []
    if label.startswith("leaky"):
        against = timings[label].over(timings[best])
        row["over_best_peer"] = against.median
        if label == "leaky" and best != LIMIT:  # which is no peer, and stands in where there is none
            goals.append((f"no slower than the best peer ({EQUAL:.0%})", against.median <= 1 + EQUAL))
        if label == "leaky" and name in STRAIGHT and size == SIZES[-1]:
            goals.append((f"{COPY_GOAL} of copy_", 1 / float(row["ratio"] or 1) >= COPY_GOAL))
        if name == "leaky_relu" and size == SIZES[-1]:
            faster = timings["numpy"].over(timings[label]).median
            goals.append((f"{WHERE_GOAL:.0f} x np.where: {faster:.0f}", faster >= WHERE_GOAL))
        if name == "relu" and size == SIZES[0] and label == "leaky":
            over = timings[label].spread.median - timings["np.maximum(x, 0, out=y)"].spread.median
            goals.append(
                (f"{OVERHEAD_GOAL:.0f} us over a ufunc: {1e6 * over:.1f}", 1e6 * over <= OVERHEAD_GOAL)
            )
    row["goal"] = "; ".join(f"{text} {'reached' if reached else 'missed'}" for text, reached in goals) or None


def main() -> None:
    """Measure, print, keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=21, help="calls timed of each candidate")
    parser.add_argument("--entry", action="append", choices=STRAIGHT + CURVED, help="only these")
    options = parser.parse_args()
    measure.raise_mmap_threshold()  # what numpy and jax allocate anew costs no page faults
    measure.print_machine()
    rows = [
        row
        for size in SIZES
        for name in options.entry or STRAIGHT + CURVED
        for row in entry_rows(name, size, options.rounds if size >= 2**20 else 5 * options.rounds)
    ]
    _print(rows)
    if options.entry is None:
        measure.keep("bench_arrays", rows)


def _print(rows: list[Row]) -> None:
    lines = [
        [
            f"{row['entry']} {row['elements']:,}",
            str(row["candidate"]),
            quoted(row, "ms", "{:.4f}"),
            quoted(row, "ratio", "{:.2f}"),
            f"{row['over_best_peer']:.2f} ({row['best_peer']})" if row.get("over_best_peer") else "-",
            str(row["goal"] or "-"),
        ]
        for row in rows
    ]
    columns = ("work", "candidate", "ms", "over copy_", "over the best peer", "goal")
    measure.print_table("Arrays, float32: median [20 %, 80 %]", lines, columns)


if __name__ == "__main__":
    main()
