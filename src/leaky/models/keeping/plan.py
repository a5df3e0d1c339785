"""Decide which sites change, and say of every other why not. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch

from leaky import nn
from leaky.models.functions import Call
from leaky.models.keeping.again import Again
from leaky.models.keeping.again_trial import try_again
from leaky.models.keeping.by_graph import UNKNOWN, ByGraph, input_stays
from leaky.models.keeping.change import Change, Plan
from leaky.models.keeping.observe import Observation
from leaky.models.keeping.others import OTHERS
from leaky.models.keeping.sites import Activation, Calls, Pair, Sites, call_of
from leaky.models.keeping.trials import Trial, try_activation, try_pair
from leaky.models.trace import inside

_BIT = 1 / 8
"""Bytes per element."""


class Planner:
    """Makes plans from what was found, and from what a run of the plain model showed (None without an example)."""

    def __init__(self, model: torch.nn.Module, sites: Sites, seen: Observation | None) -> None:
        self.model = model
        self.modules = dict(model.named_modules())
        self.sites = sites
        self.seen = seen
        floating = (parameter for parameter in model.parameters() if parameter.is_floating_point())
        self.like = next(floating, torch.empty(0))
        self._trials: dict[Any, Trial] = {}
        self._graphs: ByGraph | None = None
        self._behind = {site.name: site.behind for site in sites.again}
        if seen is not None:
            self._add_seen(seen)

    def plan(self, refused: Mapping[tuple[str, str], str]) -> Plan:
        """What to change, when the `refused` changes are not to be made."""
        plan = Plan()
        again = {site.name for site in self.sites.again if self._again(plan, site, refused)}
        without = {name for change in plan.changes for name in (change.name, *change.norms, *change.behind)}
        self._graphs = None if self.seen is not None else self._by_graph(refused, without)
        kinds = self._kinds(plan, refused)
        fused = [pair for pair in self.sites.pairs if self._fuse(plan, pair, refused)]
        for site in self.sites.activations.values():
            if site.name in again:
                continue
            paired = sum(pair.calls for pair in fused if site.name in pair.activations)
            if not paired or paired < len(site.uses):
                self._bits(plan, site, refused, [pair.norm for pair in fused])
        owners = {owner for owner, call in self.sites.calls if call.kind in kinds}
        owners |= {pair.cover for pair in fused if pair.owner is not None}
        plan.changes += [
            Change("calls", owner, kinds=kinds) for owner in sorted(owners) if ("calls", owner) not in refused
        ]
        return plan

    def trial(self, change: Change) -> Trial:
        """The change on made-up input."""
        match change.what:
            case "fuse":
                activation = self.modules[change.activations[0]] if change.activations else None
                key: Any = (
                    _kind(self.modules[change.name]),
                    activation and call_of(activation),
                    change.slope,
                    bool(change.behind),
                )
                if key not in self._trials:
                    self._trials[key] = try_pair(
                        self.modules[change.name], activation, change.slope, again=bool(change.behind)
                    )
            case "bits":
                key = call_of(self.modules[change.name])
                self.call_trial(key)
            case "again":
                norm = self.modules[change.norms[0]] if change.norms else None
                smooth = self.modules[change.name] if change.name not in change.norms else None
                what = smooth and (type(smooth), repr(smooth), *_weights(smooth))
                key = (norm and _kind(norm), what, bool(change.behind))
                if key not in self._trials:
                    self._trials[key] = try_again(norm, smooth, self.like, behind=bool(change.behind))
            case "calls":
                key = change
                trials = [
                    self.call_trial(call)
                    for owner, call in self.sites.calls
                    if owner == change.name and call.kind in change.kinds and call.known
                ]
                reason = next((trial.reason for trial in trials if trial.reason), None)
                self._trials[key] = Trial(
                    reason, sum(t.bytes_before for t in trials), sum(t.bytes_after for t in trials)
                )
        return self._trials[key]

    def call_trial(self, call: Call) -> Trial:
        """One bit per element on made-up input, for a module or a function that computes `call`."""
        if call not in self._trials:
            self._trials[call] = try_activation(call, self.like)
        return self._trials[call]

    def _add_seen(self, seen: Observation) -> None:
        """Calls that only the run showed; they replace what their code let one guess."""
        for site in seen.elements:
            if isinstance(site, tuple) and site not in self.sites.calls:
                owner, call = site
                self.sites.calls = {
                    key: calls for key, calls in self.sites.calls.items() if key[0] != owner or calls.seen
                }
                self.sites.calls[site] = Calls(owner, call, changed="its forward does not trace")

    def _fuse(self, plan: Plan, pair: Pair, refused: Mapping[tuple[str, str], str]) -> bool:
        reason = refused.get(("fuse", pair.norm))
        if reason is None and pair.unproved and self.seen is None:
            reason = f"{pair.unproved}; an `example` would prove it"
        if reason is None and pair.owner is not None:
            reason = refused.get(("calls", pair.cover))
        behind = pair.behind if pair.freed else ()
        change = Change("fuse", pair.norm, pair.activations, pair.slope, around=pair.around, behind=behind)
        if reason is None:
            trial = self.trial(change)
            reason = trial.reason or (_NO_GAIN if trial.bytes_after >= trial.bytes_before else None)
        if reason is None and self._graphs is not None:
            reason = self._graphs.reason_apart(pair)
        if reason is None:
            plan.changes.append(change)
            return True
        told = f"not fused with `{pair.norm}`: {reason}"
        for name in pair.activations:
            plan.left[name] = told
        for key in self.sites.calls:
            if key[0] == pair.owner and pair.made_by(key[1]):
                plan.left[key] = "; ".join(filter(None, [plan.left.get(key), told]))
        return False

    def _again(self, plan: Plan, site: Again, refused: Mapping[tuple[str, str], str]) -> bool:
        change = Change("again", site.key, behind=site.behind, norms=site.norms)
        reason = refused.get(change.key) or site.left
        if not reason and site.unproved and self.seen is None:
            reason = f"{site.unproved}; an `example` would prove it"
        if not reason and self.seen is not None and site.key not in self.seen.elements:
            reason = "the example does not come by"
        if not reason:
            trial = self.trial(change)
            reason = trial.reason or (_NO_GAIN if trial.bytes_after >= trial.bytes_before else "")
            if not trial.may_change and site.name in self.sites.activations:
                return False  # a PReLU that keeps its output: whether that gains is told elsewhere
            if not reason and self.seen is None and (site.name is None or not site.behind):
                norms = {norm: self.sites.norms.get(norm, []) for norm in site.norms}
                reason = input_stays(norms, self.model.training, alone=site.name is None) or ""
        if reason:
            plan.left[site] = reason
        else:
            plan.changes.append(change)
        return not reason

    def _bits(
        self, plan: Plan, site: Activation, refused: Mapping[tuple[str, str], str], fused: list[str]
    ) -> None:
        told = [*site.refused, *([plan.left[site.name]] if site.name in plan.left else [])]
        reason = self._barred(site.name, site, refused) or self._no_use(site.name, site, fused)
        if reason is None:
            plan.changes.append(Change("bits", site.name, behind=self._behind.get(site.name, ())))
        plan.left[site.name] = "; ".join([*([reason] if reason else []), *told])

    def _kinds(self, plan: Plan, refused: Mapping[tuple[str, str], str]) -> frozenset[str]:
        """The kinds of calls to make lean: those that gain over the whole model."""
        kinds = set()
        for kind in sorted({call.kind for _, call in self.sites.calls}):
            group = {key: calls for key, calls in self.sites.calls.items() if key[1].kind == kind}
            reasons = {
                key: self._barred(key, calls, refused) or self._no_use(key, calls)
                for key, calls in group.items()
            }
            alike: list[Activation | Calls] = [*self.sites.activations.values(), *group.values()]
            unsafe = any(self._unsafe(site) for site in alike if site.call.kind == kind)
            safe = ("kind", kind) not in refused and not unsafe
            blocked = not safe or any("checkpoints" in (reason or "") for reason in reasons.values())
            if not blocked and not self._gains(kind, reasons):
                reasons = {key: reason or _LITTLE for key, reason in reasons.items()}
            if blocked or all(reason is not None for reason in reasons.values()):
                plan.left |= {
                    key: reason or "left with others of its kind" for key, reason in reasons.items()
                }
            else:
                kinds.add(kind)
                plan.left |= dict.fromkeys(group, "")
        return frozenset(kinds)

    def _gains(self, kind: str, reasons: Mapping[Any, str | None]) -> bool:
        """Whether bits for all calls of a kind, and for modules that make such calls, take less than they free."""
        if self.seen is None:
            return True
        alike = {*self.sites.activations, *self.sites.calls}
        freed = sum(
            self.seen.wasted(key, alike)
            for key, reason in reasons.items()
            if reason is None and key in self.seen.elements
        )
        modules = [name for name, site in self.sites.activations.items() if site.call.kind == kind]
        taken = sum(self.seen.elements.get(key, 0) for key in (*reasons, *modules)) * _BIT
        return freed > taken or not any(key in self.seen.elements for key in reasons)

    def _by_graph(self, refused: Mapping[tuple[str, str], str], without: set[str]) -> ByGraph:
        sites: dict[Any, Activation | Calls] = {**self.sites.activations, **self.sites.calls}
        barred = {
            key for key, site in sites.items() if self._barred(key, site, refused) or self._cannot(site)
        }
        return ByGraph(self.sites, self.call_trial, barred, without, self.model.training)

    def _barred(
        self, key: Any, site: Activation | Calls, refused: Mapping[tuple[str, str], str]
    ) -> str | None:
        """Why a site must stay as it is, whatever it would gain."""
        if isinstance(site, Activation):
            module = self.modules[site.name]
            return (
                refused.get(("bits", site.name))
                or site.own_class
                or ("it keeps one bit already" if type(module) in (nn.LeakyReLU, nn.ReLU) else None)
                or ("it keeps no more than it needs" if type(module) in _LEANEST else None)
            )
        owner = site.owner
        around = [name for name in self.sites.checkpoints if owner == name or inside(name, owner)]
        if around:
            place = f"`{around[0]}`" if around[0] else "the model"
            return f"{place} checkpoints activations, which would find other tensors"
        return refused.get(("calls", owner)) or refused.get(("kind", site.call.kind))

    def _cannot(self, site: Activation | Calls) -> str | None:
        """Why keeping less would gain nothing here whoever keeps what, or would not be safe."""
        if isinstance(site, Calls) and not site.seen:
            return UNKNOWN if self.seen is None else _NOT_RUN
        trial = self.call_trial(site.call)
        if trial.reason is not None:
            return trial.reason
        if trial.bytes_after >= trial.bytes_before:
            slopes = dict(site.call.settings).get("weight", ())
            return _NO_GAIN if not slopes or any(slope > 0 for slope in slopes) else _NO_INVERSE
        return self._unsafe(site)

    def _no_use(self, key: Any, site: Activation | Calls, fused: Collection[str] = ()) -> str | None:
        """Why keeping less would gain nothing here, or would not be safe; `fused` norms take calls off the site."""
        if (reason := self._cannot(site)) is not None:
            return reason
        if self.seen is not None:
            if key not in self.seen.elements:
                return _NOT_RUN
            if not self.seen.storages.get(key):
                return "on the example it keeps nothing"
            alike = {*self.sites.activations, *self.sites.calls}
            wasted = self.seen.wasted(key, alike)
            if wasted > self.seen.elements[key] * _BIT:
                return None
            return "what it keeps is kept by other layers anyway"
        return None if self._graphs is None else self._graphs.reason(key, fused)

    def _unsafe(self, site: Activation | Calls) -> str | None:
        """Who may change its output in place later, where that is kept; with an example, its run tells."""
        unsure = site.changed or ("" if site.uses else "its calls do not trace")
        if self.seen is not None or not unsure or site.call.inplace or not site.call.known:
            return None
        if self.call_trial(site.call).may_change:
            return None
        return f"{unsure}, and the kernels that serve it here keep the output; an `example` would prove it"


_LEANEST = tuple(other.becomes for other in OTHERS.values())
_NO_GAIN = "the kernels that serve it here keep as much"
_NO_INVERSE = "its slopes are not above 0, where its output does not tell its input"
_NOT_RUN = "the example does not come by"
_LITTLE = "with bits for all calls of its kind, more would be kept"


def _kind(norm: Any) -> tuple[Any, ...]:
    """Norms of one kind behave alike on made-up input: class, settings and the values of the weights."""
    weights = _weights(norm)
    grads = [p.requires_grad for p in norm.parameters()]
    dtypes = [(p.dtype, p.device) for p in norm.parameters()]
    return (type(norm), norm.extra_repr(), norm.training, *weights, *grads, *dtypes)


def _weights(module: torch.nn.Module) -> list[bytes]:
    return [p.detach().to("cpu", torch.float64).numpy().tobytes() for p in module.parameters()]
