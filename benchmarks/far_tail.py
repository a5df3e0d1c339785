"""How many digits a slope keeps that is computed from the output, per dtype.

    python benchmarks/far_tail.py

For every x between -12 and 12 of a fine grid, rounded to the dtype: the largest relative error of the slope, over all
x whose slope is at least a tenth, a hundredth and so on of the largest. The slope is computed from the rounded output
in float32 (float64 for float64), as the backward of the layers does. No timings: any machine gives these figures.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

Function = Callable[[torch.Tensor], torch.Tensor]

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
LEAST = (0.1, 0.01, 1e-3, 1e-4)
_ALPHA, _SCALE = 1.6732632423543772, 1.0507009873554805

SLOPES: dict[str, tuple[Function, Function, Function]] = {
    "tanh": (torch.tanh, lambda y: 1 - y * y, lambda x: 1 / torch.cosh(x) ** 2),
    "sigmoid": (torch.sigmoid, lambda y: (1 - y) * y, lambda x: torch.sigmoid(x) * torch.sigmoid(-x)),
    "elu, celu": (
        torch.nn.functional.elu,
        lambda y: torch.where(y > 0, 1.0, y + 1),
        lambda x: torch.where(x > 0, 1.0, torch.exp(x)),
    ),
    "selu": (
        torch.nn.functional.selu,
        lambda y: torch.where(y > 0, _SCALE, y + _SCALE * _ALPHA),
        lambda x: torch.where(x > 0, _SCALE, _SCALE * _ALPHA * torch.exp(x)),
    ),
    "softplus": (torch.nn.functional.softplus, lambda y: -torch.expm1(-y), torch.sigmoid),
}
"""Of each: f, f' from y, and f' from x."""


def worst(name: str, dtype: torch.dtype) -> list[float]:
    """The largest relative error of the slope from the output, for each of `LEAST`."""
    function, from_output, from_input = SLOPES[name]
    x = torch.linspace(-12, 12, 24_001, dtype=torch.float64).to(dtype).double()
    truth = from_input(x)
    y = function(x).to(dtype)  # rounded once
    wide = y if dtype == torch.float64 else y.float()
    error = ((from_output(wide).double() - truth) / truth).abs()
    return [error[truth >= least * truth.max()].max().item() for least in LEAST]


def table() -> str:
    """The table of docs/guide/modules.md."""
    lines = [
        "| slope from the output | dtype | " + " | ".join(f"f' >= {least:g}" for least in LEAST) + " |",
        "| --- | --- | " + " | ".join("---" for _ in LEAST) + " |",
    ]
    for name in SLOPES:
        for dtype in DTYPES:
            cells = " | ".join(f"{error:.0e}" for error in worst(name, dtype))
            lines.append(f"| {name} | {str(dtype).removeprefix('torch.')} | {cells} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
