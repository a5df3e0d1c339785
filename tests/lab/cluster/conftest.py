"""Tasks that do as they like in workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def changed_task(tiny_task: str) -> Callable[[str], str]:
    """The tiny task with a model of its own, told in source; `plain` there is the usual one."""

    def change(model: str) -> str:
        path = Path(tiny_task.rpartition(":")[0])
        source, build = path.read_text().split("def build")
        path.write_text(f"{source}\nplain = model\n{model}\n\ndef build{build}")
        return tiny_task

    return change
