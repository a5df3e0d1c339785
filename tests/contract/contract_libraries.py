"""The array libraries of the contract: how each makes an array of a dtype, and how its numbers are read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest


class Library:
    """NumPy, and what the others do differently."""

    module = "numpy"
    dtypes: tuple[str, ...] = ("float16", "float32", "float64")
    default = "float64"
    compact = False
    """Its arrays have no layouts: what is cut out of one is a new one (and XLA compiles for every new shape)."""
    slow = False
    """Milliseconds a call, whatever its size."""
    flushes: tuple[str, ...] = ()
    """Dtypes in which subnormal numbers count as zero; the contract leaves them out there."""

    def array(self, numbers: Any, dtype: str) -> Any:
        """An array of `dtype`."""
        return np.asarray(numbers, dtype=dtype)

    def read(self, array: Any) -> Any:
        """Its numbers as a float64 NumPy array."""
        return np.asarray(array).astype(np.float64)

    def dtype(self, array: Any) -> str:
        """Name of its dtype."""
        return str(array.dtype).rpartition(".")[2]

    def kind(self, array: Any) -> type:
        """What it is; a NumPy scalar counts as the 0-d array it stands for."""
        return np.ndarray if isinstance(array, np.generic) else type(array)

    def place(self, array: Any) -> Any:
        """Where it is."""
        return array.device

    def session(self) -> contextlib.AbstractContextManager[Any]:
        """What has to be set while it is tested."""
        return contextlib.nullcontext()


class Torch(Library):
    module = "torch"
    dtypes = ("float16", "bfloat16", "float32", "float64")
    default = "float32"

    def array(self, numbers: Any, dtype: str) -> Any:
        import torch

        return torch.tensor(np.asarray(numbers, dtype=np.float64)).to(getattr(torch, dtype))

    def read(self, array: Any) -> Any:
        return array.detach().double().numpy()


class Jax(Library):
    """In 64-bit mode. XLA on a CPU treats subnormal float32 and float64 numbers as zero, going in and out."""

    module = "jax"
    dtypes = ("float16", "bfloat16", "float32", "float64")
    compact = True
    slow = True
    flushes = ("bfloat16", "float32", "float64")

    def array(self, numbers: Any, dtype: str) -> Any:
        import jax.numpy as jnp

        return jnp.asarray(np.asarray(numbers, dtype=np.float64).astype(jnp.dtype(dtype)))

    @contextlib.contextmanager
    def session(self) -> Iterator[None]:
        import jax

        before = jax.config.jax_enable_x64
        jax.config.update("jax_enable_x64", True)
        yield
        jax.config.update("jax_enable_x64", before)


class Dask(Library):
    """Its blocks are computed by NumPy when the numbers are read; blocks of seven end in odd places."""

    module = "dask.array"
    slow = True

    def array(self, numbers: Any, dtype: str) -> Any:
        import dask.array

        return dask.array.from_array(np.asarray(numbers, dtype=dtype), chunks=7)

    def read(self, array: Any) -> Any:
        return np.asarray(array.compute(scheduler="synchronous")).astype(np.float64)

    def place(self, array: Any) -> Any:
        return "where its blocks are"


class Strict(Library):
    """The array-API standard and nothing beyond it."""

    module = "array_api_strict"
    dtypes = ("float32", "float64")

    def array(self, numbers: Any, dtype: str) -> Any:
        import array_api_strict

        return array_api_strict.asarray(np.asarray(numbers, dtype=dtype))


LIBRARIES = {"numpy": Library(), "torch": Torch(), "jax": Jax(), "dask": Dask(), "strict": Strict()}
PAIRS: Sequence[tuple[str, str]] = [(name, dtype) for name, it in LIBRARIES.items() for dtype in it.dtypes]


@contextlib.contextmanager
def opened(name: str) -> Iterator[Library]:
    """The library, ready to be tested; the test is skipped where it is not installed."""
    library = LIBRARIES[name]
    pytest.importorskip(library.module)
    with library.session():
        yield library
