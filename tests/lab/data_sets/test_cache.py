"""Featurised arrays are made once, mapped afterwards, and made anew when what makes them changes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leaky.errors import ArgumentError, DataError
from leaky.lab.datasets import featurised

CALLS: list[int] = []


def of_co2(files: Mapping[str, Path], factor: int) -> dict[str, Any]:
    CALLS.append(factor)
    return {"values": factor * np.arange(6.0).reshape(2, 3), "labels": np.array([1, 0])}


def test_arrays_are_made_once_and_mapped(shared_data: Path) -> None:
    CALLS.clear()
    first = featurised("co2", "test", partial(of_co2, factor=2))
    again = featurised("co2", "test", partial(of_co2, factor=2))
    assert CALLS == [2]
    assert sorted(again) == ["labels", "values"]
    assert isinstance(again["values"], np.memmap)
    np.testing.assert_array_equal(again["values"], [[0, 2, 4], [6, 8, 10]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch warns of arrays that cannot be written
        tensor = torch.from_numpy(again["values"])
    tensor[0, 0] = 7  # nobody else sees it
    np.testing.assert_array_equal(first["values"], [[0, 2, 4], [6, 8, 10]])


def test_another_version_or_another_way_is_made_anew(shared_data: Path) -> None:
    CALLS.clear()
    for version, factor in (("a", 3), ("b", 3), ("b", 4), ("a", 3)):
        found = featurised("co2", version, partial(of_co2, factor=factor))
        assert found["values"][1, 2] == 5 * factor
    assert CALLS == [3, 3, 4]


def test_objects_are_refused(shared_data: Path) -> None:
    with pytest.raises(ArgumentError, match="featurised: `words` must hold numbers, got dtype object"):
        featurised("co2", "test", lambda files: {"words": np.array(["a", None])})


@pytest.mark.parametrize("size", [0, 60, 130])
def test_what_is_cut_off_on_disk_is_named_with_its_remedy(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setenv("LEAKY_CACHE_DIR", str(tmp_path))
    featurised("co2", "test", partial(of_co2, factor=2))
    (path,) = tmp_path.rglob("values.npy")
    path.write_bytes(path.read_bytes()[:size])
    damaged = r"the features of co2 in `.*` are damaged .*; delete that folder"
    with pytest.raises(DataError, match=damaged) as told:
        featurised("co2", "test", partial(of_co2, factor=2))
    assert str(path.parent) in str(told.value)


def test_a_file_in_the_place_of_the_cache_is_named(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LEAKY_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"a file is in its place.*; name a folder in LEAKY_CACHE_DIR"):
        featurised("co2", "test", partial(of_co2, factor=2))
