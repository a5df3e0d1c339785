"""Funnel ReLU: the larger of x and what a window around it says."""

from __future__ import annotations

import torch

from leaky.catalogue import lookup
from leaky.errors import ArgumentError
from leaky.nn.activations.base import ActivationModule
from leaky.nn.activations.dynamic import channels, positive


class FunnelReLU(ActivationModule):
    entry = lookup("funnel_relu")
    saved_bytes = 12
    saved_detail = ", its input, the convolution and T(x)"
    example_arguments = "1"
    example_input = "zeros(1, 1, 1, 3)"
    remarks = """T is a depthwise convolution of kernel_size x kernel_size, padded to keep the size, without bias,
and a BatchNorm2d after it. Its weights start normal with standard deviation 1 / kernel_size, which keeps the variance
of a normal input."""
    further = (
        ("num_channels", "channels (dim 1) of its input of shape (N, C, H, W)"),
        ("kernel_size", "of the window, an odd number"),
        ("device", "of the parameters"),
        ("dtype", "of the parameters"),
    )

    def __init__(
        self,
        num_channels: int,
        kernel_size: int = 3,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        num_channels = positive(self.entry.name, "num_channels", num_channels)
        kernel_size = positive(self.entry.name, "kernel_size", kernel_size)
        if kernel_size % 2 == 0:
            raise ArgumentError(
                f"funnel_relu: `kernel_size` must be odd, or the window has no centre, got {kernel_size}"
            )
        self.num_channels, self.kernel_size = num_channels, kernel_size
        self.conv = torch.nn.Conv2d(
            num_channels,
            num_channels,
            kernel_size,
            padding=kernel_size // 2,
            groups=num_channels,
            bias=False,
            device=device,
            dtype=dtype,
        )
        self.norm = torch.nn.BatchNorm2d(num_channels, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start again: normal weights and a fresh norm."""
        torch.nn.init.normal_(self.conv.weight, std=1 / self.kernel_size)
        self.norm.reset_parameters()

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input) for (N, C, H, W)."""
        channels(self.entry.name, input, self.num_channels, input.dim() == 4, "(N, C, H, W)")
        window: torch.Tensor = self.norm(self.conv(input))
        return torch.maximum(input, window)
