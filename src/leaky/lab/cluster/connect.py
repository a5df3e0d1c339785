"""From `dask://HOST:PORT` to a connected engine, or to one line that says why not."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dask.config
from dask.utils import parse_timedelta
from distributed import Client

from leaky.errors import ArgumentError, StudyError, one_line, shown
from leaky.lab.cluster.executor import DaskExecutor
from leaky.lab.cluster.installed import asker, difference, installed
from leaky.lab.engine import Engine, Named

_CONNECT_SECONDS = 10
_WORKERS_SECONDS = 60


@contextmanager
def connected(executor: Named, limit: int | None) -> Iterator[Engine]:
    """The engine on the cluster that a user named, its workers asked which leaky they have.

    Raises:
        ArgumentError: this is no address.
        StudyError: nobody answers there, there are no workers, or one has another leaky.
    """
    if isinstance(executor, Client):
        client: Any = executor
        yield from _engine(client, client.scheduler.address, limit)
        return
    found = re.fullmatch(r"dask://([^/\s]+:\d+)", executor) if isinstance(executor, str) else None
    if found is None:
        raise ArgumentError(
            f"compare: `executor` must be local, dask://HOST:PORT or a distributed.Client, got {shown(executor)}"
        )
    with _quiet(), _client(found[1], str(executor)) as own:
        yield from _engine(own, str(executor), limit)


def _engine(client: Any, name: str, limit: int | None) -> Iterator[Engine]:
    _wait_for_workers(client, name)
    elsewhere = _check(client, name)
    threads = dict(client.nthreads())
    workers = min(len(threads), limit or len(threads))
    told = f"{len(threads)} worker process{'es' if len(threads) > 1 else ''} at {name}"
    if any(count > 1 for count in threads.values()):
        told += ", each training one trial at a time whatever its threads: start workers with --nthreads 1"
    executor = DaskExecutor(client, name, limit)
    try:
        yield Engine(
            workers,
            lambda: executor,
            told,
            {"workers": str(workers), "executor": f"dask, {len(threads)} processes"},
            elsewhere,
        )
    finally:
        executor.close()


@contextmanager
def _client(address: str, name: str) -> Iterator[Any]:
    try:
        connect: Any = Client
        allowed = dask.config.get("distributed.comm.timeouts.connect")
        seconds = min(_CONNECT_SECONDS, parse_timedelta(allowed))
        client = connect(f"tcp://{address}", timeout=seconds, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise StudyError(
            f"compare: no Dask scheduler answers at {name} ({one_line(error)}); start one with `dask scheduler`, or "
            "train on this machine without `executor`"
        ) from error
    try:
        yield client
    finally:
        client.close()


def _wait_for_workers(client: Any, name: str) -> None:
    try:
        client.wait_for_workers(1, timeout=_WORKERS_SECONDS)
    except TimeoutError:
        raise StudyError(
            f"compare: no workers at {name} after {_WORKERS_SECONDS} seconds; start some: "
            f"dask worker {name.removeprefix('dask://')} --nthreads 1 --nworkers auto"
        ) from None


def _check(client: Any, name: str) -> tuple[str, ...]:
    """Names of the machines that are not this one; raises where one of the processes has another leaky."""
    answers = {"its scheduler": client.run_on_scheduler(asker())}
    answers |= {f"its worker {address}": told for address, told in client.run(asker()).items()}
    for who, told in answers.items():
        if unlike := difference(told, installed()):
            raise StudyError(f"compare: {name} cannot be used, {who} {unlike}; install the same there")
    machines = {told["machine"] for told in answers.values()}
    return tuple(sorted(machines - {installed()["machine"]}))


@contextmanager
def _quiet() -> Iterator[None]:
    """What Dask logs and warns of on the way is said here in one line, or is of no concern to a study."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]  # Dask sets both
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="distributed")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
