"""`leaky doctor`: a table, JSON or a report, and one line for every mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

MODEL = """
import torch
from torch import nn

def net():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 6), nn.LeakyReLU(0.1), nn.Linear(6, 2))
    with torch.no_grad():
        model[0].bias[:3] = -1e3
        model[2].bias[0] = 1e3
    return model

def build():
    model = net()
    return model, torch.optim.SGD(model.parameters(), lr=0.01), nn.functional.cross_entropy

def batches():
    generator = torch.Generator().manual_seed(1)
    for _ in range(5):
        x = torch.randn(80, 4, generator=generator)
        yield x, (x.sum(1) > 0).long()

def dicts():
    return [{"x": x, "y": y} for x, y in batches()]

def tensors():
    return [x for x, _ in batches()]

def empty():
    return []

def wrong_shape():
    return [torch.randn(3, 5)]

def nan():
    return [torch.full((80, 4), float("nan"))]

def bare():
    return nn.Linear(4, 2)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(MODEL)
    return path


def told(leaky_shell: Any, file: Path, build: str, data: str, *more: str) -> Any:
    done = leaky_shell("doctor", f"{file}:{build}", "--data", f"{file}:{data}", "--json", *more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_one_pass_finds_what_was_planted(leaky_shell: Any, file: Path) -> None:
    record = told(leaky_shell, file, "net", "batches")
    relu, leaky = record["sites"]
    assert (relu["name"], relu["units"], relu["samples"]) == ("1", 8, 400)
    assert relu["never_active"] == relu["rarely_active"] == relu["dormant"] == [0, 1, 2]
    assert relu["zero_gradient"] is None
    assert leaky["one_sided"] == [0]
    dying = next(verdict for verdict in record["verdicts"] if verdict["kind"] == "dying")
    assert dying["calls"] == ['leaky.swap(model, "relu", "leaky_relu(negative_slope=0.1)")']
    assert record["measured"] == 5


def test_a_loss_brings_gradients_and_nothing_is_trained(leaky_shell: Any, file: Path) -> None:
    record = told(leaky_shell, file, "build", "dicts")
    assert record["gradients"]
    assert record["sites"][0]["zero_gradient"] == [0, 1, 2]
    assert record["sites"][0]["windows"] == []


def test_steps_train_round_the_data_and_watch(leaky_shell: Any, file: Path) -> None:
    record = told(leaky_shell, file, "build", "batches", "--steps", "12")
    assert (record["steps"], record["measured"]) == (12, 12)
    assert record["sites"][0]["life"]["born_dead"] == [0, 1, 2]
    assert next(verdict["kind"] for verdict in record["verdicts"]) == "born_dead"


def test_steps_of_a_model_alone_are_batches(leaky_shell: Any, file: Path) -> None:
    assert told(leaky_shell, file, "net", "tensors", "--steps", "2")["measured"] == 2


def test_a_table_and_a_report(leaky_shell: Any, file: Path) -> None:
    options = ("--report", "report.html", "--png", "figures")
    done = leaky_shell("doctor", f"{file}:net", "--data", f"{file}:batches", *options)
    assert done.returncode == 0, done.stderr
    assert "Sequential: 2 sites, 400 samples, 5 of 5 steps measured" in done.stdout
    assert "dying: 3 of 8 units (38 %)" in done.stdout
    assert done.stdout.rstrip().endswith("The report is report.html, figures are in figures.")
    assert "leaky doctor" in (file.parent / "report.html").read_text(encoding="utf-8")
    assert sorted(made.name for made in (file.parent / "figures").iterdir())[0] == "1-units.png"


def test_nan_is_a_finding(leaky_shell: Any, file: Path) -> None:
    record = told(leaky_shell, file, "net", "nan")
    assert record["verdicts"][0]["kind"] == "not_finite"


@pytest.mark.parametrize(
    ("build", "data", "more", "message"),
    [
        ("net", "empty", (), "data: gave no batch"),
        (
            "net",
            "wrong_shape",
            (),
            "diagnose: batch 0 of `batches` (of shape (3, 5)) does not go through the model",
        ),
        ("bare", "batches", (), "`model` called no activation that can be measured"),
        ("net", "batchs", (), "did you mean `batches`?"),
        ("net", "batches", ("--report", "no/r.html"), "report: cannot write `no/r.html`"),
        ("net", "batches", ("--checkpoint", "no.pt"), "checkpoint: no file `no.pt`"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    leaky_shell: Any, file: Path, build: str, data: str, more: tuple[str, ...], message: str
) -> None:
    done = leaky_shell("doctor", f"{file}:{build}", "--data", f"{file}:{data}", *more)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert message in done.stderr


def test_a_checkpoint_is_loaded(leaky_shell: Any, file: Path) -> None:
    from torch import nn

    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 6), nn.LeakyReLU(0.1), nn.Linear(6, 2))
    torch.nn.init.constant_(model[0].bias, -1e3)
    torch.save(
        {"state_dict": {f"module.{k}": v for k, v in model.state_dict().items()}}, file.parent / "a.pt"
    )
    record = told(leaky_shell, file, "net", "batches", "--checkpoint", "a.pt")
    assert record["sites"][0]["never_active"] == list(range(8))
