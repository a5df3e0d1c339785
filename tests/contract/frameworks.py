"""Asks the real frameworks: the callable that a convention names, at the arguments it names, f and f' at one x."""

from __future__ import annotations

import importlib
import inspect
import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from leaky.catalogue import lookup
from leaky.catalogue.conventions import Convention
from leaky.catalogue.conventions.record import REQUIRED, is_layer

Ask = Callable[[Convention, str, float, dict[str, Any]], tuple[float, float]]
"""(row, name, x, parameters of the entry) -> (f(x), f'(x)) in float32, of one element."""


def resolve(name: str) -> Any:
    """The object of a dotted name, such as `torch.nn.LeakyReLU`."""
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part)
        return found
    raise LookupError(name)


def keywords(row: Convention, parameters: dict[str, Any]) -> dict[str, Any]:
    """The arguments of the call with which the framework's callable has the entry's `parameters`."""
    given: dict[str, Any] = {}
    for argument in row.arguments:
        if argument.parameter in parameters:
            value = parameters[argument.parameter]
            given[argument.name] = next((theirs for ours, theirs in argument.values if ours == value), value)
        elif argument.parameter is None and argument.must != argument.default:
            given[argument.name] = argument.must
    return given


def ask_torch(
    row: Convention, name: str, x: float, parameters: dict[str, Any], size: int = 1
) -> tuple[float, float]:
    import torch

    leaf = torch.full((size,), x, requires_grad=True)
    given = keywords(row, parameters)
    found = resolve(name)
    y = found(**given).eval()(leaf) if is_layer(name) else found(leaf, **given)
    y.backward(torch.ones(size))
    assert leaf.grad is not None
    return float(y[0].detach()), float(leaf.grad[0])


def ask_jax(row: Convention, name: str, x: float, parameters: dict[str, Any]) -> tuple[float, float]:
    import jax
    import jax.numpy as jnp

    given = keywords(row, parameters)
    found = resolve(name)

    def call(leaf: Any) -> Any:
        if not is_layer(name):
            return found(leaf, **given)
        if name.startswith("flax.linen"):
            return found(**given).init_with_output(jax.random.key(0), leaf)[0]
        return found(**given)(leaf)

    y, pull = jax.vjp(call, jnp.full((1,), x, dtype=jnp.float32))
    return float(y[0]), float(pull(jnp.ones_like(y))[0][0])


def ask_keras(row: Convention, name: str, x: float, parameters: dict[str, Any]) -> tuple[float, float]:
    """On the backend that Keras was imported with; NumPy's has no gradients."""
    import keras

    given = keywords(row, parameters)
    if isinstance(given.get("alpha_initializer"), float):
        given["alpha_initializer"] = keras.initializers.Constant(given["alpha_initializer"])
    found = resolve(name)
    array = np.full((1, 1), x, dtype=np.float32)
    if is_layer(name):
        call = found(**given)
        call.build((1, 1))
    else:

        def call(leaf: Any) -> Any:
            return found(leaf, **given)

    if keras.backend.backend() == "torch":
        import torch

        leaf = torch.from_numpy(array).requires_grad_()
        y = call(leaf)
        y.backward(torch.ones_like(y))
        assert leaf.grad is not None
        return float(y.detach().reshape(())), float(leaf.grad.reshape(()))
    if keras.backend.backend() == "numpy":
        with np.errstate(invalid="ignore"):
            return float(np.asarray(call(array))[0, 0]), math.nan
    import jax
    import jax.numpy as jnp

    value, pull = jax.vjp(call, jnp.asarray(array))
    return float(value[0, 0]), float(pull(jnp.ones_like(value))[0][0, 0])


