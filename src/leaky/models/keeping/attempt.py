"""One call of `lean`, up to the plan that holds, and the report of it; the model itself is only read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from leaky.errors import ArgumentError
from leaky.models import compare
from leaky.models.isolate import Example, copy_of, told
from leaky.models.keeping import gains, proof, twins
from leaky.models.keeping.change import Change, Plan, apply
from leaky.models.keeping.find import find
from leaky.models.keeping.observe import Observation, observe
from leaky.models.keeping.plan import Planner
from leaky.models.keeping.report import LeanReport
from leaky.models.keeping.rows import Rows
from leaky.models.trace import trace

_MOST_TRIALS = 30
"""Runs of the example spent on finding which sites do not keep the numbers."""
_MOST_ROUNDS = 3
"""Runs of the example spent, before that, on finding which sites free nothing."""
_NEAR = 0.1
"""How far apart two runs of a deep network may be, as a whole, of which float64 has shown that they are the same."""


class Attempt:
    """What one call of `lean` finds out; `reseed` puts the random generators back for the next run."""

    def __init__(self, model: torch.nn.Module, example: Example | None, reseed: Any) -> None:
        self.model = model
        self.example = example
        self.reseed = reseed
        traces = trace(copy_of(model), example)
        self.sites = find(model, traces)
        self.before = None if example is None else self._plain_run(example)
        self.planner = Planner(model, self.sites, self.before)
        self._check_sites(traces.opaque)
        self.refused: dict[tuple[str, str], str] = {}
        self._eager: dict[bool, compare.Values] = {}
        self._truth: dict[bool, compare.Values] = {}
        self._after: tuple[list[Change], Observation] | None = None
        self._trials = 0
        self._by_inputs = True

    def _check_sites(self, opaque: dict[str, str]) -> None:
        """Raise where there is nothing that could become lean."""
        if not (self.sites.activations or self.sites.calls or self.sites.done or self.sites.again):
            hint = "; not all of it traces, an `example` may show more" if opaque and not self.example else ""
            raise ArgumentError(
                f"lean: `model` ({type(self.model).__name__}) has no ReLU or LeakyReLU, neither as a module nor as "
                "a function it calls, and no other activation that could keep less; there is nothing to make "
                f"lean{hint}"
            )

    def run(self) -> tuple[Plan, Observation | None]:
        """The plan that holds, and what a run of the model so changed keeps."""
        plan = self._gaining()
        if self.example is None:
            return plan, None
        self._eager[False] = self._plain_values()
        while plan.changes and (reason := self._why_not(plan.changes)) is not None:
            self.refused |= self._culprits(plan.changes, reason)
            plan = self._gaining()
        after = self._lean_run(plan.changes)
        if plan.changes and self.before is not None and after.total > self.before.total:
            self.refused |= {
                change.key: "on the example, the model would keep more" for change in plan.changes
            }
            plan = self.planner.plan(self.refused)
            after = self._lean_run(plan.changes)
        return plan, after

    def _gaining(self) -> Plan:
        """A plan whose every change holds on made-up input and, as far as a run on the example tells, gains."""
        plan = self._proved_apart()
        if self.before is None:
            return plan
        for _ in range(_MOST_ROUNDS):
            try:
                after = self._lean_run(plan.changes)
            except Exception:
                break  # what raises is found where numbers are compared
            idle = gains.idle(self.before, after, self._parts(plan.changes))
            again = (change for change in plan.changes if change.what == "again")
            idle |= {
                change.key: gains.SMALL for change in again if not self._frees(change, self.before, after)
            }
            if not idle:
                break
            self.refused |= idle
            plan = self._proved_apart()
        return plan

    def _frees(self, change: Change, before: Observation, after: Observation) -> bool:
        """Whether a norm and a smooth activation, and the layer behind, keep less than before."""
        names = {change.name, *change.norms}
        return after.together(names) < before.together(names, change.name if change.behind else None)

    def _parts(self, changes: Sequence[Change]) -> dict[tuple[str, str], gains.Part]:
        """What is changed, by what refusing it goes by: a norm, a module, all calls of a kind."""
        found = {
            change.key: gains.Part(norm=change.name, again=bool(change.behind))
            if change.what == "fuse"
            else gains.Part((change.name,), again=bool(change.behind))
            for change in changes
            if change.what in ("bits", "fuse") or change.norms == (change.name,)
        }
        for kind in {kind for change in changes for kind in change.kinds}:
            calls = [key for key in self.sites.calls if key[1].kind == kind]
            modules = [
                name
                for name, site in self.sites.activations.items()
                if site.call.kind == kind and ("bits", name) not in found
            ]
            found["kind", kind] = gains.Part((*calls, *modules))
        return found

    def _lean_run(self, changes: list[Change]) -> Observation:
        assert self.example is not None
        if self._after is None or self._after[0] != changes:
            self.reseed()
            changed = copy_of(self.model)
            apply(changed, changes)
            seen = observe(changed, self.example, self._activations(), self._norms())
            self._after = changes, seen
        return self._after[1]

    def _proved_apart(self) -> Plan:
        """A plan whose every change holds on made-up input."""
        while True:
            plan = self.planner.plan(self.refused)
            reasons = {change.key: self.planner.trial(change).reason for change in plan.changes}
            failed = {key: reason for key, reason in reasons.items() if reason is not None}
            if not failed:
                return plan
            self.refused |= failed

    def _plain_run(self, example: Example) -> Observation:
        self.reseed()
        copied = copy_of(self.model)
        try:
            return observe(copied, example, self._activations(), self._norms())
        except Exception as error:
            raise ArgumentError(f"lean: `model` rejects the `example`: {told(error)}") from error

    def _activations(self) -> list[str]:
        smooth = (site.name for site in self.sites.again if site.name is not None)
        return [*self.sites.activations, *smooth]

    def _norms(self) -> list[str]:
        return [name for name, module in self.model.named_modules() if type(module) in twins.NORMS]

    def _why_not(self, changes: Sequence[Change]) -> str | None:
        """Why the whole model does not keep its numbers with these changes; None where it does.

        Where graphs do not show who else reads the output of a norm, in the other mode (train or eval) too.
        """
        self._trials += 1
        unsure = {("fuse", pair.norm) for pair in self.sites.pairs if pair.unproved}
        unsure |= {("again", site.key) for site in self.sites.again if site.unproved}
        both = any(change.key in unsure for change in changes)
        reasons = (self._why_not_in(changes, other) for other in ((False, True) if both else (False,)))
        return next(filter(None, reasons), None)

    def _why_not_in(self, changes: Sequence[Change], other: bool) -> str | None:
        """The same in the mode that the model is in, or the `other`.

        In a deep network rounding puts some elements on the other side of a kink, and eager's own gradients are off
        by more than any tolerance. Then float64 decides, where that hardly happens, and float32 must be near, or as
        near to that as eager is.
        """
        eager = self._plain_in(other, self._eager, double=False)
        if not eager:
            return None
        try:
            found = self._values(changes, other=other)
            reason = compare.differs(found, eager)
            if reason is not None and (truth := self._plain_in(other, self._truth, double=True)):
                reason = compare.differs(self._values(changes, double=True, other=other), truth, limit=1e-5)
                reason = reason and f"in float64, {reason}"
                reason = reason or compare.differs(found, eager, lambda: truth, limit=_NEAR, as_a_whole=True)
        except Exception as error:
            reason = f"the model raised {told(error)}"
        return reason and f"on the example{', in the other mode' if other else ''}, {reason}"

    def _plain_values(self) -> compare.Values:
        """Of the model as it is; without gradients of its inputs where it cannot be differentiated by them."""
        try:
            values = self._values()
        except Exception:
            self._by_inputs = False
            try:
                values = self._values()
            except Exception as error:
                raise ArgumentError(
                    f"lean: `model` cannot be differentiated on the `example` as it is: {told(error)}"
                ) from error
        if not any(name.startswith("output") for name in values):
            raise ArgumentError(
                "lean: on the `example`, `model` returns no tensor that could be compared; "
                "give one on which it does, or none"
            )
        return values

    def _values(
        self, changes: Sequence[Change] = (), *, double: bool = False, other: bool = False
    ) -> compare.Values:
        assert self.example is not None
        self.reseed()
        copied = copy_of(self.model)
        copied = copied.double() if double else copied
        copied = copied.train(not copied.training) if other else copied
        apply(copied, list(changes))
        return proof.evaluate(copied, self.example, double=double, by_inputs=self._by_inputs)

    def _plain_in(self, other: bool, known: dict[bool, compare.Values], *, double: bool) -> compare.Values:
        """The plain model's values in one mode; empty where it does not run in that."""
        if other not in known:
            try:
                known[other] = self._values(double=double, other=other)
            except Exception:
                known[other] = {}
        return known[other]

    def _culprits(self, changes: Sequence[Change], reason: str) -> dict[tuple[str, str], str]:
        """The changes that do not hold, found by halving; all of them where no half shows it alone."""
        if len(changes) == 1:
            kinds = self._kinds_at_fault(changes[0])
            return kinds or {changes[0].key: reason}
        if self._trials > _MOST_TRIALS:
            return {change.key: f"{reason}; which sites are the cause was not found" for change in changes}
        middle = len(changes) // 2
        found: dict[tuple[str, str], str] = {}
        for half in (changes[:middle], changes[middle:]):
            if (half_reason := self._why_not(half)) is not None:
                found |= self._culprits(half, half_reason)
        return found or {change.key: reason for change in changes}

    def _kinds_at_fault(self, change: Change) -> dict[tuple[str, str], str]:
        """Of calls of several kinds, those that do not hold on their own."""
        if len(change.kinds) < 2:
            return {}
        alone = {
            kind: self._why_not([replace(change, kinds=frozenset({kind}))]) for kind in sorted(change.kinds)
        }
        return {("kind", kind): reason for kind, reason in alone.items() if reason is not None}

    def report(self, plan: Plan, after: Observation | None, dry_run: bool) -> LeanReport:
        """What was found and done."""
        return Rows(self.model, self.sites, self.planner, plan, self.before, after).report(dry_run)
