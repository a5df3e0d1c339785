"""examples/rescue.py: a network dies, is diagnosed, and following the prescription saves it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

RESCUE = Path(__file__).parents[2] / "examples" / "rescue.py"


def test_a_network_dies_and_is_rescued(tmp_path: Path) -> None:
    picture = tmp_path / "rescue.png"
    ran = subprocess.run(
        [sys.executable, str(RESCUE), "--plot", str(picture)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    dying, rescued, alone = (float(share) for share in re.findall(r"(\d+\.\d)%", ran.stdout))
    assert 'leaky.swap(model, "relu", "leaky_relu(negative_slope=0.1)"' in ran.stdout
    assert dying < 60
    assert rescued > 88
    assert rescued > alone + 5
    assert picture.read_bytes().startswith(b"\x89PNG")
