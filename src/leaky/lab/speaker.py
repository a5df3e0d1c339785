"""Who speaks in an error: what several calls check says `compare:`, whichever of them was made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from leaky.errors import LeakyError

_SHARED = "compare: "


@contextmanager
def speaking_as(call: str) -> Iterator[None]:
    """An error raised within that begins with `compare:` begins with `call` instead; its type stays."""
    try:
        yield
    except LeakyError as error:
        text = str(error)
        if not text.startswith(_SHARED):
            raise
        raise type(error)(f"{call}: {text.removeprefix(_SHARED)}") from error
