"""Dynamic ReLU: a maximum of lines whose slopes and offsets a small network computes from the input."""

from __future__ import annotations

import numbers
from functools import reduce
from typing import Any

import torch
from torch.nn import functional as F

from leaky.catalogue import lookup
from leaky.errors import ArgumentError, ArgumentTypeError
from leaky.nn.activations.base import ActivationModule


class DynamicReLU(ActivationModule):
    entry = lookup("dynamic_relu")
    saved_bytes = 12
    saved_detail = ", its input and the lines, at num_lines=2"
    example_arguments = "1"
    example_input = "tensor([[[[-1.0, 0.0, 2.0]]]])"
    remarks = """a_k = slopes_k + 2 sigmoid(r_k) - 1 and b_k = (2 sigmoid(s_k) - 1) / 2, with r and s made from the
mean of every channel by two linear layers and a ReLU between them; slopes_1 is 1, the others are 0. The last layer
starts at 0, so the function starts as ReLU, max(x, 0), with f'(0) = 1/2."""
    further = (
        ("num_channels", "channels (dim 1) of its input"),
        ("reduction", "how many times fewer units the network has between its layers; at least one is left"),
        ("num_lines", "K, the number of lines"),
        (
            "shared",
            "True: all channels share the lines (form A of the paper); False: each has its own (form B)",
        ),
        ("device", "of the parameters"),
        ("dtype", "of the parameters"),
    )

    slopes: torch.Tensor

    def __init__(
        self,
        num_channels: int,
        reduction: int = 8,
        num_lines: int = 2,
        *,
        shared: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        num_channels = positive(self.entry.name, "num_channels", num_channels)
        reduction = positive(self.entry.name, "reduction", reduction)
        num_lines = positive(self.entry.name, "num_lines", num_lines)
        self.num_channels, self.reduction, self.num_lines = num_channels, reduction, num_lines
        self.shared = bool(shared)
        hidden = max(num_channels // reduction, 1)
        lines = 2 * num_lines * (1 if shared else num_channels)
        self.squeeze = torch.nn.Linear(num_channels, hidden, device=device, dtype=dtype)
        self.excite = torch.nn.Linear(hidden, lines, device=device, dtype=dtype)
        slopes = torch.zeros(num_lines, device=device, dtype=dtype)
        self.register_buffer("slopes", slopes, persistent=False)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Start again, as ReLU."""
        self.squeeze.reset_parameters()
        torch.nn.init.zeros_(self.excite.weight)
        torch.nn.init.zeros_(self.excite.bias)
        self.slopes.zero_()[0] = 1

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input) for (N, C, H, W), or any other number of axes after the channels."""
        channels(self.entry.name, input, self.num_channels, input.dim() >= 2, "(N, C, H, W)")
        means = input.flatten(2).mean(2) if input.dim() > 2 else input
        residuals = torch.sigmoid(self.excite(F.relu(self.squeeze(means)))) * 2 - 1
        shape = (1 if self.shared else self.num_channels, *[1] * (input.dim() - 2), 2, self.num_lines)
        lines = residuals.view(-1, *shape)
        a, b = self.slopes + lines[..., 0, :], lines[..., 1, :] / 2
        each = [input * a[..., k] + b[..., k] for k in range(self.num_lines)]
        result: torch.Tensor = reduce(torch.maximum, each)
        return result

    def extra_repr(self) -> str:
        """The arguments, as torch prints modules."""
        shown = f"{self.num_channels}, reduction={self.reduction}, num_lines={self.num_lines}"
        return shown + (", shared=True" if self.shared else "")


def positive(function: str, name: str, value: Any) -> int:
    """`value` as an integer; raise unless it is one and at least 1."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ArgumentTypeError(f"{function}: `{name}` must be an integer, got {value!r}")
    if value < 1:
        raise ArgumentError(f"{function}: `{name}` must be an integer of at least 1, got {value}")
    return int(value)


def channels(function: str, input: torch.Tensor, num_channels: int, fits: bool, wanted: str) -> None:
    """Raise unless `input` has the axes that are wanted and that many channels in dim 1."""
    if not fits or input.shape[1] != num_channels:
        raise ArgumentError(
            f"{function}: the input must have shape {wanted} with C = num_channels = {num_channels}, "
            f"got {tuple(input.shape)}"
        )
