"""What all tests share: NaN in fresh memory, small tasks in files of their own, and a place to run the shell."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TINY_TASK = """
import numpy as np
import torch
import leaky

def model(activation, seed):
    return torch.nn.Sequential(torch.nn.Linear(4, 8), activation(), torch.nn.Linear(8, 2))

def build():
    random = np.random.default_rng(0)
    x = random.normal(size=(120, 4))
    return leaky.lab.Task(
        name="tiny", train=(x, (x.sum(1) > 0).astype(int)), model=model,
        recipe=leaky.lab.Recipe(epochs=2, batch_size=16), learning_rates=(0.01, 0.1),
    )
"""


@pytest.fixture(autouse=True)
def nan_in_fresh_memory() -> Iterator[None]:
    """torch.empty and its kin give NaN, in integers the largest number: what a kernel leaves unwritten shows.

    torch does so while it asks for deterministic algorithms; with "warn" it refuses no operation.
    """
    torch = sys.modules.get("torch")
    if torch is None:  # nothing of torch is tested where nobody has imported it
        yield
        return
    mode = torch.get_deterministic_debug_mode()
    torch.set_deterministic_debug_mode("warn")
    yield
    torch.set_deterministic_debug_mode(mode)


@pytest.fixture
def tiny_task(tmp_path: Path) -> str:
    """A task that trains in milliseconds, as `file.py:build`."""
    path = tmp_path / "tiny_task.py"
    path.write_text(TINY_TASK)
    return f"{path}:build"


@pytest.fixture
def leaky_shell(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `leaky ARGUMENTS` as a user would, in an empty folder."""

    def run(*arguments: str, check: bool = False, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from leaky.cli import main; main()", *arguments],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "120", "NO_COLOR": "1", **environment},
            capture_output=True,
            text=True,
            check=check,
            timeout=120,
        )

    return run
