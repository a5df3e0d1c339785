"""The rows of a `LeanReport`: every site, what it was, what it became or why not, and its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import torch

from leaky.models.functions import Call
from leaky.models.keeping.change import Plan
from leaky.models.keeping.observe import Observation
from leaky.models.keeping.others import CLASSES
from leaky.models.keeping.plan import Planner
from leaky.models.keeping.report import LeanReport, LeanSite
from leaky.models.keeping.sites import Pair, Sites
from leaky.models.keeping.trials import Trial
from leaky.models.keeping.twins import NORMS


class Rows:
    """Makes them from what was found, the plan, and what the model kept `before` and `after`, where it was run."""

    def __init__(
        self,
        model: torch.nn.Module,
        sites: Sites,
        planner: Planner,
        plan: Plan,
        before: Observation | None,
        after: Observation | None,
    ) -> None:
        self.model, self.sites, self.planner, self.plan = model, sites, planner, plan
        self.before, self.after = before, after

    def report(self, dry_run: bool) -> LeanReport:
        """What was found and done."""
        rows = [
            *self._pair_rows(),
            *self._activation_rows(),
            *self._call_rows(),
            *self._again_rows(),
            *self._done_rows(),
        ]
        order = {name: number for number, (name, _) in enumerate(self.model.named_modules())}
        rows.sort(key=lambda row: order[row[0]])
        if self.before is not None and self.after is not None:
            totals: tuple[int | None, int | None] = (self.before.total, self.after.total)
        else:
            trials = [self.planner.trial(change) for change in self.plan.changes]
            totals = (sum(t.bytes_before for t in trials), sum(t.bytes_after for t in trials))
        measured_on: Literal["example", "synthetic"] = "synthetic" if self.before is None else "example"
        return LeanReport(
            type(self.model).__name__, tuple(site for _, site in rows), measured_on, *totals, dry_run
        )

    def _pair_rows(self) -> Iterator[tuple[str, LeanSite]]:
        for pair in self._fused():
            norm = self.model.get_submodule(pair.norm)
            absorbed = [_was(self.model.get_submodule(name)) for name in pair.activations]
            following = (
                absorbed[0]
                if absorbed
                else f"F.{'relu()' if pair.relu else f'leaky_relu(negative_slope={pair.slope:g})'}"
            )
            trial = self.planner.trial(next(c for c in self.plan.changes if c.key == ("fuse", pair.norm)))
            if self.before is not None and self.after is not None:
                counted = self.before.pair_bytes(pair.norm), self.after.pair_bytes(pair.norm)
            else:
                counted = trial.bytes_before, trial.bytes_after
            name = " + ".join((pair.norm, *pair.activations))
            was = f"{type(norm).__name__} + {following}"
            yield pair.norm, LeanSite(name, was, trial.keeps, "", (), *counted)

    def _activation_rows(self) -> Iterator[tuple[str, LeanSite]]:
        changes = {change.key: change for change in self.plan.changes}
        for name, site in self.sites.activations.items():
            if name not in self.plan.left:
                continue  # the rows of its norms say it
            change = changes.get(("bits", name))
            was = _was(self.model.get_submodule(name))
            trial = self.planner.trial(change) if change else None
            became = trial.keeps if trial is not None else None
            counted = self._bytes(name, trial)
            yield name, LeanSite(name, was, became, self.plan.left[name], site.also, *counted)

    def _call_rows(self) -> Iterator[tuple[str, LeanSite]]:
        kinds = next((change.kinds for change in self.plan.changes if change.what == "calls"), frozenset())
        for (owner, call), calls in self.sites.calls.items():
            pairs = [pair for pair in self._fused() if pair.owner == owner and pair.made_by(call)]
            if pairs and sum(pair.calls for pair in pairs) == len(calls.uses):
                continue  # the rows of its norms say it
            lean = call.kind in kinds
            was = f"F.{call}" if calls.seen else "calls in code that does not trace"
            reason = "; ".join(filter(None, [self.plan.left.get((owner, call), ""), *calls.refused]))
            trial = self.planner.call_trial(call) if lean and calls.seen else None
            counted = self._bytes((owner, call), trial)
            yield owner, LeanSite(owner, was, self._keeps(call) if lean else None, reason, (), *counted)

    def _again_rows(self) -> Iterator[tuple[str, LeanSite]]:
        changes = {change.key: change for change in self.plan.changes}
        for site in self.sites.again:
            change = changes.get(("again", site.key))
            names = (*site.norms, *([site.name] if site.name is not None else []))
            if change is None and (site.name is None or site.name in self.sites.activations):
                continue  # a norm as it was is no news, and another row has the activation
            if change is None:
                names = (site.key,)
            was = " + ".join(_was(self.model.get_submodule(name)) for name in names)
            trial = None if change is None else self.planner.trial(change)
            counted: tuple[int | None, int | None] = (None, None)
            if self.before is not None and self.after is not None:
                known = self.before.together(names, site.key if site.behind and trial else None)
                counted = known, self.after.together(names)
            elif trial is not None:
                counted = trial.bytes_before, trial.bytes_after
            became = None if trial is None else trial.keeps
            yield (
                site.key,
                LeanSite(" + ".join(names), was, became, self.plan.left.get(site, ""), (), *counted),
            )

    def _done_rows(self) -> Iterator[tuple[str, LeanSite]]:
        for name in self.sites.done:
            module = self.model.get_submodule(name)
            was = f"{type(module).__name__}({module.extra_repr()})"
            yield name, LeanSite(name, was, None, "it keeps no more than it needs")

    def _fused(self) -> list[Pair]:
        fused = {change.name for change in self.plan.changes if change.what == "fuse"}
        return [pair for pair in self.sites.pairs if pair.norm in fused]

    def _keeps(self, call: Call) -> str:
        return self.planner.call_trial(call).keeps if call.known else "what leaky.nn.functional keeps"

    def _bytes(self, site: Any, trial: Trial | None) -> tuple[int | None, int | None]:
        if self.before is not None and self.after is not None:
            fused = [pair.norm for pair in self._fused()]
            norms = [name for name, module in self.model.named_modules() if type(module) in NORMS]
            return self.before.bytes(site, fused, norms), self.after.bytes(site, fused, norms)
        return (None, None) if trial is None else (trial.bytes_before, trial.bytes_after)


def _was(module: torch.nn.Module) -> str:
    name = type(module).__name__
    if isinstance(module, torch.nn.LeakyReLU):
        slope = module.negative_slope
        shown = f"{slope:g}" if isinstance(slope, int | float) else "no number"
        return f"{name}({shown}{', inplace' if module.inplace else ''})"
    if isinstance(module, CLASSES):
        return f"{name}({module.extra_repr()})"
    return f"{name}({'inplace' if module.inplace else ''})" if hasattr(module, "inplace") else name
