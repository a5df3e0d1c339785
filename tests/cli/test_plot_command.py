"""`leaky plot` as a user runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def test_in_the_terminal(leaky_shell: Any) -> None:
    done = leaky_shell("plot", "relu", "leaky_relu(negative_slope=0.2)", "elu", "--from", "-2", COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert "b  leaky_relu(negative_slope=0.2)" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert (
        done.stderr == "--png FILE and --html FILE write it to a file; the page has a slider per parameter.\n"
    )


def test_where_there_is_no_unicode(leaky_shell: Any) -> None:
    done = leaky_shell("plot", "relu", "elu", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()


def test_into_files(leaky_shell: Any, tmp_path: Path) -> None:
    done = leaky_shell("plot", "relu", "elu", "--png", "two.png", "--html", "two.html", "--to", "2")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert (tmp_path / "two.png").read_bytes().startswith(b"\x89PNG")
    assert '"low": -4.0, "high": 2.0' in (tmp_path / "two.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["relu", "maxout"],
            "plot: maxout needs an axis to work along; it is no curve of one input; see `leaky show maxout`",
        ),
        (["relu", "--from", "3", "--to", "1"], "plot: --from must be below --to, both finite, got 3 and 1"),
        (["relu", "--to", "inf"], "plot: --from must be below --to, both finite, got -4 and inf"),
        (
            ["relu", "--from=-1e308", "--to=1e308"],
            "plot: --from and --to must be within 1e+100 of 0, got -1e+308 and 1e+308",
        ),
        (
            ["elu(alpha=1e308)", "--html", "a.html"],
            "html: `alpha` is 1e+308, and sliders end at 1e+300; leave out --html",
        ),
        (["rel"], "unknown activation `rel`: did you mean `relu`?"),
        ([], "Missing argument 'activations'."),
        (["relu", "--png", "."], "png: cannot write `.` (it is a directory); name a file in it"),
    ],
)
def test_errors_are_one_line(leaky_shell: Any, tmp_path: Path, arguments: list[str], message: str) -> None:
    done = leaky_shell("plot", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"leaky: {message}\n"
    assert list(tmp_path.iterdir()) == []
