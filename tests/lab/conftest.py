"""The published data that tests use where a copy of them is at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def kept_features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the whole run: what a test unpacked or featurised, the next one finds."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def shared_data(monkeypatch: pytest.MonkeyPatch, kept_features: Path) -> Path:
    """The mirror of published data that LEAKY_DATA_DIR names, or the one beside the repository."""
    folder = Path(os.environ.get("LEAKY_DATA_DIR") or _BESIDE)
    if not folder.is_dir():
        pytest.skip(f"no mirror of the published data at {folder}; name one in LEAKY_DATA_DIR")
    monkeypatch.setenv("LEAKY_DATA_DIR", str(folder))
    monkeypatch.setenv("LEAKY_CACHE_DIR", str(kept_features))
    return folder
