"""The rows of ONNX, against the operators' schemas and ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from frameworks import ask_onnxruntime, departures, disagreements, misprinted  # noqa: E402

from leaky.catalogue import lookup  # noqa: E402
from leaky.catalogue.conventions import Convention  # noqa: E402
from leaky.catalogue.conventions.onnx import ONNX  # noqa: E402
from leaky.catalogue.conventions.record import REQUIRED  # noqa: E402


@pytest.mark.parametrize("row", ONNX, ids=lambda row: row.call)
def test_onnx_runtime_answers_as_its_row_says(row: Convention) -> None:
    assert disagreements(row, ask_onnxruntime) == []
    assert misprinted(row, ask_onnxruntime) == []
    assert departures(row, ask_onnxruntime) == []


@pytest.mark.parametrize("row", ONNX, ids=lambda row: row.call)
def test_the_operator_has_the_arguments_and_defaults_of_its_row(row: Convention) -> None:
    schema = onnx.defs.get_schema(row.call)
    for argument in row.arguments:
        if argument.name not in schema.attributes:
            assert argument.name in {given.name for given in schema.inputs}
            assert argument.default is REQUIRED
            continue
        default = onnx.helper.get_attribute_value(schema.attributes[argument.name].default_value)
        stated = argument.default
        assert (default.decode() if isinstance(default, bytes) else default) == (
            stated if isinstance(stated, str) else float(np.float32(stated))
        )


@pytest.mark.parametrize("row", ONNX, ids=lambda row: row.call)
def test_the_entry_names_the_same_operator(row: Convention) -> None:
    """An entry says how it is exported, a row what the operator is called with: one and the same."""
    stated = lookup(row.entry).onnx
    assert stated is not None
    if stated.operator == row.call:
        ours = {name: value for name, value in stated.attributes if isinstance(value, str)}
        taken = {argument.name: argument.parameter for argument in row.arguments if argument.parameter}
        assert ours == taken
    else:
        assert row.call in stated.composed
