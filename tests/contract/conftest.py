"""Fixtures of the contract."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from contract_libraries import Library, opened

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))  # its measure of ulps


@pytest.fixture
def library(request: pytest.FixtureRequest) -> Iterator[Library]:
    """The array library that the test's parameter names."""
    with opened(request.param) as found:
        yield found
