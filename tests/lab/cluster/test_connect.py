"""What can be wrong with a cluster, each in one line; and Ctrl-C."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask.config
import pytest

import leaky
from leaky.errors import ArgumentError, MissingExtraError, StudyError
from leaky.lab.cluster import connect, executor
from leaky.lab.store import Store

SHORT: dict[str, Any] = {
    "activations": ["relu"], "seeds": 1, "tuning_seeds": 1, "learning_rates": [0.1], "progress": False,
}  # fmt: skip
HASTY = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def started(kind: str, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A scheduler or a worker as the shell would start it."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments]
    with subprocess.Popen(command, env={**os.environ, **environment}, **quiet) as process:  # type: ignore[call-overload]
        yield process
        process.kill()


@pytest.fixture
def scheduler() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A scheduler of one's own without workers: HOST:PORT, and the process."""
    port = free_port()
    with started(
        "scheduler", "--host", "127.0.0.1", "--port", str(port), "--dashboard-address", ":0"
    ) as process:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"127.0.0.1:{port}", process


@pytest.mark.parametrize("named", ["dask://nowhere", "tcp://a:1", "ray://a:1", "dask://", "", 3])
def test_what_is_no_address(tiny_task: str, tmp_path: Path, named: Any) -> None:
    with pytest.raises(ArgumentError) as told:
        leaky.lab.compare(tiny_task, store=tmp_path / "s.db", executor=named, **SHORT)
    assert str(told.value) == (
        f"compare: `executor` must be local, dask://HOST:PORT or a distributed.Client, got {named!r}"
    )
    assert not (tmp_path / "s.db").exists()


def test_tune_says_its_own_name() -> None:
    with pytest.raises(ArgumentError, match=r"^tune: `executor` must be local"):
        leaky.lab.tune(executor="dask", progress=False)


def test_nobody_answers(leaky_shell: Any, tiny_task: str, tmp_path: Path) -> None:
    where = f"dask://127.0.0.1:{free_port()}"
    done = leaky_shell("compare", "--task", tiny_task, "--executor", where, **HASTY)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith(f"leaky: compare: no Dask scheduler answers at {where} (")
    assert done.stderr.endswith(
        "start one with `dask scheduler`, or train on this machine without `executor`\n"
    )
    assert not (tmp_path / "leaky.db").exists()


def test_without_dask(monkeypatch: pytest.MonkeyPatch, tiny_task: str) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "distributed" else find(name, *rest)
    )
    with pytest.raises(MissingExtraError, match=r"needs distributed: pip install 'leaky\[dask\]'"):
        leaky.lab.compare(tiny_task, executor="dask://127.0.0.1:1", **SHORT)


def test_a_cluster_without_workers(
    monkeypatch: pytest.MonkeyPatch, tiny_task: str, tmp_path: Path, scheduler: Any
) -> None:
    monkeypatch.setattr(connect, "_WORKERS_SECONDS", 1)
    with pytest.raises(StudyError) as told:
        leaky.lab.compare(tiny_task, store=tmp_path / "s.db", executor=f"dask://{scheduler[0]}", **SHORT)
    assert str(told.value) == (
        f"compare: no workers at dask://{scheduler[0]} after 1 seconds; start some: "
        f"dask worker {scheduler[0]} --nthreads 1 --nworkers auto"
    )


def other_version(folder: Path) -> None:
    init = folder / "leaky" / "__init__.py"
    init.write_text(init.read_text() + '\n__version__ = "0.0.9"\n')


