"""`leaky show` as a user runs it: the screen, files, JSON, errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def test_a_framework_s_call(leaky_shell: Any) -> None:
    done = leaky_shell("show", "keras:leaky_relu", COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Leaky ReLU   leaky_relu(negative_slope=0.2)\n")
    for part in (
        "f(x) = x if x > 0",
        "default 0.01",
        "1.3868",
        "one bit per element",
        "tested",
        "documented",
        "○",
    ):
        assert part in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_json_and_files(leaky_shell: Any, tmp_path: Path) -> None:
    done = leaky_shell("show", "elu(alpha=2)", "--json", "--png", "elu.png", "--html", "elu.html")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["spec"] == "elu(alpha=2.0)"
    assert told["points"]["f'(0)"] == 2.0
    assert told["conventions"][0]["evidence"] == "tested"
    assert (tmp_path / "elu.png").read_bytes().startswith(b"\x89PNG")
    assert "globalThis.leaky = {" in (tmp_path / "elu.html").read_text(encoding="utf-8")
    assert done.stderr.splitlines() == [f"{tmp_path / 'elu.png'} written", f"{tmp_path / 'elu.html'} written"]


def test_a_module_says_what_it_needs(leaky_shell: Any) -> None:
    done = leaky_shell("show", "dynamic_relu")
    assert done.returncode == 0, done.stderr
    assert "its own learned weights and the whole input: leaky.nn.DynamicReLU" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["SReLU"],
            "unknown activation `SReLU`: the acronym means several, write one of `squared_relu` (squared), "
            "`shifted_relu` (shifted), `s_shaped_relu` (S-shaped)",
        ),
        (["leaky_rlu"], "unknown activation `leaky_rlu`: did you mean `leaky_relu`?"),
        (["elu(alpha=0)"], "elu: `alpha` must be finite and above 0, got 0"),
        (
            ["dynamic_relu", "--png", "x.png"],
            "png: dynamic_relu needs its own learned weights and the whole input: leaky.nn.DynamicReLU; "
            "leave out --png",
        ),
        (
            ["relu", "--html", "no/such.html"],
            "html: cannot write `no/such.html` (no such directory `no`); create it or name another path",
        ),
    ],
)
def test_errors_are_one_line(leaky_shell: Any, tmp_path: Path, arguments: list[str], message: str) -> None:
    done = leaky_shell("show", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"leaky: {message}\n"
    assert list(tmp_path.iterdir()) == []
