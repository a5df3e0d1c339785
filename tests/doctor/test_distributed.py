"""DistributedDataParallel, for real: two processes that exchange gradients by gloo."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

HOUSE = Path(__file__).parents[2]


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="torch was built without gloo")
def test_each_process_measures_its_own_data_and_changes_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.doctor.distributed", str(tmp_path)]
    done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    for rank, samples in enumerate((6, 10)):
        found = json.loads((tmp_path / f"{rank}.json").read_text())
        assert found["same"]
        assert found["names"] == ["1", "3"]
        assert found["samples"] == found["gradient_samples"] == [4 * samples] * 2
        assert found["dead"] == [2]
        assert found["positive"] == pytest.approx(found["positive_by_hand"])
