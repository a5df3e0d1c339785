"""`leaky tune`: what is printed, what is written, and one line for every mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SHORT = ("--seeds", "2", "--tuning-seeds", "1", "--value", "0", "--value", "0.01", "--value", "0.3")


def test_tune_prints_a_curve_and_a_recommendation_and_writes_report_and_plots(
    leaky_shell: Any, tiny_task: str, tmp_path: Path
) -> None:
    done = leaky_shell("tune", "--task", tiny_task, *SHORT, "--png", "plots")
    assert done.returncode == 0, done.stderr
    for text in ("negative_slope", "0 (ReLU)", "0.3", "prelu", "●", "Not known", "tuning.html", "leaky.db"):
        assert text in done.stdout
    assert any(word in done.stdout for word in ("Take ", "Keep the default"))
    assert "<html" in (tmp_path / "tuning.html").read_text()
    names = sorted(path.name for path in (tmp_path / "plots").glob("*.png"))
    assert names[:2] == ["1-response.png", "2-learned.png"]


def test_json_prints_the_result_and_nothing_else(leaky_shell: Any, tiny_task: str) -> None:
    done = leaky_shell("tune", "--task", tiny_task, *SHORT, "--json")
    tuning = json.loads(done.stdout)
    assert [point["value"] for point in tuning["points"]] == [0.0, 0.01, 0.3]
    assert tuning["study"]["command"].startswith("leaky tune --task")


def test_optuna_keeps_its_study_beside_the_store(leaky_shell: Any, tiny_task: str, tmp_path: Path) -> None:
    optuna = pytest.importorskip("optuna")
    done = leaky_shell(
        "tune", "--task", tiny_task, *SHORT, "--search", "optuna", "--trials", "4", "--study-name", "s"
    )
    assert done.returncode == 0, done.stderr
    study = optuna.load_study(study_name="s", storage=f"sqlite:///{tmp_path / 'leaky-optuna.db'}")
    assert len(study.trials) == 4
    assert "study s at sqlite:///" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--activation", "relu"), "tune: `relu` has no number to tune"),
        (("--value", "-1"), "tune: `values` must be finite and at least 0, got -1"),
        (("--per", "layer", "--search", "grid"), "tune: `search` grid has too many combinations"),
        (("--store", "no/such/leaky.db"), "unable to open database file"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    leaky_shell: Any, tiny_task: str, arguments: tuple[str, ...], message: str
) -> None:
    done = leaky_shell("tune", "--task", tiny_task, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert message in done.stderr
