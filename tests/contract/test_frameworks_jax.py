"""The rows of JAX and of Flax, against both."""

from __future__ import annotations

import pytest

pytest.importorskip("jax")

from frameworks import ask_jax, departures, disagreements, misnamed, misprinted, resolve

from leaky.catalogue.conventions import Convention
from leaky.catalogue.conventions.jax import FLAX, JAX

PRELU = [row for row in FLAX if row.entry == "prelu"]


@pytest.mark.parametrize("row", JAX, ids=lambda row: row.call)
def test_jax_answers_as_its_row_says(row: Convention) -> None:
    assert disagreements(row, ask_jax) == []
    assert misprinted(row, ask_jax) == []
    assert departures(row, ask_jax) == []
    assert misnamed(row) == []


@pytest.mark.parametrize("row", PRELU, ids=lambda row: row.call)
def test_flaxs_prelu_answers_as_its_row_says(row: Convention) -> None:
    pytest.importorskip("flax")
    assert disagreements(row, ask_jax) == []
    assert misprinted(row, ask_jax) == []
    assert departures(row, ask_jax) == []


def test_flaxs_prelus_start_at_the_slope_of_the_row() -> None:
    pytest.importorskip("flax")
    import flax.linen
    import flax.nnx

    assert flax.linen.PReLU().negative_slope_init == 0.01
    assert float(flax.nnx.PReLU().negative_slope[...]) == pytest.approx(0.01)


@pytest.mark.parametrize("row", [row for row in FLAX if row not in PRELU], ids=lambda row: row.call)
def test_flax_hands_on_jaxs_own_function(row: Convention) -> None:
    pytest.importorskip("flax")
    jaxs = next(other for other in JAX if other.entry == row.entry)
    assert {id(resolve(name)) for name in row.names} == {id(resolve(jaxs.call))}
    assert (row.answers, row.arguments) == (jaxs.answers, jaxs.arguments)


def test_subnormal_inputs_count_as_zero_in_jaxs_comparison() -> None:
    """Of the smallest negative float32, -1.4e-45, JAX's leaky_relu is x itself, and its slope 1."""
    row = next(row for row in JAX if row.entry == "leaky_relu")
    value, slope = ask_jax(row, row.call, -1.4012984643e-45, {"negative_slope": 0.1})
    assert (value, slope) == (-1.4012984643248170e-45, 1.0)
