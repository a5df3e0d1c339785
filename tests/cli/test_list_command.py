"""`leaky list` as a user runs it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from leaky import catalogue


def test_by_family(leaky_shell: Any) -> None:
    done = leaky_shell("list", COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert [name for name in catalogue if name not in done.stdout] == []
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_numbers_are_whole_in_a_narrow_terminal(leaky_shell: Any) -> None:
    lines = leaky_shell("list", COLUMNS="60").stdout.splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[0].endswith("gain")
    assert next(line for line in lines if line.startswith("relu ")).endswith("1.414")


def test_one_family_as_json(leaky_shell: Any) -> None:
    done = leaky_shell("list", "--family", "gated", "--json")
    rows = json.loads(done.stdout)
    assert [row["name"] for row in rows] == [e.name for e in catalogue.values() if e.family == "gated"]
    silu = next(row for row in rows if row["name"] == "silu")
    assert silu["slope_at_zero"] == pytest.approx(0.5)
    assert silu["gain"] == catalogue["silu"].gain()
    assert silu["parameters"][0]["name"] == "beta"


def test_an_unknown_family_is_one_line(leaky_shell: Any) -> None:
    done = leaky_shell("list", "--family", "gates")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "leaky: unknown family `gates`: did you mean `gated`?\n"
