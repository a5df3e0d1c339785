"""Run a copy of a model on an example and see what every site keeps for backward, and who else keeps the same."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef

from leaky.models.functions import FUNCTIONS, Call
from leaky.models.isolate import Example
from leaky.models.keeping.calls import LeanCalls, LeanForward
from leaky.models.memory import SavedStorages, is_wrapper


@dataclass(eq=False)
class Pass:
    """One call of a site: the memory of its input and output, and what it kept, in bytes.

    `name` is the site and the number of the call, `norm` the one whose output came in, if one's did. Memory is an
    address where it is kept and a number below 0 where it is not; a reference to it while the model runs.
    """

    name: tuple[Any, int]
    norm: str | None
    input: Any = None
    output: Any = None
    kept: dict[Any, int] = field(default_factory=dict)


@dataclass
class Observation:
    """Bytes the whole model keeps, and per site: its storages, and the elements it put out over all calls.

    A site is the name of a module, or (name of the module whose forward is running, call) for function calls.
    `paired` holds what activations keep that were called on the output of a norm, by the norm. `passes` are the calls
    of each site; `sizes` and `keepers` tell of all memory that is kept how much it is, and which calls keep it (None:
    something else than a site does).
    """

    total: int = 0
    storages: dict[Any, dict[int, int]] = field(default_factory=dict)
    elements: dict[Any, int] = field(default_factory=dict)
    savers: dict[int, set[Any]] = field(default_factory=dict)
    paired: dict[str, dict[int, int]] = field(default_factory=dict)
    passes: dict[Any, list[Pass]] = field(default_factory=dict)
    sizes: dict[Any, int] = field(default_factory=dict)
    keepers: dict[Any, set[Any]] = field(default_factory=dict)

    def pair_bytes(self, norm: str) -> int:
        """Bytes of the distinct storages that a norm and the activation after it keep."""
        return sum((self.storages.get(norm, {}) | self.paired.get(norm, {})).values())

    def together(self, sites: Iterable[Any], output_of: Any = None) -> int:
        """Bytes of the distinct storages that some sites keep, and of the output of one, which others keep."""
        kept = {address for site in sites for address in self.storages.get(site, {})}
        kept |= {one.output for one in self.passes.get(output_of, [])} & self.sizes.keys()
        return sum(self.sizes[address] for address in kept)

    def bytes(self, site: Any, fused: list[str], norms: list[str]) -> int:
        """Bytes that an activation keeps, and none but activations do, where it does not follow a `fused` norm."""
        layers = {None, *norms}
        kept: dict[int, int] = {}
        for one in self.passes.get(site, []):
            if one.norm not in fused:
                kept |= one.kept
        return sum(size for address, size in kept.items() if not self.savers[address] & layers)

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
        observer.settle(saved.sizes)
    del result
    seen = observer.seen
    seen.total, seen.sizes = saved.total, saved.sizes
    for address, savers in saved.savers.items():
        size = saved.sizes[address]
        seen.savers[address] = {None if one is None else one.name[0] for one in savers}
        seen.keepers[address] = {None if one is None else one.name for one in savers}
        for one in savers:
            if one is not None:
                one.kept[address] = size
                seen.storages.setdefault(one.name[0], {})[address] = size
                if one.norm is not None:
                    seen.paired.setdefault(one.norm, {})[address] = size
    return seen


class _Observer:
    def __init__(self, activations: set[str], norms: set[str]) -> None:
        self.norms = norms
        self.sites = activations | norms
        self.seen = Observation()
        self.at_work: Pass | None = None
        self._normed: dict[str, weakref.ref[torch.Tensor]] = {}
        self._modules: list[str] = []

    def forward(self, name: str, forward: Any, *args: Any, **kwargs: Any) -> Any:
        self._modules.append(name)
        try:
            if name not in self.sites:
                return forward(*args, **kwargs)
            with self.at(name, args, kwargs) as one:
                return self.noted(one, forward(*args, **kwargs))
        finally:
            self._modules.pop()

    @contextmanager
    def at(self, site: Any, args: Any, kwargs: Any) -> Iterator[Pass]:
        input = args[0] if args else (kwargs or {}).get("input")
        normed = (norm for norm, output in self._normed.items() if input is not None and output() is input)
        calls = self.seen.passes.setdefault(site, [])
        before, one = self.at_work, Pass((site, len(calls)), next(normed, None), self._memory_of(input))
        calls.append(one)
        self.at_work = one
        try:
            yield one
        finally:
            self.at_work = before

    def saver(self) -> Pass | None:
        return self.at_work

    def noted(self, one: Pass, output: Any) -> Any:
        site = one.name[0]
        if isinstance(output, torch.Tensor):
            one.output = self._memory_of(output)
            self.seen.elements[site] = self.seen.elements.get(site, 0) + output.numel()
            if site in self.norms:
                self._normed[site] = weakref.ref(output)
            else:  # in place, or handed on: what the norm put out is activated now
                self._normed = {norm: ref for norm, ref in self._normed.items() if ref() is not output}
        return output

    def _memory_of(self, tensor: Any) -> Any:
        """A weak reference to the memory of a tensor, which nothing else can be taken for while it is held."""
        if not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided or is_wrapper(tensor):
            return None
        return StorageWeakRef(tensor.untyped_storage())

    def settle(self, kept: Mapping[int, int]) -> None:
        """Put numbers in the place of references to memory; while the result of the run lives."""
        for one in (one for calls in self.seen.passes.values() for one in calls):
            one.input, one.output = (_number(memory, kept) for memory in (one.input, one.output))

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
        if call is None or self.observer.at_work is not None:
            return super().__torch_function__(func, types, args, kwargs)
        site = self.observer.call(call)
        with self.observer.at(site, args, kwargs) as one:
            return self.observer.noted(one, super().__torch_function__(func, types, args, kwargs))


def _number(memory: StorageWeakRef | None, kept: Mapping[int, int]) -> int | None:
    """The address of memory that is kept; of other memory a number below 0 that no other has."""
    if memory is None:
        return None
    alive = None if memory.expired() else torch.UntypedStorage._new_with_weak_ptr(memory.cdata)
    return alive.data_ptr() if alive is not None and alive.data_ptr() in kept else -memory.cdata
