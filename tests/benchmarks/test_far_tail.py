"""The table of the guide is what the script computes."""

from __future__ import annotations

import math
from pathlib import Path

import far_tail

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "modules.md"


def test_the_guide_has_the_table() -> None:
    lines = [line for line in GUIDE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    made = far_tail.table().splitlines()
    assert lines[:2] == made[:2]
    for shown, computed in zip(lines[2:], made[2:], strict=True):
        *names, _, _, _, _ = shown.strip("| ").split(" | ")
        assert computed.startswith(f"| {' | '.join(names)} |")
        for one, other in zip(shown.split(" | ")[2:], computed.split(" | ")[2:], strict=True):
            assert abs(math.log(float(one.strip(" |")) / float(other.strip(" |")))) < 0.5  # one digit of it
