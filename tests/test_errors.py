"""One base class; the names Python already has for each kind; suggestions; missing extras."""

from __future__ import annotations

import re

import pytest

from leaky import errors
from leaky.extras import require


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.ArgumentError, ValueError),
        (errors.ArgumentTypeError, TypeError),
        (errors.UnknownNameError, KeyError),
        (errors.MissingExtraError, ImportError),
        (errors.StoreError, Exception),
        (errors.TaskError, Exception),
        (errors.StudyError, Exception),
    ],
)
def test_every_error_is_a_leaky_error_and_pythons_own(
    error: type[Exception], builtin: type[Exception]
) -> None:
    assert issubclass(error, errors.LeakyError)
    assert issubclass(error, builtin)
    assert str(error("one line")) == "one line"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("LEAKY_RELU", "unknown activation `LEAKY_RELU`: did you mean `leaky_relu`?"),
        ("leaky-relu", "unknown activation `leaky-relu`: did you mean `leaky_relu`?"),
        ("LeakyReLU", "unknown activation `LeakyReLU`: did you mean `leaky_relu`?"),
        ("rellu", "unknown activation `rellu`: did you mean `relu`?"),
        ("", "unknown activation ``: known are leaky_relu, relu, tanh"),
        ("xyz", "unknown activation `xyz`: known are leaky_relu, relu, tanh"),
    ],
)
def test_unknown_names(name: str, message: str) -> None:
    assert str(errors.unknown_name("activation", name, ["tanh", "relu", "leaky_relu"])) == message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rellu", "unknown activation `rellu`: did you mean `relu`? see `leaky list`"),
        ("xyz", "unknown activation `xyz`: see `leaky list`"),
    ],
)
def test_unknown_names_among_many(name: str, message: str) -> None:
    assert str(errors.unknown_name("activation", name, ["tanh", "relu"], see="leaky list")) == message


def test_a_missing_extra_says_how_to_get_it() -> None:
    message = "leaky.demo needs surely_not_installed: pip install 'leaky[demo]'"
    with pytest.raises(errors.MissingExtraError, match=f"^{re.escape(message)}$"):
        require("surely_not_installed", "demo", "leaky.demo")
    require("numpy", "numpy", "everything")
