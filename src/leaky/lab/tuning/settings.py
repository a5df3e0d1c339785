"""What of Optuna's a user may choose, and what its errors become."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaky.errors import ArgumentError, LeakyError, StoreError, one_line
from leaky.lab.engine import Engine


@dataclass(frozen=True)
class Settings:
    """A search by Optuna: how many trials, and where they are kept. Samplers and pruners are Optuna's own objects."""

    trials: int
    storage: str
    study_name: str | None = None
    sampler: Any = None
    pruner: Any = None


def beside(store: str | Path) -> str:
    """The URL of the SQLite file where Optuna's studies are kept unless said otherwise: beside the store of trials.

    >>> beside("/data/leaky.db")
    'sqlite:////data/leaky-optuna.db'
    """
    path = Path(store).expanduser().absolute()
    return f"sqlite:///{path.with_name(f'{path.stem}-optuna.db')}"


def reachable(storage: str, engine: Engine) -> None:
    """Raise `ArgumentError` where workers on other machines would look for a SQLite file of this one."""
    if engine.elsewhere and storage.startswith("sqlite"):
        raise ArgumentError(
            f"tune: `storage` {storage} is a file of this machine, which workers on {engine.elsewhere[0]} cannot "
            "write; give the URL of a database server, or search by grid"
        )


def without_password(text: str) -> str:
    """The URL as it may be shown.

    >>> without_password("mysql://me:secret@host/optuna")
    'mysql://me:***@host/optuna'
    """
    return re.sub(r"(://[^/\s:@]*):[^/\s@]*@", r"\1:***@", text)


@contextmanager
def told(storage: str) -> Iterator[None]:
    """Optuna quiet, and what it or its database raises in one line."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    except LeakyError:
        raise
    except Exception as error:
        raise StoreError(
            f"tune: the search cannot go on with the Optuna storage `{without_password(storage)}` "
            f"({without_password(one_line(error))}); give the URL of a database, such as sqlite:///optuna.db"
        ) from error
    finally:
        optuna.logging.set_verbosity(level)
