"""ONNX's own node tests of the operators that entries are, on leaky's functions: its inputs, its outputs."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

import leaky  # noqa: E402

FILES = ["relu", "leakyrelu", "prelu", "elu", "selu", "celu", "thresholdedrelu", "hardsigmoid", "hardswish"]
FILES += ["softplus", "softsign", "sigmoid", "tanh", "gelu", "mish", "clip", "shrink", "swish"]


def _collected() -> dict[str, Any]:
    from onnx.backend.test.case import node

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in FILES:
            importlib.import_module(f"onnx.backend.test.case.node.{name}")
        return {case.name: case for case in node.collect_testcases(None)}


def _attributes(node: Any) -> dict[str, Any]:
    """All attributes, the schema's defaults filled in."""
    schema = onnx.defs.get_schema(node.op_type)
    defaults = {name: a.default_value for name, a in schema.attributes.items() if a.default_value.name}
    given = {**defaults, **{attribute.name: attribute for attribute in node.attribute}}
    values = {name: onnx.helper.get_attribute_value(value) for name, value in given.items()}
    return {name: v.decode() if isinstance(v, bytes) else v for name, v in values.items()}


def _ours(node: Any, inputs: list[Any]) -> Any:
    """The node by leaky's functions; None where the operator does more than an entry."""
    x, *more = inputs
    if node.op_type == "PRelu":
        return leaky.prelu(x, more[0])
    if node.op_type == "Clip":
        bounds = dict(zip([name for name in node.input[1:] if name], more, strict=True))
        if len(bounds) < 2 or x.dtype.kind != "f" or bounds["min"] >= bounds["max"]:
            return None
        return leaky.hardtanh(x, float(bounds["min"]), float(bounds["max"]))
    attributes = _attributes(node)
    if node.op_type == "Selu":  # with constants that are not SELU's it is a scaled ELU
        return attributes["gamma"] * leaky.elu(x, attributes["alpha"])
    if node.op_type == "Shrink" and attributes["bias"] != 0:
        return None
    entry = next(
        entry for entry in leaky.catalogue.values() if entry.onnx and _operator(entry.onnx) == node.op_type
    )
    names = {theirs: ours for theirs, ours in entry.onnx.attributes if isinstance(ours, str)}
    values = {ours: attributes[theirs] for theirs, ours in names.items()}
    return getattr(leaky, entry.name)(x, **values)


def _readable(array: Any) -> Any:
    """The array; a bfloat16 one, which is no NumPy dtype, as torch has it."""
    if array.dtype.name != "bfloat16":
        return array
    torch = pytest.importorskip("torch")
    return torch.from_numpy(array.astype(np.float32)).bfloat16()


def _operator(record: Any) -> str:
    return record.operator or record.composed.split()[0]  # "Softplus at beta 1; ..."


CASES = {
    name: case
    for name, case in _collected().items()
    if len(case.model.graph.node) == 1
    and case.model.graph.node[0].op_type.lower() in FILES
    and not name.endswith("_expanded")
}


@pytest.mark.parametrize("name", CASES)
def test_onnxs_node_test_passes_on_our_function(name: str) -> None:
    case = CASES[name]
    node = case.model.graph.node[0]
    for inputs, outputs in case.data_sets:
        found = _ours(node, [_readable(array) for array in inputs])
        if found is None:
            pytest.skip(
                f"{node.op_type} here is no entry of the catalogue: one bound, a bias, or whole numbers"
            )
        (wanted,) = outputs
        if wanted.dtype.name == "bfloat16":
            found, wanted = found.float().numpy(), wanted.astype(np.float32)
        elif wanted.dtype.kind != "f":
            wanted = wanted.astype(found.dtype)
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=case.rtol, atol=case.atol)


def test_every_operator_has_cases() -> None:
    found = {case.model.graph.node[0].op_type.lower() for case in CASES.values()}
    assert found == set(FILES)
