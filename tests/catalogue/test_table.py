"""The package is the table."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

import leaky
from leaky.catalogue import MODULES, TABLE, Activation, Catalogue
from leaky.errors import UnknownNameError


def test_the_package_answers_as_a_mapping() -> None:
    assert "leaky_relu" in leaky.catalogue
    assert "LeakyReLU" not in leaky.catalogue
    assert list(leaky.catalogue) == list(TABLE) == list(leaky.catalogue.keys())
    assert len(leaky.catalogue) == len(TABLE) >= 8
    assert dict(leaky.catalogue.items()) == TABLE
    assert list(leaky.catalogue.values()) == [leaky.catalogue[name] for name in leaky.catalogue]
    assert leaky.catalogue.get("nope") is None
    assert leaky.catalogue["relu"].title == "ReLU"


def test_the_mapping_is_one() -> None:
    table = Catalogue()
    assert isinstance(table, Mapping)
    assert dict(table) == TABLE
    assert len(table) == len(TABLE)
    with pytest.raises(UnknownNameError):
        table["nope"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("leakyrelu", "did you mean `leaky_relu`?"),
        ("LeakyReLU", "did you mean `leaky_relu`?"),
        ("zzz", "known are "),
    ],
)
def test_unknown_names_are_key_errors_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(KeyError, match=f"^{re.escape(f'unknown activation `{name}`: {hint}')}"):
        leaky.catalogue[name]


def test_names_and_classes_are_unique() -> None:
    assert len(MODULES) == len(TABLE)
    assert all(isinstance(entry, Activation) and entry.name == name for name, entry in TABLE.items())


def test_the_table_cannot_be_written_to() -> None:
    with pytest.raises(TypeError):
        TABLE["mine"] = TABLE["relu"]  # type: ignore[index]
