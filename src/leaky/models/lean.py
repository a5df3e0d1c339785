"""Make a model lean: its activations, and the norms before them, keep less for backward; the numbers stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import torch

from leaky.errors import ArgumentError, ArgumentTypeError
from leaky.models import proof, twins
from leaky.models.calls import Call
from leaky.models.isolate import Example, copy_of, random_state_kept, told
from leaky.models.observe import Observation, observe
from leaky.models.plan import Change, Plan, Planner, apply
from leaky.models.report import LeanReport, LeanSite
from leaky.models.sites import Pair, Sites, find
from leaky.models.trace import trace

_MOST_TRIALS = 30
"""Runs of the example spent on finding which sites do not keep the numbers."""


def lean(model: torch.nn.Module, example: Any = None, *, dry_run: bool = False) -> LeanReport:
    """Make `model` keep less for backward, in place; its outputs and gradients stay the same.

    - A LeakyReLU or ReLU, or a call of `F.leaky_relu` or `F.relu`, keeps one bit per element where that saves
      anything.
    - A BatchNorm or InstanceNorm whose output goes into a LeakyReLU and nowhere else applies it too, and the two
      keep one tensor instead of two.

    Every site is tried against the original on made-up input first, and with an `example` the whole model is:
    outputs, gradients of inputs and parameters, buffers. All of that happens on copies. What does not hold stays as
    it was, and the report says why. Modules stay the same objects (`state_dict`, hooks, optimisers, flags are
    untouched); their class is another, a subclass of the one before.

    Args:
        model: any module; what does not trace with torch.fx needs an `example` for all that can be done.
        example: what the model is called with: a tensor, a tuple of arguments, or a dict of arguments by name. It is
            run forward and backward a few times, on copies, in the mode (train or eval) that the model is in.
        dry_run: only report what would be done.

    Returns:
        A report of every site; `print(report)` shows the table.

    Raises:
        ArgumentTypeError: `model` is no torch.nn.Module, or `example` none of the kinds above.
        ArgumentError: `model` has no site or cannot be copied, or rejects the `example`.

    Example:
        >>> import torch, leaky
        >>> model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.LeakyReLU(0.1))
        >>> report = leaky.lean(model, torch.randn(2, 3, 64, 64))
        >>> [site.name for site in report.sites]
        ['1 + 2']
    """
    if not isinstance(model, torch.nn.Module):
        raise ArgumentTypeError(f"lean: `model` must be a torch.nn.Module, got {type(model).__name__}")
    given = None if example is None else Example.of(example)
    if any(twins.is_lean(module) for module in model.modules()):
        return _already(model, dry_run)
    with random_state_kept() as reseed, torch.inference_mode(False), torch.enable_grad():
        sites = find(model, trace(copy_of(model, share_parameters=True), given))
        _Attempt.check_sites(model, sites)
        attempt = _Attempt(model, sites, given, reseed)
        plan, after = attempt.run()
        report = attempt.report(plan, after, dry_run)
    if not dry_run:
        apply(model, plan.changes)
    return report


def unlean(model: torch.nn.Module) -> tuple[str, ...]:
    """Undo `lean`, exactly; the names of the modules that are again what they were.

    Example:
        >>> import torch, leaky
        >>> model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.LeakyReLU(0.1))
        >>> report = leaky.lean(model)
        >>> leaky.unlean(model)
        ('1', '2')
    """
    if not isinstance(model, torch.nn.Module):
        raise ArgumentTypeError(f"unlean: `model` must be a torch.nn.Module, got {type(model).__name__}")
    return tuple(name for name, module in model.named_modules() if twins.restore(module))


def _already(model: torch.nn.Module, dry_run: bool) -> LeanReport:
    sites = tuple(
        LeanSite(name, type(module).__name__, None, "it is lean already")
        for name, module in model.named_modules()
        if twins.is_lean(module)
    )
    note = "The model is lean already; nothing was done. leaky.unlean(model) undoes it."
    return LeanReport(type(model).__name__, sites, "synthetic", None, None, dry_run, note)


class _Attempt:
    """One call of `lean`, up to the plan that holds; the model itself is only read."""

    def __init__(self, model: torch.nn.Module, sites: Sites, example: Example | None, reseed: Any) -> None:
        self.model = model
        self.sites = sites
        self.example = example
        self.reseed = reseed
        self.before = None if example is None else self._plain_run(example)
        self.planner = Planner(model, sites, self.before)
        self.refused: dict[tuple[str, str], str] = {}
        self._eager: proof.Values = {}
        self._truth: proof.Values | None = None
        self._trials = 0

    @staticmethod
    def check_sites(model: torch.nn.Module, sites: Sites) -> None:
        """Raise where there is nothing that could become lean."""
        if not (sites.activations or sites.calls):
            raise ArgumentError(
                f"lean: `model` ({type(model).__name__}) has no ReLU or LeakyReLU, neither as a module nor as a "
                "function it calls; there is nothing to make lean"
            )

    def run(self) -> tuple[Plan, Observation | None]:
        """The plan that holds, and what a run of the model so changed keeps."""
        plan = self._proved_apart()
        if self.example is None:
            return plan, None
        try:
            self._eager = self._values()
        except Exception as error:
            raise ArgumentError(
                f"lean: `model` cannot be differentiated on the `example` as it is: {told(error)}"
            ) from error
        while plan.changes and (reason := self._why_not(plan.changes)) is not None:
            self.refused |= self._culprits(plan.changes, reason)
            plan = self._proved_apart()
        self.reseed()
        changed = copy_of(self.model)
        apply(changed, plan.changes)
        return plan, observe(changed, self.example, self.sites.activations, self._norms())

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
            return observe(copied, example, self.sites.activations, self._norms())
        except Exception as error:
            raise ArgumentError(f"lean: `model` rejects the `example`: {told(error)}") from error

    def _norms(self) -> list[str]:
        return [name for name, module in self.model.named_modules() if type(module) in twins.NORMS]

    def _why_not(self, changes: Sequence[Change]) -> str | None:
        """Why the whole model does not keep its numbers with these changes; None where it does.

        In a deep network rounding puts some elements on the other side of a kink, and eager's own gradients are off
        by more than any tolerance. Then float64 decides, where that hardly happens, and float32 must be near.
        """
        self._trials += 1
        try:
            found = self._values(changes)
            reason = proof.differs(found, self._eager)
            if reason is not None and (truth := self._doubled()):
                reason = proof.differs(self._values(changes, double=True), truth, limit=1e-5)
                reason = reason and f"in float64, {reason}"
                reason = reason or proof.differs(found, self._eager, limit=0.1)
        except Exception as error:
            reason = f"the model raised {told(error)}"
        return reason and f"on the example, {reason}"

    def _values(self, changes: Sequence[Change] = (), *, double: bool = False) -> proof.Values:
        assert self.example is not None
        self.reseed()
        copied = copy_of(self.model)
        copied = copied.double() if double else copied
        apply(copied, list(changes))
        return proof.evaluate(copied, self.example, double=double)

    def _doubled(self) -> proof.Values:
        """The plain model in float64; empty where it does not run in that."""
        if self._truth is None:
            try:
                self._truth = self._values(double=True)
            except Exception:
                self._truth = {}
        return self._truth

    def _culprits(self, changes: Sequence[Change], reason: str) -> dict[tuple[str, str], str]:
        """The changes that do not hold, found by halving; all of them where no half shows it alone."""
        if len(changes) == 1:
            return {changes[0].key: reason}
        if self._trials > _MOST_TRIALS:
            return {change.key: f"{reason}; which sites are the cause was not found" for change in changes}
        middle = len(changes) // 2
        found: dict[tuple[str, str], str] = {}
        for half in (changes[:middle], changes[middle:]):
            if (half_reason := self._why_not(half)) is not None:
                found |= self._culprits(half, half_reason)
        return found or {change.key: reason for change in changes}

    def report(self, plan: Plan, after: Observation | None, dry_run: bool) -> LeanReport:
        """What was found and done."""
        rows = [
            *self._pair_rows(plan, after),
            *self._activation_rows(plan, after),
            *self._call_rows(plan, after),
        ]
        order = {name: number for number, (name, _) in enumerate(self.model.named_modules())}
        rows.sort(key=lambda row: order[row.name.split(" + ")[0]])
        if self.before is not None and after is not None:
            totals: tuple[int | None, int | None] = (self.before.total, after.total)
        else:
            trials = [self.planner.trial(change) for change in plan.changes]
            totals = (sum(t.bytes_before for t in trials), sum(t.bytes_after for t in trials))
        measured_on: Literal["example", "synthetic"] = "synthetic" if self.before is None else "example"
        return LeanReport(type(self.model).__name__, tuple(rows), measured_on, *totals, dry_run)

    def _pair_rows(self, plan: Plan, after: Observation | None) -> Iterator[LeanSite]:
        for pair in self._fused(plan):
            norm = self.model.get_submodule(pair.norm)
            was = [_was(self.model.get_submodule(name)) for name in pair.activations]
            told = was[0] if was else f"F.leaky_relu(negative_slope={pair.slope:g})"
            if self.before is not None and after is not None:
                counted = self.before.pair_bytes(pair.norm), after.pair_bytes(pair.norm)
            else:
                change = next(change for change in plan.changes if change.key == ("fuse", pair.norm))
                trial = self.planner.trial(change)
                counted = trial.bytes_before, trial.bytes_after
            name = " + ".join((pair.norm, *pair.activations))
            yield LeanSite(name, f"{type(norm).__name__} + {told}", "one tensor for both", "", (), *counted)

    def _activation_rows(self, plan: Plan, after: Observation | None) -> Iterator[LeanSite]:
        changes = {change.key: change for change in plan.changes}
        for name, site in self.sites.activations.items():
            if name not in plan.left:
                continue  # the rows of its norms say it
            change = changes.get(("bits", name))
            was, became = _was(self.model.get_submodule(name)), self._keeps(site.call) if change else None
            counted = self._bytes(name, site.call, plan, after, bool(change))
            yield LeanSite(name, was, became, plan.left[name], site.also, *counted)

    def _call_rows(self, plan: Plan, after: Observation | None) -> Iterator[LeanSite]:
        kinds = next((change.kinds for change in plan.changes if change.what == "calls"), frozenset())
        for (owner, call), calls in self.sites.calls.items():
            pairs = [pair for pair in self._fused(plan) if (pair.owner, pair.slope) == (owner, call.slope)]
            if pairs and sum(pair.calls for pair in pairs) == len(calls.uses):
                continue  # the rows of its norms say it
            lean = call.kind in kinds
            was = f"F.{call}" if calls.seen else "calls in code that does not trace"
            reason = "; ".join(filter(None, [plan.left.get((owner, call), ""), *calls.refused]))
            counted = self._bytes((owner, call), call, plan, after, lean and calls.seen)
            yield LeanSite(owner, was, self._keeps(call) if lean else None, reason, (), *counted)

    def _fused(self, plan: Plan) -> list[Pair]:
        fused = {change.name for change in plan.changes if change.what == "fuse"}
        return [pair for pair in self.sites.pairs if pair.norm in fused]

    def _keeps(self, call: Call) -> str:
        known = call.slope == call.slope  # not where only a function's name was seen
        return self.planner.call_trial(call).keeps if known else "what leaky.nn.functional keeps"

    def _bytes(
        self, site: Any, call: Call, plan: Plan, after: Observation | None, lean: bool
    ) -> tuple[int | None, int | None]:
        if self.before is not None and after is not None:
            fused = [pair.norm for pair in self._fused(plan)]
            return self.before.bytes(site, fused), after.bytes(site, fused)
        if not lean:
            return None, None
        trial = self.planner.call_trial(call)
        return trial.bytes_before, trial.bytes_after


def _was(module: torch.nn.Module) -> str:
    name = type(module).__name__
    if isinstance(module, torch.nn.LeakyReLU):
        return f"{name}({module.negative_slope:g}{', inplace' if module.inplace else ''})"
    return f"{name}({'inplace' if getattr(module, 'inplace', False) else ''})"
