"""`leaky claims` on the shell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def test_claims_are_measured_listed_and_told(leaky_shell: Any, tmp_path: Path) -> None:
    options = ("--budget", "smoke", "--workers", "1")
    done = leaky_shell("claims", "sparse", "half_dead", *options, "--page", "claims.md", check=True)
    for text in ("sparse", "half_dead", "as many exact zeros with slope 0.01", "undecided"):
        assert text in " ".join(done.stdout.split()), done.stdout
    assert "# What is said of leaky rectifiers, measured" in (tmp_path / "claims.md").read_text()
    assert (tmp_path / "images" / "claims" / "sparse.png").exists()
    listed = leaky_shell("claims", "--list", *options, check=True).stdout
    assert "not measured" in listed
    rows = leaky_shell("claims", "sparse", "--list", "--json", *options, check=True).stdout.splitlines()
    (row,) = map(json.loads, rows)
    assert (row["name"], row["number"], row["ruling"]) == ("sparse", 16, "undecided")


def test_definitions_are_written(leaky_shell: Any, tmp_path: Path) -> None:
    done = leaky_shell("claims", "--definitions", "list.json", check=True)
    assert done.stdout == ""
    told = json.loads((tmp_path / "list.json").read_text())
    assert set(told["sparse"]) == {"definition", "defined"}
    assert not (tmp_path / "claims.db").exists()


def test_an_unknown_claim_is_one_line(leaky_shell: Any) -> None:
    done = leaky_shell("claims", "sprase")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "leaky: unknown claim `sprase`: did you mean `sparse`? see `leaky claims --list`\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--workers", "0"), "`workers` must be a whole number of at least 1, got 0"),
        (("--executor", "dask://127.0.0.1:1"), "no Dask scheduler answers at dask://127.0.0.1:1 ("),
    ],
)
def test_errors_say_claims(leaky_shell: Any, tmp_path: Path, options: tuple[str, str], told: str) -> None:
    if "--executor" in options:
        pytest.importorskip("distributed", reason="Dask is not installed")
    done = leaky_shell("claims", "sparse", *options, DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT="1s")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith(f"leaky: claims: {told}")
    assert not (tmp_path / "claims.db").exists()


def test_listing_writes_no_store(leaky_shell: Any, tmp_path: Path) -> None:
    rows = leaky_shell("claims", "--list", "--json", check=True).stdout.splitlines()
    told = [json.loads(row) for row in rows]
    assert {row["missing"] for row in told} == {"not measured", "not testable"}
    assert all(row["ruling"] is None for row in told)
    assert list(tmp_path.iterdir()) == []
