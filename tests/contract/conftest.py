"""Fixtures of the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from contract_libraries import Library, opened


@pytest.fixture
def library(request: pytest.FixtureRequest) -> Iterator[Library]:
    """The array library that the test's parameter names."""
    with opened(request.param) as found:
        yield found