@cache
def _session(operator: str, opset: int, given: tuple[tuple[str, Any], ...]) -> Any:
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    schema = onnx.defs.get_schema(operator)
    attributes = {key: value for key, value in given if key in schema.attributes}
    inputs = {key: value for key, value in given if key not in schema.attributes}
    known = [item.name for item in schema.inputs]
    assert set(inputs) <= set(known), f"{operator} has no {inputs}"
    held = [helper.make_tensor(key, TensorProto.FLOAT, (), [value]) for key, value in inputs.items()]
    node = helper.make_node(operator, ["x", *(k for k in known[1:] if k in inputs)], ["y"], **attributes)
    ends = [helper.make_tensor_value_info(end, TensorProto.FLOAT, (1,)) for end in ("x", "y")]
    graph = helper.make_graph([node], "one", ends[:1], ends[1:], initializer=held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def ask_onnxruntime(row: Convention, name: str, x: float, parameters: dict[str, Any]) -> tuple[float, float]:
    """f(x), and NaN for f'(x): ONNX Runtime infers."""
    opset = max(18, int(row.version.rpartition(" ")[2]))
    session = _session(name.rpartition(".")[2], opset, tuple(keywords(row, parameters).items()))
    return float(session.run(None, {"x": np.full(1, x, dtype=np.float32)})[0][0]), math.nan


FURTHER: dict[str, tuple[dict[str, Any], ...]] = {
    "leaky_relu": ({"negative_slope": 0.25}, {"negative_slope": 0.0}),
    "prelu": ({"negative_slope": 0.25}, {"negative_slope": 0.0}),
    "rrelu": ({"lower": 0.25, "upper": 0.5},),
    "elu": ({"alpha": 0.5}, {"alpha": 1.0}),
    "celu": ({"alpha": 0.5}, {"alpha": 1.0}),
    "clipped_relu": ({"ceiling": 3.0}, {"ceiling": 6.0}),
    "thresholded_relu": ({"threshold": 2.0}, {"threshold": 0.0}),
    "hardshrink": ({"lambd": 0.25},),
    "hardtanh": ({"min_val": -2.0, "max_val": 3.0}, {"min_val": 0.0, "max_val": 6.0}),
    "hardsigmoid": ({"slope": 1 / 6},),
    "softplus": ({"beta": 2.0},),
    "gelu": ({"approximate": "tanh"},),
    "silu": ({"beta": 2.0},),
}
"""By entry, parameters besides those that rows were asked at and the frameworks' defaults."""


def settings_of(row: Convention) -> list[dict[str, Any]]:
    """The parameters to call with: those asked at, the defaults, and `FURTHER`, of what the callable takes."""
    taken = {argument.parameter for argument in row.arguments}
    missing = {a.parameter for a in row.arguments if a.parameter and a.default in (REQUIRED, None)}
    known: list[dict[str, Any]] = [dict(row.question.parameters), *FURTHER.get(row.entry, ())]
    given = [{name: value for name, value in one.items() if name in taken} for one in known]
    return [one for one in ([] if missing else [{}]) + given if missing <= set(one)]


def disagreements(row: Convention, ask: Ask) -> list[str]:
    """Every answer of the row that the framework, asked now at each of `settings_of`, gives otherwise."""
    assert {**dict(row.answers.at), **dict(row.question.parameters), **dict(row.fixed)} == dict(
        row.answers.at
    )
    return [line for one in settings_of(row) for line in _disagreements(row, ask, one)]


def _disagreements(row: Convention, ask: Ask, given: dict[str, Any]) -> list[str]:
    stated = row.answers_at(**given)
    entry = lookup(row.entry)
    kinks = entry.kinks_at(*dict(stated.at).values()) or row.question.kinks
    if not row.question.kinks:  # softplus' own is not asked about
        kinks = ()
    wrong = []

    def hold(what: str, found: float, stated: float | None) -> None:
        if stated is not None and not np.isclose(found, stated, rtol=2e-5, atol=0, equal_nan=True):
            wrong.append(f"{name} at {given}: {what} is {found}, the row says {stated}")

    for name in row.names:
        for x, slope in zip(kinks, stated.gradients, strict=False):
            hold(f"f'({x})", ask(row, name, x, given)[1], slope)
        value, slope = ask(row, name, math.nan, given)
        hold("f(nan)", value, stated.nan)
        hold("f'(nan)", slope, stated.nan_gradient)
        hold("f(-inf)", ask(row, name, -math.inf, given)[0], stated.minus_infinity)
        for (x, other), value in zip(row.question.points, stated.values, strict=False):
            hold(f"f({x}) at {other}", ask(row, name, x, {**given, **dict(other)})[0], value)
    return wrong


_PRINTED = re.compile(r"(\S+)( at (.*?))?( \((left|right|middle|smooth|neither side)\))?")


def misprinted(row: Convention, ask: Ask) -> list[str]:
    """Every cell of the row's table that the framework answers otherwise, by a bare call or where the cell says."""
    cells = row.row()
    wrong = []
    for cell, x, place in (
        ("f'(0)", 0.0, 1),
        ("f(NaN)", math.nan, 0),
        ("f'(NaN)", math.nan, 1),
        ("f(-inf)", -math.inf, 0),
    ):
        if not cells[cell]:
            continue
        match = _PRINTED.fullmatch(cells[cell])
        assert match is not None, cells[cell]
        stated, where = float(match[1]), match[3]
        given = (
            {key: float(value) for key, _, value in (one.partition(" ") for one in where.split(", "))}
            if where
            else {}
        )
        missing = {a.parameter for a in row.arguments if a.parameter and a.default in (REQUIRED, None)}
        if missing and not where:  # printed alone because it is so everywhere
            given = {name: value for name, value in row.question.parameters if name in missing}
        found = ask(row, row.call, x, given)[place]
        if not np.isclose(found, stated, rtol=1e-4, atol=0, equal_nan=True):
            wrong.append(f"{row.call}: {cell} is {found}, printed is {cells[cell]}")
    return wrong


GRID = (-7.0, -2.75, -1.25, -0.25, 0.0, 0.375, 1.5, 2.75, 7.0)
"""Away from kinks and jumps but for 0, and exact in float32."""


def departures(row: Convention, ask: Ask) -> list[str]:
    """Where the framework's callable is not the entry's function, at its defaults and at the parameters asked at."""
    taken = {argument.parameter for argument in row.arguments}
    asked = {name: value for name, value in row.question.parameters if name in taken}
    required = {
        a.parameter for a in row.arguments if a.parameter and (a.default is REQUIRED or a.default is None)
    }
    settings = [asked] if required else [asked, {}]
    entry = lookup(row.entry)
    wrong = []
    for name in row.names:
        for setting in settings:
            truth = entry.value(GRID, **{**row.defaults, **setting})
            found = [ask(row, name, x, setting)[0] for x in GRID]
            if not np.allclose(found, truth, rtol=2e-5, atol=1e-6):
                wrong.append(f"{name} at {setting}: {found}, the entry says {truth.tolist()}")
    return wrong


def misnamed(row: Convention) -> list[str]:
    """Arguments that the callable has not, or has with other defaults."""
    wrong = []
    for name in row.names:
        try:
            known = inspect.signature(resolve(name)).parameters
        except (
            ValueError
        ):  # built in: its calls elsewhere prove the names, and those without arguments the defaults
            continue
        for argument in row.arguments:
            if argument.name not in known:
                wrong.append(f"{name} has no {argument.name}")
                continue
            default = known[argument.name].default
            stated = inspect.Parameter.empty if argument.default is REQUIRED else argument.default
            if default != stated:
                wrong.append(f"{name}: {argument.name} is {default} by default, the row says {stated}")
    return wrong
