"""Rectifiers that draw random numbers in training, from torch's generator of the input's device."""

from __future__ import annotations

import torch

from leaky.catalogue import lookup
from leaky.catalogue.rectifiers import mean_slope
from leaky.nn import functional
from leaky.nn.activations.base import ActivationModule, exporting, of_large
from leaky.nn.activations.elementwise import Elementwise, floating
from leaky.nn.activations.twins import written
from leaky.nn.layers.drawn import rrelu_in_training


class NoisyReLU(Elementwise):
    entry = lookup("noisy_relu")
    saved_bytes = 1 / 8
    saved_detail = of_large("the output")

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input); in training of the input and its noise."""
        input = floating(input)
        if self.training and not exporting():
            with torch.no_grad():
                noise = torch.randn_like(input).mul_(torch.sigmoid(input).sqrt_())
            input = input + noise
        return functional.relu(input)


class RReLU(ActivationModule, torch.nn.RReLU):
    entry = lookup("rrelu")
    saved_bytes = 1 / 8
    saved_detail = (
        " and a seed with the native kernels, or those in Triton on a GPU (else its input and the slopes)"
    )
    remarks = (
        "The slopes it draws in training are its own, not those that torch's would draw from the same seed; "
        "`torch.manual_seed` repeats them. `leaky.nn.functional.rrelu` says more."
    )
    further = (("inplace", "write the result over the input"),)
    form: str

    def __init__(
        self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False, *, form: str = "multiply"
    ) -> None:
        super().__init__(lower, upper, inplace)
        self.form = form

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input); in training with slopes drawn for every element."""
        divide = self.form == "divide"
        wide = floating(input) if divide else input
        inplace = self.inplace and wide is input
        if self.training and not exporting():
            y = rrelu_in_training(wide, self.lower, self.upper, inplace, divide=divide)
        else:
            y = functional.leaky_relu(wide, mean_slope(self.lower, self.upper, self.form), inplace)
        return y if wide is input else written(self, input, y)

    def extra_repr(self) -> str:
        """As torch's, with the form where it is not torch's."""
        return super().extra_repr() + (f", form={self.form!r}" if self.form != "multiply" else "")
