"""Agreement with torchlens, in a process of its own: importing it replaces torch's functions for good."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(importlib.util.find_spec("torchlens") is None, reason="torchlens is not installed")
def test_statistics_per_unit_are_those_of_what_it_keeps() -> None:
    script = Path(__file__).with_name("torchlens_agreement.py")
    ran = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.stdout.splitlines()[-1:] == ["agreed"], ran.stderr
