"""`leaky report`: what is printed, what is written, and one line for every mistake."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

import leaky


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, tiny_task_source: str) -> str:
    """A store with two studies of the same trials, which differ in their margin."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "tiny_task.py").write_text(tiny_task_source)
    for margin in (0.005, 0.02):
        leaky.lab.compare(
            f"{folder / 'tiny_task.py'}:build", ["relu", "tanh"], seeds=6, tuning_seeds=1, margin=margin,
            workers=1, store=folder / "leaky.db", progress=False,
        )  # fmt: skip
    return str(folder / "leaky.db")


def test_everything_is_written(leaky_shell: Any, store: str, tmp_path: Path) -> None:
    outputs = ("--html", "all.html", "--png", "plots", "--csv", "all.csv", "--markdown", "all.md")
    done = leaky_shell("report", "--store", store, *outputs)
    assert done.returncode == 0, done.stderr
    for text in (
        "tiny-",
        "accuracy",
        "probability of improvement",
        "A/A control: in ",
        "Written: all.html, plots",
    ):
        assert text in done.stdout
    assert "leaky report" in (tmp_path / "all.html").read_text()
    names = [path.name for path in sorted((tmp_path / "plots").iterdir())]
    assert names == [
        "1-together.png", "2-scores.png", "3-sensitivity.png", "4-cost.png", "5-losses.png", "6-control.png",
    ]  # fmt: skip
    with (tmp_path / "all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["activation"] for row in rows].count("tanh") == 2
    assert {row["verdict"] for row in rows if row["activation"] == "relu"} == {"baseline"}
    assert "| tanh | " in (tmp_path / "all.md").read_text()


def test_json_and_a_study_by_the_start_of_its_name(leaky_shell: Any, store: str, tmp_path: Path) -> None:
    done = leaky_shell("report", "--store", store, "--json")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(records) == 4
    name = records[0]["study"]
    alone = [
        json.loads(line)
        for line in leaky_shell("report", name, "--store", store, "--json").stdout.splitlines()
    ]
    assert [record["study"] for record in alone] == [name, name]
    assert alone == records[:2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing",), "report: no study `nothing` in "),
        (("--store", "other.db"), "`other.db` does not exist"),
        (("--html", "no/such/a.html"), "html: cannot write `no/such/a.html` (no such directory `no/such`)"),
        (("--csv", "."), "csv: cannot write `.` (it is a directory)"),
    ],
)
def test_mistakes_are_one_line(
    leaky_shell: Any, store: str, arguments: tuple[str, ...], message: str
) -> None:
    done = leaky_shell("report", "--store", store, *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert message in done.stderr
    assert done.stdout == ""