def other_sources(folder: Path) -> None:
    train = folder / "leaky" / "lab" / "train.py"
    train.write_text(train.read_text() + "\n# another commit\n")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (other_version, f"has leaky 0.0.9 and not {leaky.__version__}"),
        (other_sources, f"has other sources of leaky {leaky.__version__}"),
    ],
)
def test_a_worker_with_another_leaky(
    tiny_task: str, tmp_path: Path, scheduler: Any, change: Callable[[Path], None], told: str
) -> None:
    shutil.copytree(Path(leaky.__file__).parent, tmp_path / "other" / "leaky")
    change(tmp_path / "other")
    # An editable installation finds its own sources before any path.
    (tmp_path / "other" / "sitecustomize.py").write_text(
        "import sys\n"
        "sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in type(f).__module__]\n"
        "sys.meta_path[:] = [f for f in sys.meta_path if 'ScikitBuild' not in type(f).__name__]\n"
        f"sys.path.insert(0, {str(tmp_path / 'other')!r})\n"
    )
    with (
        started("worker", scheduler[0], "--nthreads", "1", "--no-nanny", "--no-dashboard",
             PYTHONPATH=str(tmp_path / "other")),
        pytest.raises(StudyError) as raised,
    ):  # fmt: skip
        leaky.lab.compare(tiny_task, store=tmp_path / "s.db", executor=f"dask://{scheduler[0]}", **SHORT)
    assert "its worker tcp://127.0.0.1:" in str(raised.value)
    assert f"{told}; install the same there" in str(raised.value)


def test_the_scheduler_goes_away(
    monkeypatch: pytest.MonkeyPatch, changed_task: Any, tmp_path: Path, scheduler: Any
) -> None:
    monkeypatch.setattr(executor, "_PATIENCE_SECONDS", 3)
    address, process = scheduler
    mark = tmp_path / "training"
    task = changed_task(
        f"import os, pathlib, time\n\ndef model(activation, seed):\n"
        f"    if os.getpid() != {os.getpid()}:\n"
        f"        pathlib.Path({str(mark)!r}).touch()\n"
        f"        time.sleep(60)\n"
        f"    return plain(activation, seed)\n"
    )

    def kill_in_the_middle() -> None:
        while not mark.exists() and process.poll() is None:
            time.sleep(0.05)
        process.kill()

    with started("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"):
        killer = threading.Thread(target=kill_in_the_middle)
        killer.start()
        with (
            dask.config.set({"distributed.comm.timeouts.connect": "5s"}),
            pytest.raises(
                StudyError, match=r"what is finished is in the store, and the same command goes on"
            ),
        ):
            leaky.lab.compare(task, store=tmp_path / "s.db", executor=f"dask://{address}", **SHORT)
        process.kill()
        killer.join()


def test_ctrl_c_takes_back_what_is_queued(tiny_task: str, tmp_path: Path, address: str, cluster: Any) -> None:
    # a job in a shell's background would inherit to ignore the signal
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{listening}; from leaky.cli import main; main()"
    command = [sys.executable, "-c", code, "compare", "--task", tiny_task, "--epochs", "60"]
    study = subprocess.Popen(
        [*command, "--activation", "relu", "--seeds", "40", "--executor", address],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline, kept = time.monotonic() + 60, 0
    while kept < 2:
        assert time.monotonic() < deadline
        assert study.poll() is None, study.communicate()
        time.sleep(0.05)
        if (tmp_path / "leaky.db").exists():
            with Store(tmp_path / "leaky.db") as store:
                kept = len(store.trials())
    study.send_signal(signal.SIGINT)
    _, told = study.communicate(timeout=60)
    assert study.returncode == 130
    lines = told.splitlines()
    assert lines[0] == (
        f"2 worker processes at {address}, each training one trial at a time whatever its threads: "
        "start workers with --nthreads 1"
    )
    assert (
        lines[-1]
        == "leaky: interrupted; finished trials are in leaky.db, the same command goes on from there"
    )
    assert "Traceback" not in told
    with Store(tmp_path / "leaky.db") as store:
        assert {trial.status for trial in store.trials()} == {"finished"}
    with cluster.get_client() as client:
        deadline = time.monotonic() + 30
        while any("leaky" in str(key) for key in client.run_on_scheduler(_keys)):
            assert time.monotonic() < deadline, "trials of the interrupted study stay with the scheduler"
            time.sleep(0.1)


def _keys(dask_scheduler: Any) -> list[str]:
    return list(dask_scheduler.tasks)
