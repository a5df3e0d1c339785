"""Run a copy of a model on an example and see what every site keeps for backward, and who else keeps the same."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

from leaky.models.calls import LeanCalls, LeanForward
from leaky.models.functions import FUNCTIONS, Call
from leaky.models.isolate import Example
from leaky.models.memory import SavedStorages


@dataclass
class Observation:
    """Bytes the whole model keeps, and per site: its storages, and the elements it put out over all calls.

    A site is the name of a module, or (name of the module whose forward is running, call) for function calls.
    `paired` holds what activations keep that were called on the output of a norm, by the norm.
    """

    total: int = 0
    storages: dict[Any, dict[int, int]] = field(default_factory=dict)
    elements: dict[Any, int] = field(default_factory=dict)
    savers: dict[int, set[Any]] = field(default_factory=dict)
    paired: dict[str, dict[int, int]] = field(default_factory=dict)

    def pair_bytes(self, norm: str) -> int:
        """Bytes of the distinct storages that a norm and the activation after it keep."""
        return sum((self.storages.get(norm, {}) | self.paired.get(norm, {})).values())

    def bytes(self, site: Any, fused: Iterable[str]) -> int:
        """Bytes that an activation keeps, where it does not follow one of the `fused` norms."""
        elsewhere = {address for norm in fused for address in self.paired.get(norm, {})}
        return sum(size for address, size in self.storages.get(site, {}).items() if address not in elsewhere)

    def wasted(self, site: Any, alike: set[Any]) -> int:
        """Bytes that only this site and sites alike keep: they would be freed if none of them needed them."""
        return sum(
            size for address, size in self.storages.get(site, {}).items() if self.savers[address] <= alike
        )


def observe(
    model: torch.nn.Module, example: Example, activations: Iterable[str], norms: Iterable[str]
) -> Observation:
    """Run `model`, a copy that may be spoilt, forward, looking at the modules of these names."""
    observer = _Observer(set(activations), set(norms))
    args, kwargs = example.fresh()
    for name, module in list(model.named_modules()):
        if isinstance(forward := vars(module).get("forward"), LeanForward):
            forward.mode = partial(_ObservedCalls, observer)
        vars(module)["forward"] = partial(observer.forward, name, module.forward)
    with _ObservedCalls(observer, None), SavedStorages(model, observer.saver) as saved:
        result = model(*args, **kwargs)
    del result
    seen = observer.seen
    seen.total = saved.total
    for address, savers in saved.savers.items():
        seen.savers[address] = {site for site, _ in savers}
        for site, norm in savers:
            if site is not None:
                seen.storages.setdefault(site, {})[address] = saved.sizes[address]
            if norm is not None:
                seen.paired.setdefault(norm, {})[address] = saved.sizes[address]
    return seen


class _Observer:
    def __init__(self, activations: set[str], norms: set[str]) -> None:
        self.norms = norms
        self.sites = activations | norms
        self.seen = Observation()
        self.site: Any = None
        self.norm: str | None = None
        self._normed: dict[str, weakref.ref[torch.Tensor]] = {}
        self._modules: list[str] = []

    def forward(self, name: str, forward: Any, *args: Any, **kwargs: Any) -> Any:
        self._modules.append(name)
        try:
            if name not in self.sites:
                return forward(*args, **kwargs)
            with self.at(name, *args[:1]):
                return self.noted(name, forward(*args, **kwargs))
        finally:
            self._modules.pop()

    @contextmanager
    def at(self, site: Any, input: Any = None) -> Iterator[None]:
        before = self.site, self.norm
        normed = (norm for norm, output in self._normed.items() if input is not None and output() is input)
        self.site, self.norm = site, next(normed, None)
        try:
            yield
        finally:
            self.site, self.norm = before

    def saver(self) -> tuple[Any, str | None]:
        return self.site, self.norm

    def noted(self, site: Any, output: Any) -> Any:
        if isinstance(output, torch.Tensor):
            self.seen.elements[site] = self.seen.elements.get(site, 0) + output.numel()
            if site in self.norms:
                self._normed[site] = weakref.ref(output)
        return output

    def call(self, call: Call) -> tuple[str, Call]:
        return (self._modules[-1] if self._modules else "", call)


class _ObservedCalls(LeanCalls):
    def __init__(self, observer: _Observer, kinds: frozenset[str] | None) -> None:
        super().__init__(kinds or frozenset())
        self.observer = observer
        self.counts = kinds is not None

    def __enter__(self) -> LeanCalls:
        if self.counts:
            return super().__enter__()
        torch.overrides.TorchFunctionMode.__enter__(self)  # only looks on: it must not count as active
        return self

    def __exit__(self, *error: Any) -> None:
        if self.counts:
            super().__exit__(*error)
        else:
            torch.overrides.TorchFunctionMode.__exit__(self, *error)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        function = FUNCTIONS.get(func)
        call = None if function is None else function.read(args, kwargs or {})
        if call is None or self.observer.site is not None:
            return super().__torch_function__(func, types, args, kwargs)
        site = self.observer.call(call)
        with self.observer.at(site, *args[:1]):
            return self.observer.noted(site, super().__torch_function__(func, types, args, kwargs))
