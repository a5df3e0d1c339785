"""Data as a training loop takes it: arrays or map-style datasets, split and drawn from by index."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, default_collate

from leaky.errors import TaskError
from leaky.lab.identity import identity

Batch = tuple[Any, torch.Tensor]
_EVALUATION_BATCH = 1024
_SAMPLED = 16


class Samples:
    """Inputs and targets, drawn by index: from two arrays held as tensors, or from a map-style dataset."""

    def __init__(self, inputs: torch.Tensor | Dataset[Any], targets: torch.Tensor | None = None) -> None:
        self.inputs = inputs
        self.targets = targets

    def __len__(self) -> int:
        return len(self.inputs)  # type: ignore[arg-type]  # map-style datasets have a length

    def __getstate__(self) -> dict[str, Any]:
        """Tensors as NumPy arrays, which pickle hands over without a copy."""
        return {
            name: part.contiguous().numpy() if isinstance(part, torch.Tensor) else part
            for name, part in vars(self).items()
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, part in state.items():
            setattr(self, name, torch.from_numpy(part) if isinstance(part, np.ndarray) else part)

    def take(self, indices: torch.Tensor) -> Batch:
        """One batch: (inputs, targets) at `indices`."""
        if self.targets is not None:
            assert isinstance(self.inputs, torch.Tensor)
            return self.inputs.index_select(0, indices), self.targets.index_select(0, indices)
        inputs, targets = default_collate([self.inputs[i] for i in indices.tolist()])
        return inputs, targets

    def batches(self, indices: torch.Tensor, size: int) -> Iterator[Batch]:
        """The samples at `indices` in batches of at most `size`; arrays are gathered once, then viewed."""
        if self.targets is None:
            yield from map(self.take, torch.split(indices, size))
        else:
            inputs, targets = self.take(indices)
            yield from zip(torch.split(inputs, size), torch.split(targets, size), strict=True)

    def fingerprint(self) -> str:
        """A hash of the arrays; of a dataset its type, length and a few samples, since reading it may be dear."""
        digest = hashlib.sha256()
        if self.targets is None:
            digest.update(f"{type(self.inputs).__qualname__} {len(self)}".encode())
            with seeded(0):  # a dataset may augment its samples
                few = [self.inputs[i] for i in range(0, len(self), max(1, len(self) // _SAMPLED))]
            digest.update(identity(few).encode())
        else:
            for part in (self.inputs, self.targets):
                assert isinstance(part, torch.Tensor)
                digest.update(f"{part.dtype} {tuple(part.shape)}".encode())
                digest.update(part.contiguous().view(torch.uint8).numpy().data)
        return digest.hexdigest()


def samples(task: str, part: str, data: Any) -> Samples:
    """`data` of a task as Samples: a pair (inputs, targets) of arrays, or a dataset of such pairs.

    float64 and float16 arrays become float32, integer targets int64, as torch's layers and losses want them.
    """
    if isinstance(data, tuple) and len(data) != 2:
        raise TaskError(
            f"task `{task}`: `{part}` must be a pair of arrays (inputs, targets), got {len(data)} parts"
        )
    if isinstance(data, tuple | list) and len(data) == 2:
        inputs, targets = (_tensor(task, part, array) for array in data)
        if inputs.dim() == 0 or targets.dim() == 0 or len(inputs) != len(targets):
            shapes = f"{tuple(inputs.shape)} and {tuple(targets.shape)}"
            raise TaskError(f"task `{task}`: `{part}` must hold a target per input, got shapes {shapes}")
        if targets.dtype.is_floating_point and not targets.isfinite().all():
            raise TaskError(
                f"task `{task}`: targets in `{part}` must be finite, got NaN or infinity; clean them"
            )
        found = Samples(inputs, targets.long() if not targets.dtype.is_floating_point else targets)
    elif hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        found = Samples(data)
    else:
        raise TaskError(
            f"task `{task}`: `{part}` must be a pair of arrays (inputs, targets) or a dataset with __len__ and "
            f"__getitem__, got {type(data).__name__}"
        )
    if len(found) < 2:
        raise TaskError(f"task `{task}`: `{part}` holds {len(found)} samples; at least 2 are needed")
    return found


def _tensor(task: str, part: str, array: Any) -> torch.Tensor:
    if isinstance(array, torch.Tensor):
        tensor = array.detach().cpu()
    else:
        array = np.asarray(array)
        if array.dtype.kind not in "biuf":
            raise TaskError(
                f"task `{task}`: `{part}` must be numbers, got dtype {array.dtype}; encode it first"
            )
        tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.float() if tensor.dtype in (torch.float64, torch.float16) else tensor


class Part:
    """A validation or test split: samples and which of them (all, when None)."""

    def __init__(self, samples: Samples, indices: torch.Tensor | None) -> None:
        self.samples = samples
        self.indices = torch.arange(len(samples)) if indices is None else indices
        self._kept: list[Batch] = []

    def __len__(self) -> int:
        return len(self.indices)

    def batches(self) -> list[Batch] | Iterator[Batch]:
        """The split in order, in batches of at most 1,024; those of arrays are gathered once and kept."""
        if self.samples.targets is None:
            return self.samples.batches(self.indices, _EVALUATION_BATCH)
        self._kept = self._kept or list(self.samples.batches(self.indices, _EVALUATION_BATCH))
        return self._kept

    def targets(self) -> torch.Tensor:
        """The targets of the whole split."""
        return torch.cat([targets for _, targets in self.batches()])


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """torch's, NumPy's and Python's global generators at `seed`, and as they were afterwards."""
    states = (random.getstate(), np.random.get_state())
    with torch.random.fork_rng(devices=[]):
        seed_everything(seed)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


def seed_everything(seed: int) -> None:
    """Seed the global generators that a model or a dataset may draw from."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def split(count: int, fraction: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Indices of a random split of `count` samples: (the larger part, `fraction` of them)."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    held_out = min(max(1, round(count * fraction)), count - 1)
    return order[held_out:], order[:held_out]
