"""examples/watch_training.py: the doctor in a loop of one's own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("tensorboard", reason="TensorBoard is not installed: pip install 'leaky[tensorboard]'")

from .test_tensorboard import read

EXAMPLE = Path(__file__).parents[3] / "examples" / "watch_training.py"


def test_units_die_and_the_loop_tells(tmp_path: Path) -> None:
    logs, report = tmp_path / "runs", tmp_path / "report.html"
    ran = subprocess.run(
        [sys.executable, str(EXAMPLE), "--logdir", str(logs), "--report", str(report)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "29 of 290 steps measured" in ran.stdout
    assert "dying" in ran.stdout
    assert re.search(r"`1`: \d+ units died, the first seen dead at step \d+0\.", ran.stdout)
    assert report.read_text().startswith("<!")
    dead = read(logs).Scalars("leaky_never_active/1")
    assert [event.step for event in dead] == list(range(0, 290, 10))
    assert dead[-1].value > dead[0].value
