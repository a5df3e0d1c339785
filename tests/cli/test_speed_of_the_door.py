"""`leaky --help` and `import leaky` load none of the heavy libraries."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "scipy", "sklearn", "plotly", "matplotlib", "jax", "loky", "jinja2", "pandas")


@pytest.mark.parametrize(
    "code",
    [
        "import leaky",
        "import leaky.lab, leaky.report",
        "import sys; sys.argv = ['leaky', '--help']; from leaky.cli import main; main()",
        "import sys; sys.argv = ['leaky', 'compare', '--help']; from leaky.cli import main; main()",
        "import sys; sys.argv = ['leaky', 'results', '--store', 'nowhere.db']; from leaky.cli import main; main()",
    ],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    probe = f"""
import atexit, sys
atexit.register(lambda: print("LOADED", [name for name in {HEAVY!r} if name in sys.modules]))
{code}
"""
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.splitlines()[-1] == "LOADED []", done.stdout + done.stderr
