"""Watching a model while it trains: every so many steps its activations are measured, and followed over time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import torch

from leaky.catalogue import TABLE
from leaky.doctor.collect import Collector
from leaky.doctor.diagnosis import Diagnosis
from leaky.doctor.history import History
from leaky.doctor.measures import Totals, site_of
from leaky.doctor.shadow import NOTE, Shadow
from leaky.doctor.tally import Options
from leaky.doctor.untouched import is_compiled, unwrapped
from leaky.errors import ArgumentError
from leaky.records.diagnosis import Numbers

_TOGETHER = 256
"""Windows of all sites that may wait to be written."""


class Watch:
    """A model under observation; see `leaky.watch`."""

    def __init__(
        self,
        model: torch.nn.Module,
        *,
        every: int = 20,
        elements: bool = False,
        effective_rank: bool = False,
        histogram: int | None = 256,
        first: int = 0,
    ) -> None:
        """`first`: how many steps were made before, where a trainer counts on."""
        inner = unwrapped("watch", model)
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise ArgumentError(f"watch: `every` must be a number of steps, at least 1, got {every!r}")
        self._every = every
        self._collector = Collector(inner, Options(elements, 1024 if effective_rank else 0, histogram))
        self._compiled = is_compiled(model)
        self._watched: Collector | Shadow = (
            Shadow(model, self._collector) if self._compiled else self._collector
        )
        self._steps, self._measured = first, 0
        self._last: int | None = None
        self._open = self._closed = self._away = False
        self._histories: dict[tuple[str, int], History] = {}
        self._samples: dict[tuple[str, int], int] = {}
        self._waiting: list[tuple[tuple[str, int], int, Totals, Numbers]] = []
        self._begin()

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def step(self) -> None:
        """One step of training is done: call it after the optimiser's."""
        if self._closed:
            raise ArgumentError("watch: `step()` was called after the watch was closed; start another")
        self._end()
        self._steps += 1
        if self._steps % self._every == 0:
            self._begin()

    def pause(self) -> None:
        """Look away, in the middle of a step too; gradients of what was seen are still counted."""
        if not self._away:
            self._away = True
            if self._open:
                self._watched.stop()

    def resume(self) -> None:
        """Look again, if this step is measured."""
        if self._away:
            self._away = False
            if self._open:
                self._watched.start()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is measured within: `with watch.paused(): validate(model)`."""
        away = self._away
        self.pause()
        try:
            yield
        finally:
            if not away:
                self.resume()

    def close(self) -> None:
        """Stop watching; nothing stays behind in the model. The diagnosis can still be had."""
        self._end()
        self._collector.close()
        self._closed = True

    def diagnosis(self) -> Diagnosis:
        """What was measured so far.

        Raises:
            ArgumentError: nothing was measured, or no activation was called.
        """
        self._catch_up()
        return diagnosis_of(
            "watch", self._collector, self._steps, self._measured, self._histories, self._notes()
        )

    @property
    def last(self) -> int | None:
        """The last step that was measured and is over; None before."""
        return self._last

    @property
    def steps(self) -> int:
        """The steps that are over."""
        return self._steps

    @property
    def measured(self) -> int:
        """How many of them were measured."""
        return self._measured

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def totals(self) -> dict[tuple[str, int], Totals]:
        """The sums of each site so far, by its name and its number of units."""
        return {key: tally.totals() for key, tally in self._collector.tallies.items()}

    def _begin(self) -> None:
        self._collector.forget()
        if not self._away:
            self._watched.start()
        self._open = True

    def _end(self) -> None:
        """The measured step is over: keep what it added."""
        if not self._open:
            return
        self._watched.stop()
        self._open = False
        seen = False
        for key, tally in self._collector.tallies.items():
            if tally.samples != self._samples.get(key, 0):
                self._samples[key], seen = tally.samples, True
                self._waiting.append((key, self._steps, tally.pooled(), tally.positive()))
        if seen:
            self._measured += 1
            self._last = self._steps
        if len(self._waiting) >= _TOGETHER:
            self._catch_up()

    def _catch_up(self) -> None:
        """Histories are written some windows at a time, not while the model trains on."""
        for key, step, pooled, positive in self._waiting:
            self._histories.setdefault(key, History()).see(step, pooled, positive)
        self._waiting.clear()

    def _notes(self) -> tuple[str, ...]:
        return (NOTE,) if self._compiled else ()


def watch(
    model: torch.nn.Module,
    *,
    every: int = 20,
    elements: bool = False,
    effective_rank: bool = False,
    histogram: int | None = 256,
) -> Watch:
    """Watch the activations of `model` while it trains; `diagnosis()` tells what they did, and since when.

    Steps 0, `every`, 2 * `every`, ... are measured: all forward and backward passes between two calls of `step()`,
    in train and eval mode. In between the model is its own, without hooks; a watch is open from the start and is
    closed by `close()` or at the end of a `with` block. Outputs, gradients, buffers and random numbers are the same
    with and without it, to the bit.

    Every activation of the catalogue is a site: modules, modules called several times (`act`, `act:2`), calls of
    functions (`block.relu`), in place too. A unit is a channel: dim 1 of (N, C, ...), the last dim after a Linear or
    LayerNorm. A sample is an entry of the first dim. What a checkpoint computes again is not counted again. A
    compiled model runs once more without the compiler, to be measured, and its gradients are not. In
    distributed training each process measures its own share of the data.

    Args:
        model: any module; in DistributedDataParallel and torch.compile the module within is watched.
        every: measure one step of so many; 20 costs at most 2 % of training, 1 about 10 %.
        elements: also find out which elements of a sample are never active.
        effective_rank: also measure the effective rank of the outputs of sites of up to 1,024 units, at the price of
            a matrix product in float64.
        histogram: how many values of a call go into the histogram of pre-activations; None: all of them.

    Returns:
        A `Watch`: call `step()` after every step of the optimiser and `diagnosis()` when you want to know.

    Raises:
        ArgumentTypeError: `model` is no torch.nn.Module.
        ArgumentError: `every` is no number of steps, the model has no values yet, or is watched already.

    Example:
        >>> import torch, leaky
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
        >>> _ = torch.nn.init.constant_(model[0].bias, -1e3)
        >>> with leaky.watch(model, every=1) as watch:
        ...     for _ in range(3):
        ...         model(torch.randn(8, 2)).sum().backward()
        ...         watch.step()
        >>> watch.diagnosis()["1"].life.born_dead
        (0, 1, 2)

    Papers: Sokar et al. 2023: The Dormant Neuron Phenomenon in Deep Reinforcement Learning. ICML. Roy, Vetterli
    2007: The effective rank. EUSIPCO. Lu et al. 2019: Dying ReLU and Initialization. arXiv:1903.06733.
    """
    return Watch(model, every=every, elements=elements, effective_rank=effective_rank, histogram=histogram)


def diagnosis_of(
    function: str,
    collector: Collector,
    steps: int,
    measured: int,
    histories: dict[tuple[str, int], History],
    notes: tuple[str, ...],
) -> Diagnosis:
    """The record of everything a collector has counted."""
    if not collector.passes:
        raise ArgumentError(f"{function}: `model` was not called while it was watched; run it, then ask")
    if not collector.tallies:
        raise ArgumentError(
            f"{function}: `model` called no activation that can be measured; known are {', '.join(TABLE)}, "
            "as modules of torch.nn and leaky.nn and as functions of torch"
        )
    totals: list[Totals] = []
    for key, tally in collector.tallies.items():
        total = tally.totals()
        if key in histories:
            total.windows, total.life = histories[key].windows(), histories[key].life()
        totals.append(total)
    model: Any = collector.model
    return Diagnosis(
        sites=tuple(site_of(total) for total in totals),
        model=type(model).__name__,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        steps=steps,
        measured=measured,
        gradients=any(total.gradient_values for total in totals),
        notes=notes,
    )
