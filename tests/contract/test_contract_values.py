"""Every entry on every library in every dtype: value and derivative against the truth, without a warning."""

from __future__ import annotations

import math

import numpy as np
import pytest
from contract_libraries import PAIRS, Library
from contract_numbers import FORMATS, distance, numbers, precision, truths
from contract_table import EXACT, ROWS, row

import leaky

ROUNDED_ONCE = 0.51
"""Half precision is computed in float32 and rounded once: a hair above the half unit of any rounding."""

pytestmark = pytest.mark.filterwarnings("error")


def test_every_entry_has_a_row() -> None:
    missing = sorted({name for name, entry in leaky.catalogue.items() if entry.elementwise} - set(ROWS))
    assert not missing, f"add a row to tests/contract/contract_table.py for: {', '.join(missing)}"
    assert not set(ROWS) - set(leaky.catalogue), "rows without an entry in the catalogue"


def test_every_row_names_the_parameters_of_its_entry() -> None:
    for name, known in ROWS.items():
        parameters = {parameter.name: parameter.default for parameter in leaky.catalogue[name].parameters}
        assert all(set(setting) == set(parameters) for setting in known.settings), name
        assert parameters in known.settings, f"{name}: the row does not test the defaults {parameters}"


@pytest.mark.parametrize("what", ["value", "slope"])
@pytest.mark.parametrize(("library", "dtype"), PAIRS, indirect=["library"])
@pytest.mark.parametrize("name", list(ROWS))
def test_numbers_are_those_of_the_table(name: str, library: Library, dtype: str, what: str) -> None:
    entry, truth, form = leaky.catalogue[name], row(name), FORMATS[dtype]
    compute = precision(dtype, entry.piecewise_linear)
    allowed = (truth.ulps if what == "value" else truth.slope_ulps) if compute == dtype else ROUNDED_ONCE
    floor = (truth.floor if what == "value" else truth.slope_floor) * 2.0 ** (1 - FORMATS[compute].digits)
    flushes = dtype in library.flushes
    x = numbers(dtype, subnormals=not flushes)
    function = getattr(leaky, name) if what == "value" else entry.derivative
    for setting in truth.settings:
        got = library.read(function(library.array(x, dtype), **setting))
        wanted = truths(truth, what, setting, x, compute)
        for at, number, interval in zip(x, got.tolist(), wanted, strict=True):
            off = distance(number, interval, form, flushes)
            near = abs(number - float(interval[0])) <= floor if off > allowed else True
            assert off <= allowed or near, (
                f"{name}({at!r}, {setting}) {what} on {library.module} {dtype}: "
                f"{number!r} is {off:.2f} ulp from {float(interval[0])!r}, allowed {allowed}"
            )


@pytest.mark.parametrize(("library", "dtype"), PAIRS, indirect=["library"])
def test_the_sign_of_zero(library: Library, dtype: str) -> None:
    x = numbers(dtype, subnormals=dtype not in library.flushes)
    assert x[:2] == (0.0, -0.0)
    zeros, known = library.array(x, dtype), ~np.isnan(x)
    for name, setting in (
        ("relu", {}),
        ("leaky_relu", {"negative_slope": 0.0}),
        ("prelu", {"negative_slope": 0.0}),
    ):
        assert not np.signbit(library.read(getattr(leaky, name)(zeros, **setting)))[known].any(), name
    for name in ("leaky_relu", "prelu", "elu", "selu", "tanh"):
        assert np.signbit(library.read(getattr(leaky, name)(zeros))).tolist()[:2] == [False, True], name


def test_distance_counts_in_ulps() -> None:
    # The measure itself: a contract that could not fail would be worth nothing.
    single = FORMATS["float32"]
    [third] = truths(ROWS["leaky_relu"], "value", {"negative_slope": 1.0}, [1.0], "float32")
    assert distance(1.0, third, single) == 0
    assert distance(1.0 + 2.0**-23, third, single) == 1
    assert distance(math.nan, third, single) == distance(math.inf, third, single) == math.inf
    assert distance(0.0, truths(ROWS["relu"], "value", {}, [math.nan], "float32")[0], single) == math.inf
    assert (
        distance(single.largest, truths(ROWS["relu"], "value", {}, [math.inf], "float32")[0], single)
        == math.inf
    )
    assert EXACT < ROUNDED_ONCE < 1
