"""Who would serve a layer of `leaky.nn` on a tensor, why, and what it would keep: `select`'s answers in words."""

from __future__ import annotations

from typing import Any

import torch

from leaky.catalogue import TABLE
from leaky.errors import ArgumentError
from leaky.kernels import gpu, tensors
from leaky.kernels.select import LAYERS, SMALL, Choice, serving, tracing


def explain(operation: str, x: torch.Tensor, parameters: dict[str, Any]) -> Choice:
    """Of `operation`, a name in `LAYERS` or any other entry of the catalogue.

    Example:
        >>> import torch, leaky
        >>> print(leaky.kernels.explain("relu", torch.ones(3)))
        torch: 3 elements are fewer than 4096; keeps its output for backward
    """
    if operation not in LAYERS:
        if operation in TABLE:
            return tensors.explain(operation, x, parameters)
        raise ArgumentError(
            f"explain: `operation` must be an entry of the catalogue or one of {', '.join(LAYERS)}, got {operation!r}"
        )
    values = TABLE[operation].bind(**parameters) if operation in TABLE else _without(operation, parameters)
    row, (kernels, reason) = LAYERS[operation], serving(operation, x)
    if kernels is None:
        return _by_torch(operation, x, reason, values.get("negative_slope", 0.0))
    if kernels is row.native:
        return Choice("native", "a CPU tensor of a supported dtype", row.keeps)
    how = f"a {x.device.type.upper()} tensor of a supported dtype"
    how = f"{how}, in Triton's interpreter" if gpu.interpreted() else how
    return Choice("triton", how, row.keeps_in_triton or row.keeps)


def _without(operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    if parameters:
        raise ArgumentError(f"explain: {operation} takes no parameters, got {', '.join(parameters)}")
    return {}


def _by_torch(operation: str, x: torch.Tensor, reason: str, negative_slope: float) -> Choice:
    row, many = LAYERS[operation], x.numel() >= SMALL and not tracing()
    if operation == "leaky_relu" and many:
        return Choice("plain", reason, "its output" if negative_slope >= 0 else "one byte per element")
    if row.from_output:
        return Choice("torch", reason, "its output" if many and x.dtype in row.from_output else "its input")
    return Choice("torch", reason, row.keeps_in_torch)
