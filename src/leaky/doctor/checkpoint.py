"""Weights of a file into a model: read as weights only, and all of them or none."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from leaky.errors import ArgumentError, one_line

_INSIDE = ("state_dict", "model_state_dict", "model", "module")
"""Where checkpoints that hold more than weights keep these."""
_WRAPPERS = ("module.", "_orig_mod.")
"""What DistributedDataParallel and torch.compile put before every name."""


def load_checkpoint(model: torch.nn.Module, path: str | os.PathLike[str]) -> None:
    """Load a `state_dict` from a file into the model, in place.

    The file is read with `weights_only=True`, so nothing in it is executed. It may hold the weights themselves or a
    dict that has them under `state_dict`, `model_state_dict`, `model` or `module`, and names with the prefixes of
    DistributedDataParallel or torch.compile.

    Raises:
        ArgumentError: the file is no such checkpoint, or does not fit. The model is untouched then.
    """
    weights = _weights(_read(path), path)
    wanted = model.state_dict()
    for wrapper in _WRAPPERS * 2:
        if weights and all(key.startswith(wrapper) for key in weights) and not weights.keys() & wanted.keys():
            weights = {key.removeprefix(wrapper): value for key, value in weights.items()}
    lacking = [key for key in wanted if key not in weights]
    unknown = [key for key in weights if key not in wanted]
    other = [
        f"`{key}` has shape {tuple(weights[key].shape)}, the model's {tuple(value.shape)}"
        for key, value in wanted.items()
        if isinstance(value, torch.Tensor)
        and isinstance(weights.get(key), torch.Tensor)
        and weights[key].shape != value.shape
    ]
    told = [
        *([f"{_some(lacking)} not in the file"] if lacking else []),
        *([f"{_some(unknown)} not in the model"] if unknown else []),
        *([other[0] + (f", and {len(other) - 1} more differ" if other[1:] else "")] if other else []),
    ]
    if told:
        raise ArgumentError(
            f"checkpoint: `{path}` does not fit {type(model).__name__}: {'; '.join(told)}; build the model it was "
            "saved from"
        )
    try:
        model.load_state_dict(weights)
    except Exception as problem:  # a module's own loading may raise anything
        raise ArgumentError(f"checkpoint: `{path}` does not fit: {one_line(problem)}") from problem


def _read(path: str | os.PathLike[str]) -> Any:
    if not Path(path).is_file():
        raise ArgumentError(f"checkpoint: no file `{path}`; name one that torch.save wrote")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other pickles: what is wrong with them is told below
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # pickle, zip and torch errors of many kinds
        code = re.search(r"GLOBAL ([\w.]+)", str(problem))
        told = f"it holds `{code[1]}`, which is code" if code else one_line(problem)[:160]
        raise ArgumentError(
            f"checkpoint: cannot read `{path}` as weights only ({told}); save `model.state_dict()`"
        ) from problem


def _weights(held: Any, path: str | os.PathLike[str]) -> dict[str, Any]:
    if isinstance(held, Mapping):
        inside = next((held[key] for key in _INSIDE if isinstance(held.get(key), Mapping)), held)
        if inside and all(isinstance(key, str) for key in inside):
            return dict(inside)
    kind = type(held).__name__
    raise ArgumentError(f"checkpoint: `{path}` holds no weights by name ({kind}); save `model.state_dict()`")


def _some(keys: list[str]) -> str:
    return f"`{keys[0]}` is" if len(keys) == 1 else f"`{keys[0]}` and {len(keys) - 1} more are"
