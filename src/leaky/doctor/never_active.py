"""The share of never-active units alone, by hooks: what the lab asks for after every epoch."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch

from leaky.catalogue import MODULES
from leaky.doctor.units import CHANNELS_SECOND, FEATURES_LAST, LastLayer


def activation_sites(model: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """The activation modules of a model by name: leaky.nn's and the torch.nn classes the catalogue knows."""
    classes = tuple(getattr(torch.nn, name) for name in MODULES if hasattr(torch.nn, name))
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, classes) or hasattr(type(module), "entry")
    }


class NeverActive:
    """Context manager: counts, per activation, the units whose input is never above 0 while it is entered.

    A unit is a channel: dim 1 of (N, C, ...), or the last dim where the input comes straight from a Linear or
    LayerNorm; of three dims also where such a layer, and no convolution or batch norm, ran last before. An
    activation that is called several times in one forward pass is counted per call, as `name`, `name:2`, ... . A
    unit that meets a NaN counts as not active. Outputs and gradients are not touched. Entering again starts anew.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self._model = model
        self._sites = activation_sites(model)
        self._layers = [m for m in model.modules() if isinstance(m, (*FEATURES_LAST, *CHANNELS_SECOND))]
        self._highest: dict[str, torch.Tensor] = {}
        self._calls: dict[str, int] = {}
        self._last = LastLayer()
        self._handles: list[torch.utils.hooks.RemovableHandle] = []

    def __enter__(self) -> NeverActive:
        self._highest.clear()
        self._handles.append(self._model.register_forward_pre_hook(self._begin))
        self._handles += [layer.register_forward_hook(self._after_layer) for layer in self._layers]
        self._handles += [
            site.register_forward_pre_hook(self._watch(name)) for name, site in self._sites.items()
        ]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._last.forget()

    def shares(self) -> dict[str, float]:
        """Share of never-active units by activation, in the order of their first call."""
        inactive = [(~(highest > 0)).float().mean() for highest in self._highest.values()]
        return dict(zip(self._highest, torch.stack(inactive).tolist() if inactive else [], strict=True))

    def _begin(self, module: torch.nn.Module, arguments: Any) -> None:
        self._calls.clear()

    def _after_layer(self, module: torch.nn.Module, arguments: Any, output: Any) -> None:
        self._last.ran(module, output)

    def _watch(self, name: str) -> Any:
        def hook(module: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
            x = arguments[0].detach()
            call = self._calls[name] = self._calls.get(name, 0) + 1
            label = name if call == 1 else f"{name}:{call}"
            unit = self._last.unit_dim(arguments[0])
            others = [dim for dim in range(x.dim()) if dim != unit]
            highest = x.amax(others) if others else x
            seen = self._highest.get(label)
            self._highest[label] = highest if seen is None else torch.maximum(seen, highest)

        return hook
