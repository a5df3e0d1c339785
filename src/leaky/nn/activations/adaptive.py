"""The S-shaped ReLU with its adaptive initialisation."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch

from leaky.catalogue import lookup
from leaky.errors import ArgumentError
from leaky.nn.activations.elementwise import Learned


class SShapedReLU(Learned):
    entry = lookup("s_shaped_relu")
    saved_bytes = 22
    saved_detail = ", the distances to both thresholds and on which side of them it is"
    remarks = """The adaptive initialisation of the paper: begin with `frozen=True`, when the four parameters get no
gradient and f is the leaky ReLU they start as; after a while call `leaky.nn.adapt_(model, batches)`, or `adapt_` of
one module, which sets threshold_right to the k-th largest input and ends the frozen time."""
    further = (*Learned.further, ("frozen", "True holds all four parameters until `adapt_` is called"))
    threshold_left: torch.Tensor
    slope_left: torch.Tensor
    threshold_right: torch.Tensor
    slope_right: torch.Tensor

    def __init__(self, *args: Any, frozen: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.frozen = bool(frozen)

    def by_formula(self, input: torch.Tensor, values: dict[str, Any]) -> torch.Tensor:
        """f(input); the parameters are constants while they are frozen."""
        if self.frozen:
            values = {name: value.detach() for name, value in values.items()}
        return super().by_formula(input, values)

    @torch.no_grad()
    def adapt_(self, input: torch.Tensor, largest: float = 0.1) -> SShapedReLU:
        """Set threshold_right to the k-th largest of `input` and end the frozen time (Jin et al. 2016, section 3.2).

        Args:
            input: what the module is applied to, a batch or several in one; for each parameter it is taken over all
                that the parameter is shared by.
            largest: k as a part of the number of values, above 0 and at most 1.

        Returns:
            The module itself. threshold_right is never set below threshold_left.

        Raises:
            ArgumentError: `largest` is out of its range, or `input` is empty or does not fit the parameters.
        """
        self._set(self._kth_largest(input, largest))
        return self

    def _kth_largest(self, input: torch.Tensor, largest: float) -> torch.Tensor:
        if not 0 < largest <= 1:
            raise ArgumentError(f"s_shaped_relu: `largest` must be above 0 and at most 1, got {largest}")
        if not input.numel():
            raise ArgumentError(
                f"s_shaped_relu: `input` has shape {tuple(input.shape)} and no values; give a batch"
            )
        right = self.threshold_right
        self._beside(input, right, False)  # raises where it does not fit
        if right.numel() == 1:
            values = input.reshape(1, -1)
        elif right.dim() == 1:
            values = input.movedim(1, 0).reshape(right.numel(), -1)
        else:
            values = input.movedim(0, -1).reshape(right.numel(), -1)
        k = math.ceil(largest * values.shape[1])
        return values.to(right.dtype).topk(k, dim=1).values[:, -1].reshape(right.shape)

    def _set(self, threshold: torch.Tensor) -> None:
        self.threshold_right.copy_(torch.maximum(threshold, self.threshold_left))
        self.frozen = False

    def extra_repr(self) -> str:
        """The parameters, and whether they are frozen."""
        return super().extra_repr() + (", frozen=True" if self.frozen else "")


@torch.no_grad()
def adapt_(model: torch.nn.Module, batches: Iterable[Any], *, largest: float = 0.1) -> torch.nn.Module:
    """The adaptive initialisation of every SShapedReLU in a model, in place (Jin et al. 2016, section 3.2).

    Runs the model on the batches in evaluation mode and without gradients; nothing but the activations changes. Each
    threshold_right becomes the k-th largest input of its channel, averaged over the calls of the module, and the
    frozen time ends.

    Args:
        model: any module; it is called with one batch, or with the items of a tuple or list.
        batches: what it is called with, such as the first batches of a data loader without their targets.
        largest: k as a part of the number of values in a batch, above 0 and at most 1.

    Returns:
        The model itself.

    Raises:
        ArgumentError: the model has no SShapedReLU, or no batch reached one of them.

    Example:
        >>> import torch, leaky.nn
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), leaky.nn.SShapedReLU(num_parameters=8, frozen=True))
        >>> leaky.nn.adapt_(model, [torch.randn(64, 4)])[1].frozen
        False
    """
    found = {module: name for name, module in model.named_modules() if isinstance(module, SShapedReLU)}
    if not found:
        raise ArgumentError(f"adapt_: `model` ({type(model).__name__}) has no SShapedReLU to initialise")
    seen: dict[SShapedReLU, list[torch.Tensor]] = {module: [] for module in found}

    def keep(module: Any, args: tuple[torch.Tensor, ...]) -> None:
        seen[module].append(module._kth_largest(args[0], largest))

    modes = [(module, module.training) for module in model.modules()]
    hooks = [module.register_forward_pre_hook(keep) for module in found]
    try:
        model.eval()
        for batch in batches:
            model(*batch) if isinstance(batch, tuple | list) else model(batch)
    finally:
        for hook in hooks:
            hook.remove()
        for each, training in modes:
            each.training = training
    for module, name in found.items():
        if not seen[module]:
            raise ArgumentError(f"adapt_: no batch reached `{name}`; give at least one that does")
    for module in found:
        module._set(torch.stack(seen[module]).mean(0))
    return model
