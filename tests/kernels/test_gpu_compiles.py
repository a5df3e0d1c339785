"""The kernels in Triton as a GPU gets them: they compile, and read memory in whole vectors. No GPU is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("triton")
pytest.importorskip("torch")

SIZES = {"float32": 4, "float64": 8, "bfloat16": 2, "float16": 2}
VECTORS = {"float32": "v4.b32", "float64": "v2.b64", "bfloat16": "v4.b32", "float16": "v4.b32"}


def compiled(capability: int, subject: str, *dtypes: str) -> list[dict[str, Any]]:
    script = Path(__file__).with_name("compile_for_gpu.py")
    done = subprocess.run(
        [sys.executable, str(script), str(capability), subject, *dtypes],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TRITON_INTERPRET": "0"},
    )
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


READ_AND_WRITTEN = {
    "moments": (2, 0),
    "sums": (2, 0),
    "gradient": (2, 1),
    "combine": (0, 0),
    "averages": (0, 0),
    "moments of 1": (None, 0),
    "gradient of 1": (None, None),
    "prelu backward": (2, 1),
    "softplus": (2, 1),
}
"""How often a kernel's code has a tile in whole vectors, where that is not once each; None: as may be."""
SPREAD = ("rrelu", "moments of 1", "gradient of 1")
"""Kernels that hand numbers from thread to thread through the shared memory of a program."""
HALVES = [(90, ("float32", "bfloat16")), (80, ("float64", "float16"))]


@pytest.mark.parametrize(
    ("subject", "kernels", "capability", "dtypes"),
    [
        *(("elementwise", 12, *half) for half in HALVES),
        ("layers", 10, *HALVES[0]),
        ("layers", 9, *HALVES[1]),
        ("bias_act", 9, 90, ("float32",)),
        ("bias_act", 9, 80, ("bfloat16",)),
        ("norms", 26, 90, ("float32",)),
        ("norms", 20, 80, ("bfloat16",)),
        ("prelu", 12, 80, ("float32", "float16")),
    ],
)
def test_in_whole_vectors(subject: str, kernels: int, capability: int, dtypes: tuple[str, ...]) -> None:
    rows = compiled(capability, subject, *dtypes)
    assert len(rows) == kernels
    for row in rows:
        done, dtype = row["instructions"], row["dtype"]
        vectors = row["block"] * SIZES[dtype] // (16 * 32 * row["warps"])
        reads, writes = READ_AND_WRITTEN.get(row["kernel"], (1, 1))
        for way, times in (("ld", reads), ("st", writes)):
            assert times is None or done.get(f"{way}.global.{VECTORS[dtype]}", 0) == times * vectors, row
        assert row["shared"] <= (2**14 if row["kernel"] in SPREAD else 2048), row
        assert not [name for name in done if "local" in name or "atom" in name], row
        assert not [name for name in done if "ftz" in name or name.startswith("fma")], row
        assert row["binary"] > 0
