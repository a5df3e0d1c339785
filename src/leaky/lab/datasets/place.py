"""Where data lie on this machine, and what is said when they cannot be put there."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import pooch

from leaky.errors import DataError, one_line


def mirror() -> Path | None:
    """The offline mirror that `LEAKY_DATA_DIR` names, or None."""
    named = os.environ.get("LEAKY_DATA_DIR")
    if not named:
        return None
    path = Path(named).expanduser().absolute()
    if not path.is_dir():
        raise DataError(f"data: LEAKY_DATA_DIR names `{path}`, which is no folder; correct or unset it")
    return path


def cache() -> Path:
    """The folder for what is downloaded, unpacked and featurised: `LEAKY_CACHE_DIR`, or the system's own."""
    return Path(os.environ.get("LEAKY_CACHE_DIR") or pooch.os_cache("leaky")).expanduser().absolute()


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn what the file system raises into one line with a remedy."""
    try:
        yield
    except OSError as error:
        where = f"`{error.filename}`" if error.filename else f"`{cache()}`"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            remedy = "free some space, or name another folder in LEAKY_CACHE_DIR"
            raise DataError(f"data: no space left for {what} in `{cache()}`; {remedy}") from error
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            remedy = "name a folder of your own in LEAKY_CACHE_DIR"
            raise DataError(f"data: {where} cannot be used for {what} (no permission); {remedy}") from error
        if isinstance(error, NotADirectoryError | FileExistsError):
            remedy = "name a folder in LEAKY_CACHE_DIR"
            raise DataError(
                f"data: {where} cannot be used for {what} (a file is in its place); {remedy}"
            ) from error
        raise DataError(f"data: {what} failed at {where} ({one_line(error)}); try again") from error


@contextmanager
def made_once(target: Path, what: str) -> Iterator[Path | None]:
    """An empty folder to fill, which becomes `target` when the block ends; None where `target` is there already.

    One process makes it, the others wait; what was half made by one that died never becomes `target`.
    """
    with told(what):
        if target.is_dir():
            yield None
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(target.parent / f".{target.name}.lock"):
            if target.is_dir():
                yield None
                return
            with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
                making = Path(scratch) / "made"
                making.mkdir()
                yield making
                making.replace(target)
