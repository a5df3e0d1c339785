"""Help texts say what was written: Rich takes a bracket in them as markup unless it is escaped."""

from __future__ import annotations

from typing import Any

import pytest
import typer.main
from rich.text import Text

from leaky.cli import app

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("claims", "dask"),
        ("compare", "dask"),
        ("tune", "dask"),
        ("tune", "tune"),
        ("report", "tensorboard"),
    ],
)
def test_extras_are_named_whole(leaky_shell: Any, command: str, extra: str) -> None:
    shown = leaky_shell(command, "--help", check=True, COLUMNS="200").stdout
    assert f"needs pip install 'leaky[{extra}]'" in " ".join(shown.replace("│", " ").split())


@pytest.mark.parametrize("name", COMMANDS)
def test_no_bracket_is_taken_as_markup(name: str) -> None:
    command = COMMANDS[name]
    texts = [command.help, *(getattr(parameter, "help", None) for parameter in command.params)]
    for text in filter(None, texts):
        assert Text.from_markup(text).plain == text.replace("\\[", "[")
