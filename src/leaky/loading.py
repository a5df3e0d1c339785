"""Objects that a user names on the shell: `path/to/file.py:name`."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from typing import Any

from leaky.errors import ArgumentError, LeakyError, one_line, unknown_name


def split(text: str, what: str, error: type[LeakyError]) -> tuple[str, str]:
    """The absolute path of an existing file, and the name after the colon; `what` is asked for."""
    file, colon, name = text.rpartition(":")
    if not colon or not name or (name.endswith(".py") and not file.endswith(".py")):
        raise ArgumentError(f"{what}: `{text}` names no function; write `{text.removesuffix(':')}:build`")
    path = Path(file).expanduser().resolve()
    if not path.is_file():
        raise error(f"{what}: no file `{path}`; write `path/to/file.py:function`")
    return str(path), name


def load(file: str, name: str, what: str, error: type[LeakyError], kind: type | None = None) -> Any:
    """The object `name` of a file; where it is not of `kind` but can be called, what it returns.

    Whatever the file raises becomes one line of the class `error`, with the line of the file it came from.
    """
    module = _import(file, what, error)
    if not hasattr(module, name):
        names = [known for known, value in vars(module).items() if callable(value) and known[0] != "_"]
        raise unknown_name(f"function in `{file}`:", name, names)
    made = getattr(module, name)
    if not callable(made) or (kind is not None and isinstance(made, kind)):
        return made
    try:
        return made()
    except LeakyError:
        raise
    except (Exception, SystemExit) as raised:
        raise error(f"{what}: `{name}()` raised {_told(raised, file)}") from raised


def _import(file: str, what: str, error: type[LeakyError]) -> Any:
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    if spec is None or spec.loader is None:
        raise error(f"{what}: `{file}` is no Python file; write `path/to/file.py:function`")
    module = importlib.util.module_from_spec(spec)
    folder = str(Path(file).parent)
    if folder not in sys.path:  # a file may import the files beside it, now or when its model is built
        sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except LeakyError:
        raise
    except (Exception, SystemExit) as raised:
        raise error(f"{what}: reading `{file}` raised {_told(raised, file)}") from raised
    return module


def _told(error: BaseException, file: str) -> str:
    """The error in one line, with the line of the user's file it came from."""
    if isinstance(error, SyntaxError):
        return one_line(error)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    place = f" (line {lines[-1]} of `{file}`)" if lines else ""
    return f"{one_line(error)}{place}"
