"""Specs: text in, entry and parameters out; canonical text back; nothing is ever evaluated."""

from __future__ import annotations

import math
import pickle
import re
from pathlib import Path

import pytest

import leaky
from leaky.catalogue import Spec
from leaky.errors import ArgumentError, UnknownNameError


@pytest.mark.parametrize("name", list(leaky.catalogue))
def test_canonical_text_comes_back(name: str) -> None:
    spec = leaky.parse(name)
    assert spec.activation is leaky.catalogue[name]
    assert spec.parameters == spec.activation.bind()
    assert leaky.parse(str(spec)) == spec
    assert leaky.parse(f"{name}()") == spec
    assert leaky.parse(spec) is spec
    assert hash(leaky.parse(str(spec))) == hash(spec)
    assert pickle.loads(pickle.dumps(spec)) == spec


@pytest.mark.parametrize("value", [0.0, -0.5, 1 / 3, 1e-300, 1.7976931348623157e308, 0.1 + 0.2, 5e-324])
def test_every_number_survives_its_text(value: float) -> None:
    spec = Spec(leaky.catalogue["leaky_relu"], (value,))
    assert leaky.parse(str(spec)).values == (value,)


@pytest.mark.parametrize(
    ("text", "slope"),
    [
        ("leaky_relu", 0.01),
        ("leaky_relu(0.2)", 0.2),
        ("leaky_relu(negative_slope=0.2)", 0.2),
        ("leaky_relu(1/3)", 1 / 3),
        ("leaky_relu(negative_slope=1/5.5)", 1 / 5.5),
        ("leaky_relu(-(1/4))", -0.25),
        ("leaky_relu(+-+1)", -1.0),
        ("leaky_relu(1e-3)", 0.001),
        ("leaky_relu(1/inf)", 0.0),
        ("  leaky_relu ( negative_slope\n =\t0.2 ) \n", 0.2),
        ("leaky_relu(((((0.2)))),)", 0.2),
    ],
)
def test_ways_to_write_a_slope(text: str, slope: float) -> None:
    spec = leaky.parse(text)
    assert str(spec) == f"leaky_relu(negative_slope={slope!r})"
    assert spec.gain == pytest.approx(math.sqrt(2 / (1 + slope**2)), rel=1e-13)


_HOW = "; write a name or a call, such as leaky_relu(negative_slope=0.1)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "activation: cannot read ``" + _HOW),
        ("relu relu", "activation: cannot read `relu relu`" + _HOW),
        (
            "relu('keras:relu')",
            "relu: parameters must be numbers, got `'keras:relu'` in `relu('keras:relu')`",
        ),
        ("leaky.relu", "activation: cannot read `leaky.relu`" + _HOW),
        ("relu()()", "activation: cannot read `relu()()`" + _HOW),
        ("relu; relu", "activation: cannot read `relu; relu`" + _HOW),
        ("relu\0", "activation: cannot read `relu\0`" + _HOW),
        ("\ud800", "activation: cannot read `\ud800`" + _HOW),
        ("leaky_relu(nan)", "leaky_relu: `negative_slope` must be finite, got nan"),
        ("leaky_relu(-inf)", "leaky_relu: `negative_slope` must be finite, got -inf"),
        ("leaky_relu(1e999)", "leaky_relu: `negative_slope` must be finite, got inf"),
        (f"leaky_relu({10**400})", "leaky_relu: `negative_slope` must be finite, got inf"),
        ("leaky_relu(1/0)", "leaky_relu: parameters must be numbers, got `1 / 0` in `leaky_relu(1/0)`"),
        ("leaky_relu(True)", "leaky_relu: parameters must be numbers, got `True` in `leaky_relu(True)`"),
        ("leaky_relu('1')", "leaky_relu: parameters must be numbers, got `'1'` in `leaky_relu('1')`"),
        ("leaky_relu(1j)", "leaky_relu: parameters must be numbers, got `1j` in `leaky_relu(1j)`"),
        ("leaky_relu(2**9)", "leaky_relu: parameters must be numbers, got `2 ** 9` in `leaky_relu(2**9)`"),
        ("leaky_relu(*[1])", "leaky_relu: parameters must be numbers, got `*[1]` in `leaky_relu(*[1])`"),
        ("leaky_relu(**{})", "leaky_relu: cannot read `leaky_relu(**{})`; give each parameter once, by name"),
        ("leaky_relu(slope=1)", "leaky_relu: unknown parameter `slope`: it takes `negative_slope`"),
        ("leaky_relu(1, 2)", "leaky_relu: 2 parameters given, but it takes negative_slope"),
        (
            "leaky_relu(1, negative_slope=1)",
            "leaky_relu: parameter `negative_slope` given twice; give it once",
        ),
        ("elu(0)", "elu: `alpha` must be finite and above 0, got 0"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        leaky.parse(text)
    assert str(caught.value) == message


def test_a_spec_is_text() -> None:
    start = "activation: a spec such as 'leaky_relu(negative_slope=0.1)' is text"
    message = f"{start}, got 3; `leaky list` prints the names"
    with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$"):
        leaky.parse(3)  # type: ignore[arg-type]


def test_nothing_is_evaluated(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    call = f"__import__('pathlib').Path({str(trace)!r}).touch()"
    for text in (
        f"relu({call})",
        f"leaky_relu(negative_slope={call})",
        f"leaky_relu(1/{call})",
        call,
        f"({call})()",
    ):
        with pytest.raises(ArgumentError):
            leaky.parse(text)
    assert not trace.exists()


@pytest.mark.parametrize("length", [100, 240, 480, 3000, 100_000])
@pytest.mark.parametrize(
    ("before", "inner", "after"),
    [("-", "1", ""), ("1/", "1", ""), ("(", "1", ")"), ("-", "x", ""), ("-", "1/0", "")],
)
def test_nesting_is_read_or_refused_but_never_crashes(
    before: str, inner: str, after: str, length: int
) -> None:
    text = f"leaky_relu({before * length}{inner}{after * length})"
    try:
        spec = leaky.parse(text)
    except ArgumentError as error:
        words = str(error)
    else:
        words = str(spec)
        assert abs(spec.values[0]) == 1.0
    assert 0 < len(words) < 1200


def test_long_text_is_not_repeated() -> None:
    message = f"activation: a spec has at most 500 characters, got 1000000: `{'a' * 40}...`"
    with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$"):
        leaky.parse("a" * 1_000_000)


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("LeakyReLU", "leaky_relu"),
        ("leakyrelu(0.1)", "leaky_relu"),
        ("leaky-relu", None),
        ("Relu", "relu"),
        ("soft_plus", "softplus"),
        ("PReLU(0.1)", "prelu"),
        ("sigmiod", "sigmoid"),
    ],
)
def test_unknown_names_get_a_suggestion(text: str, near: str | None) -> None:
    with pytest.raises(ArgumentError) as caught:
        leaky.parse(text)
    if near is None:  # a subtraction to Python, no name
        assert str(caught.value) == f"activation: cannot read `{text}`" + _HOW
    else:
        assert isinstance(caught.value, UnknownNameError)
        assert str(caught.value) == f"unknown activation `{text.partition('(')[0]}`: did you mean `{near}`?"
