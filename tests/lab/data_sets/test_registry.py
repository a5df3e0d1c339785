"""Every data set is pinned, has a licence, and is in the mirror with the bytes that the registry knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from leaky.lab.datasets import DATASETS, File, fetch
from leaky.lab.tasks import FIELDS, PRESETS


@pytest.mark.parametrize("entry", DATASETS.values(), ids=list(DATASETS))
def test_addresses_are_pinned_and_terms_are_stated(entry: object) -> None:
    for part in entry.parts:  # type: ignore[attr-defined]
        assert re.match(r"https://.*[0-9a-f]{40}", part.url)
        assert re.fullmatch("[0-9a-f]{64}", part.sha256 if isinstance(part, File) else part.digest)
    for words in ("licence", "citation", "homepage", "title"):
        assert getattr(entry, words)


def test_every_task_that_needs_data_has_them_in_its_field() -> None:
    for task in PRESETS.keys() & DATASETS.keys():
        assert task in FIELDS[DATASETS[task].field]


@pytest.mark.parametrize("name", DATASETS)
def test_the_mirror_holds_what_the_registry_knows(name: str, shared_data: Path) -> None:
    found = fetch(name)
    assert found.keys() == {part.name for part in DATASETS[name].parts}
    assert all(path.exists() for path in found.values())
