"""Featurised data, kept as .npy files and mapped into every process that trains on them."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from leaky.errors import ArgumentError, DataError, one_line
from leaky.lab.datasets import place
from leaky.lab.datasets.fetch import fetch
from leaky.lab.datasets.registry import DATASETS
from leaky.lab.identity import identity

Array = npt.NDArray[np.generic]


def featurised(
    name: str, version: str, build: Callable[[dict[str, Path]], Mapping[str, npt.ArrayLike]]
) -> dict[str, Array]:
    """The arrays that `build` makes of a data set: made once on a machine, then mapped from disk.

    They are kept under the hash of the data, `version`, and the source of `build` with what it closes over and the
    functions of its own file and of the lab that it calls; when one of these changes they are made anew.

    Args:
        name: of a data set in the registry.
        version: raise it when `build` changes in a way that its source does not show.
        build: a function of `fetch(name)` that returns arrays by name. Deterministic: it runs on one machine only
            once, whatever the seed.

    Returns:
        The arrays, memory-mapped copy-on-write: `torch.from_numpy` takes them as they are, processes share the
        pages, and what one writes nobody else sees.

    Raises:
        DataError: the data cannot be had, the disk is full, or what is kept is damaged.
    """
    digest = hashlib.sha256(f"{DATASETS[name].digest} {version} {identity(build)}".encode()).hexdigest()[:16]
    folder = place.cache() / name / f"features-{digest}"
    with place.made_once(folder, f"the features of {name}") as making:
        if making:
            for key, array in build(fetch(name)).items():
                values = np.asarray(array)
                if values.dtype.hasobject:
                    raise ArgumentError(f"featurised: `{key}` must hold numbers, got dtype object")
                _save(making / f"{key}.npy", values)
    try:
        return {path.stem: np.load(path, mmap_mode="c") for path in sorted(folder.glob("*.npy"))}
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"data: the features of {name} in `{folder}` are damaged ({one_line(error)}); delete that folder, and "
            "they are made anew"
        ) from error


def _save(path: Path, values: Array) -> None:
    try:
        np.save(path, values, allow_pickle=False)
    except OSError as error:
        if error.errno is None:  # NumPy tells how much was not written, and not that the disk is full
            raise OSError(errno.ENOSPC, str(error), str(path)) from error
        raise
