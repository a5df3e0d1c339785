"""The rows of PyTorch, against PyTorch."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from frameworks import ask_torch, departures, disagreements, misnamed, misprinted  # noqa: E402

from leaky.catalogue.conventions import Convention  # noqa: E402
from leaky.catalogue.conventions.torch import TORCH  # noqa: E402

VECTOR = 64
"""Elements: enough for the vectorised loop, of which the remarks speak."""


@pytest.mark.parametrize("row", TORCH, ids=lambda row: row.call)
def test_pytorch_answers_as_its_row_says(row: Convention) -> None:
    assert disagreements(row, ask_torch) == []
    assert misprinted(row, ask_torch) == []
    assert departures(row, ask_torch) == []


@pytest.mark.parametrize("row", TORCH, ids=lambda row: row.call)
def test_pytorch_has_the_arguments_and_defaults_of_its_row(row: Convention) -> None:
    assert misnamed(row) == []


@pytest.mark.parametrize("row", TORCH, ids=lambda row: row.call)
def test_the_length_of_an_array_matters_where_the_remark_says_so(row: Convention) -> None:
    """In a vector the gradient at NaN is another for seven functions, and gelu(inf) is NaN (pytorch#195075)."""
    taken = {argument.parameter for argument in row.arguments}
    asked = {name: value for name, value in row.question.parameters if name in taken}
    points = (math.nan, math.inf, -math.inf, *row.question.kinks)
    one = [ask_torch(row, row.call, x, asked) for x in points]
    many = [ask_torch(row, row.call, x, asked, VECTOR) for x in points]
    differ = {x for x, a, b in zip(map(str, points), map(str, one), map(str, many), strict=True) if a != b}
    stated = row.remark.startswith("in arrays of a vector")
    assert differ == ({"inf" if "f(inf)" in row.remark else "nan"} if stated else set())
    if "f'(NaN) is 0" in row.remark:
        assert many[0][1] == 0
    elif stated:
        assert math.isnan(many[1][0] if "f(inf)" in row.remark else many[0][1])
