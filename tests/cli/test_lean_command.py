"""`leaky lean`: a table or JSON, and one line for every mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

MODEL = """
import torch
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.LeakyReLU(0.1), nn.Conv2d(8, 2, 1))

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.inside = build()
    def forward(self, x, scale):
        return self.inside(x * scale)

def bare():
    return nn.Linear(2, 2)

def number():
    return 5

def broken():
    raise RuntimeError("no weights")
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return path


def test_a_table(leaky_shell: Any, file: Path) -> None:
    done = leaky_shell("lean", f"{file}:build", "--input", "2,3,64,64")
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "Sequential: 1 of 1 sites made lean" in text
    assert "saved for backward" in text
    assert "BatchNorm2d + LeakyReLU(0.1)" in text


def test_json_of_a_dry_run_with_two_inputs(leaky_shell: Any, file: Path) -> None:
    inputs = ("--input", "2,3,64,64", "--input", "1")
    report = json.loads(leaky_shell("lean", f"{file}:Two", *inputs, "--dry-run", "--json", check=True).stdout)
    assert (report["model"], report["measured_on"], report["dry_run"]) == ("Two", "example", True)
    assert report["bytes_after"] <= report["bytes_before"]
    assert report["sites"][0]["name"].startswith("inside.")


def test_without_an_input_sites_are_measured_apart(leaky_shell: Any, file: Path) -> None:
    report = json.loads(leaky_shell("lean", f"{file}:build", "--json", check=True).stdout)
    assert report["measured_on"] == "synthetic"


@pytest.mark.parametrize(
    ("name", "inputs", "message"),
    [
        (":build", ("--input", "2,3,x"), "input: must be sizes of at least 1 with commas between"),
        (":build", ("--input", "0,3"), "got `0,3`"),
        (":build", ("--input", "3,3"), "lean: `model` rejects the `example`: RuntimeError"),
        (":biuld", (), "did you mean `build`?"),
        (":bare", (), "lean: `model` (Linear) has no ReLU or LeakyReLU"),
        (":number", (), "model: `number` in"),
        (":broken", (), "model: `broken()` raised RuntimeError: no weights (line 22 of"),
        ("", (), "names no function; write"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    leaky_shell: Any, file: Path, name: str, inputs: tuple[str, ...], message: str
) -> None:
    done = leaky_shell("lean", f"{file}{name}", *inputs)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert message in done.stderr


def test_no_file(leaky_shell: Any) -> None:
    done = leaky_shell("lean", "nowhere.py:build")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "model: no file" in done.stderr


def test_inputs_take_the_dtype_of_the_model(leaky_shell: Any, file: Path) -> None:
    file.write_text(f"{MODEL}\ndef double():\n    return build().double()\n")
    report = json.loads(
        leaky_shell("lean", f"{file}:double", "--input", "2,3,64,64", "--json", check=True).stdout
    )
    assert report["measured_on"] == "example"
