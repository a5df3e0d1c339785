"""Every error that leaky raises on purpose.

One base class, few leaves. A message is one line: the argument, the value given, the remedy.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LeakyError(Exception):
    """Base class of every error leaky raises on purpose; the shell prints it as one line and exits 2."""


class ArgumentError(LeakyError, ValueError):
    """An argument has a value that cannot be used."""


class ArgumentTypeError(LeakyError, TypeError):
    """An argument is of a kind that cannot be used."""


class UnknownNameError(ArgumentError, KeyError):
    """A name that is not in the table; the message suggests the nearest one that is."""

    def __str__(self) -> str:  # KeyError would print the repr, quotes and all
        return Exception.__str__(self)


class MissingExtraError(LeakyError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""


class KernelError(LeakyError, RuntimeError):
    """A kernel that was asked for by name cannot run."""


class StoreError(LeakyError):
    """A store of trials cannot be opened, read or written."""


class TaskError(LeakyError):
    """A task cannot be loaded, or does not keep to the interface of `leaky.lab.Task`."""


class DataError(LeakyError):
    """Published data cannot be fetched, checked or kept; the message says what to do."""


class StudyError(LeakyError):
    """A study came to no result that could be reported."""


def one_line(error: BaseException) -> str:
    """Any error as `Type: message`, on one line of reasonable length."""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message[:400]}" if message else type(error).__name__


def shown(value: object) -> str:
    """What was given, as a message quotes it: its repr on one line, shortened where it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def unknown_name(kind: str, name: str, known: Iterable[str], *, see: str = "") -> UnknownNameError:
    """The error for a `name` that is not among the `known` ones, with the nearest of them as suggestion.

    Where there are too many to name them all, `see` is what lists them.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name.lower().replace("-", "_"), names, n=1, cutoff=0.55)
    if not near:  # "LeakyReLU" is near to "leaky_relu" once the underscores are out of the way
        bare = {known_name.replace("_", ""): known_name for known_name in names}
        near = [bare[match] for match in difflib.get_close_matches(name.lower(), bare, n=1, cutoff=0.6)]
    hints = [f"did you mean `{near[0]}`?"] if near else []
    if see:
        hints.append(f"see `{see}`")
    hint = " ".join(hints) or f"known are {', '.join(names)}"
    return UnknownNameError(f"unknown {kind} `{' '.join(name.split())[:80]}`: {hint}")
