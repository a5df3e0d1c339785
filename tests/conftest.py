"""What all tests share: NaN in fresh memory, where a GPU's kernels run, small tasks in files, a shell, a cluster."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

if not Path("/dev/nvidiactl").exists() and not Path("/dev/kfd").exists():
    # Without a GPU its kernels run in Triton's interpreter; Triton asks for this once, when it is imported.
    os.environ.setdefault("TRITON_INTERPRET", "1")

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
def gpu_or_interpreter(monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the kernels in Triton run here, "cuda" or "cpu"; they serve from the first element on."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("triton")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    from leaky.kernels import gpu

    if (reason := gpu.why_not(torch.ones(1, device=device))) is not None:
        pytest.skip(reason)
    monkeypatch.setattr("leaky.kernels.select.REQUESTED", "triton")
    monkeypatch.setattr("leaky.kernels.gpu.SMALL", 1)
    return device


@pytest.fixture(scope="session")
def tiny_task_source() -> str:
    """What a file says that builds a task which trains in milliseconds."""
    return TINY_TASK


@pytest.fixture
def tiny_task(tmp_path: Path, tiny_task_source: str) -> str:
    """A task that trains in milliseconds, as `file.py:build`."""
    path = tmp_path / "tiny_task.py"
    path.write_text(tiny_task_source)
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


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real Dask cluster: a scheduler, and two worker processes of two threads each under their nannies.

    Its workers find no published data, as on a machine that nobody has prepared.
    """
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    empty = tmp_path_factory.mktemp("workers")
    places = {"LEAKY_CACHE_DIR": str(empty), "LEAKY_DATA_DIR": str(empty), "OMP_NUM_THREADS": "1"}
    logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)
    made = distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, dashboard_address=None, env=places, local_directory=str(empty)
    )
    yield made
    made.close()


@pytest.fixture
def address(cluster: Any) -> str:
    """What the shell's --executor is given."""
    return str(cluster.scheduler_address).replace("tcp://", "dask://")
