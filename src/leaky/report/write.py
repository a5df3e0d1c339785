"""Putting files where they were asked for: checked before the work starts, and whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from leaky.errors import ArgumentError

Location = str | os.PathLike[str]


def check_writable(path: Location, argument: str = "report") -> Path:
    """The path, resolved, if a file can be written there; `ArgumentError` if not. Leaves nothing behind."""
    target = _resolved(path, argument)
    if target.is_dir():
        raise ArgumentError(f"{argument}: cannot write `{path}` (it is a directory); name a file in it")
    if target.exists() and not target.is_file():
        raise ArgumentError(f"{argument}: cannot write `{path}` (not a regular file); name another path")
    if target.exists() and not os.access(target, os.W_OK):
        raise ArgumentError(
            f"{argument}: cannot write `{path}` (read-only); make it writable or name another path"
        )
    _try_directory(target.parent, path, argument)
    return target


def check_directory(path: Location, argument: str = "png") -> Path:
    """The path, resolved, if files can be written into it as a directory; `ArgumentError` if not.

    A directory that does not exist yet must be one that can be made; it is not made here.
    """
    target = _resolved(path, argument)
    if target.is_dir():
        _try_directory(target, path, argument)
    elif target.exists():
        raise ArgumentError(f"{argument}: `{path}` is not a directory; name one")
    else:
        _try_directory(target.parent, path, argument)
    return target


def write_atomically(target: Path, content: bytes, argument: str) -> None:
    """Write a file beside `target`, then rename it: a reader sees the old file or the new, never half of one."""
    made: Path | None = None
    try:
        made = _temporary(target.parent, target.name)
        made.write_bytes(content)
        made.replace(target)
    except OSError as problem:
        raise ArgumentError(
            f"{argument}: cannot write `{target}` ({_reason(problem)}); name another path"
        ) from None
    finally:
        if made is not None:
            made.unlink(missing_ok=True)


def _resolved(path: Location, argument: str) -> Path:
    text = os.fspath(path)
    if not text or "\0" in text:
        raise ArgumentError(f"{argument}: cannot write {text!r} (not a path); name a path")
    try:
        return Path(text).expanduser().resolve()  # through links: replacing one would cut it
    except (OSError, RuntimeError) as problem:
        raise ArgumentError(
            f"{argument}: cannot write `{path}` ({_reason(problem)}); name another path"
        ) from None


def _try_directory(directory: Path, path: Location, argument: str) -> None:
    """Permissions alone do not tell (read-only mounts, root): make a file, and take it away again."""
    shown = Path(os.fspath(path)).parent if directory != Path(os.fspath(path)).resolve() else path
    if not directory.exists():
        raise ArgumentError(
            f"{argument}: cannot write `{path}` (no such directory `{shown}`); create it or name another path"
        )
    try:
        _temporary(directory, "check").unlink()
    except OSError as problem:
        raise ArgumentError(
            f"{argument}: cannot write `{path}` ({_reason(problem)}); name another path"
        ) from None


def _temporary(directory: Path, name: str) -> Path:
    """A new empty file with the permissions a new file has here, which `tempfile` would narrow."""
    made = directory / f".{name[:100]}.{secrets.token_hex(4)}.tmp"
    made.touch(exist_ok=False)
    return made


def _reason(problem: BaseException) -> str:
    return (getattr(problem, "strerror", None) or str(problem)).lower()
