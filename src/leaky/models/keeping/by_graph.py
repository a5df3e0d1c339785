"""Which activations gain from keeping less, told from graphs alone, where there is no example to run.

What nobody can be sure of does not count as gained: another layer that may keep the same memory does keep it. So a
model never keeps more than before, whatever the shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any

from leaky.models.functions import Call
from leaky.models.keeping.holders import Holders, Use
from leaky.models.keeping.sites import Activation, Calls, Pair, Sites
from leaky.models.keeping.trials import Trial

UNKNOWN = "what other layers keep is not known, as its calls do not trace; an `example` would tell"
NOBODY = "its output would be kept instead of its input, and no layer keeps that anyway"
_ENOUGH = 8
"""A module changes where every eighth of its calls frees a tensor: the others cost a bit per element."""
_OTHERS = "left with others of its kind, which may gain nothing; an `example` would tell"


def input_stays(norms: Mapping[str, list[Use]], training: bool, *, alone: bool) -> str | None:
    """Why norms that keep their output instead of their input may free nothing; None where they surely do.

    `alone` says that no activation follows: then a layer behind has to keep the output anyway.
    """
    for use in (use for uses in norms.values() for use in uses if use.training == training):
        if use.input.other or use.input.sites:
            return f"{use.input.other or 'an activation'} may keep what goes into it anyway; an `example` would tell"
        if alone and not use.output.surely:
            return "no layer surely keeps its output anyway; an `example` would tell"
    return None


class ByGraph:
    """Decides for all sites together: what one no longer keeps may be all that stood in the way of another.

    `barred` are sites that stay as they are for other reasons, `without` layers that do not keep what they read and
    activations whose output is computed again, `training` is the mode whose graphs count.
    """

    def __init__(
        self,
        sites: Sites,
        trial: Callable[[Call], Trial],
        barred: set[Hashable],
        without: set[str],
        training: bool,
    ) -> None:
        self.found: dict[Any, Activation | Calls] = {**sites.activations, **sites.calls}
        self.norms = sites.norms
        self.trial = trial
        self.training = training
        self.paired = {key for pair in sites.pairs for key in self._of(pair)}
        self.unsure = {*without, *(name for pair in sites.pairs for name in (pair.norm, *pair.behind))}
        """Layers that may come to do without their input."""
        self.lean = {key for key, site in self.found.items() if key not in barred and site.call.known}
        self.reasons: dict[Hashable, str] = {}
        while self._drop(self._without_gain() or self._of_split_kinds()):
            pass

    def reason(self, key: Hashable, fused: Collection[str]) -> str | None:
        """Why a site should stay as it is, None where it gains; of calls that no `fused` norm has activated."""
        return self._why_not(key, fused) if key in self.paired and fused else self.reasons.get(key)

    def reason_apart(self, pair: Pair) -> str | None:
        """Why a norm and its leaky ReLU stay apart: in one they keep the output instead of the norm's input."""
        if pair.relu:
            return None  # they keep the input, and what is freed is the output
        acts = [self.found[key] for key in self._of(pair)]
        fresh = not any(site.call.inplace for site in acts)
        kept = all(use.output.surely - self.unsure for site in acts for use in self._uses(site.uses))
        if fresh and kept:
            return None
        keepers = (self._keeper(use.input, pair.norm) for use in self._uses(self.norms.get(pair.norm, [])))
        keeper = next(filter(None, keepers), None)
        return keeper and f"{keeper} keeps what goes into it anyway"

    def _of(self, pair: Pair) -> list[Any]:
        """The activations of a pair."""
        calls = (key for key in self.found if isinstance(key, tuple))
        return [*pair.activations, *(key for key in calls if pair.owner == key[0] and pair.made_by(key[1]))]

    def _drop(self, reasons: dict[Hashable, str]) -> bool:
        self.reasons |= reasons
        self.lean -= reasons.keys()
        return bool(reasons)

    def _without_gain(self) -> dict[Hashable, str]:
        told = {key: self._why_not(key) for key in self.lean}
        return {key: reason for key, reason in told.items() if reason is not None}

    def _of_split_kinds(self) -> dict[Hashable, str]:
        """Calls are made lean by kind, all over the model and in modules too: each of them has to gain."""
        short = {
            site.call.kind
            for key, site in self.found.items()
            if key not in self.lean
            and (not site.uses or any(use.training == self.training for use in site.uses))
            and (isinstance(key, tuple) or self._why_not(key))
        }
        return {key: _OTHERS for key in self.lean if isinstance(key, tuple) and key[1].kind in short}

    def _why_not(self, key: Hashable, fused: Collection[str] = ()) -> str | None:
        site = self.found[key]
        uses = self._uses([use for use in site.uses if use.norm not in fused])
        if not uses:
            trial = self.trial(site.call)
            alone = {*trial.parts_before, *trial.parts_after} <= {"more"}
            return None if alone else UNKNOWN  # nobody else keeps a mask
        found = [self._balance(key, self.trial(site.call), use) for use in uses]
        gaining = sum(least > 0 for least, _, _ in found)
        enough = gaining * _ENOUGH >= len(found) and sum(least for least, _, _ in found) > 0
        if isinstance(site, Activation) and enough:
            return None  # what it costs the other calls is a bit per element
        return next((reason for least, most, reason in found if not (least >= 0 and most > 0)), None)

    def _uses(self, uses: list[Use]) -> list[Use]:
        return [use for use in uses if use.training == self.training] or uses

    def _balance(self, key: Hashable, trial: Trial, use: Use) -> tuple[float, float, str]:
        """The bytes that one call frees at least and at most, below 0 where it costs, and why it may free none.

        Sizes are those of the trial. What several calls free together counts for each of them in part.
        """
        before, after = trial.parts_before, trial.parts_after
        least: float = before.get("more", 0) - after.get("more", 0)
        most = least
        reason = NOBODY
        for part, holders in (("input", use.input), ("output", use.output)):
            keeper = self._keeper(holders, key)
            if part in before.keys() - after.keys():
                least += 0 if keeper else before[part] / (1 + self._free_too(holders))
                most += 0 if keeper else before[part]
                if keeper is not None and keeper == holders.other and not holders.surely:
                    reason = f"it keeps its {part}, as {keeper} may too; an `example` would tell"
                elif keeper is not None:
                    reason = f"it keeps its {part}, as {keeper} does anyway"
            elif part in after.keys() - before.keys():
                least -= 0 if holders.surely - self.unsure else after[part]
                most -= 0 if keeper else after[part]
        return least, most, reason

    def _keeper(self, holders: Holders, key: Hashable) -> str | None:
        """Who may keep a tensor besides the calls of a site, once the others are what they are to become."""
        for site, _, part in sorted(holders.sites, key=str):
            if site != key and part in self._kept(site):
                name = site[0] if isinstance(site, tuple) else site
                return f"`{name}`" if name else "another activation"
        return holders.other

    def _free_too(self, holders: Holders) -> int:
        """How many further calls would no longer keep this."""
        return len(
            {
                place
                for site, place, part in holders.sites
                if site in self.lean
                and part in self.trial(self.found[site].call).parts_before
                and part not in self._kept(site)
            }
        )

    def _kept(self, key: Hashable) -> Collection[str]:
        """The parts that an activation may keep, "input" and "output", once all are what they are to become."""
        site = self.found.get(key)
        if site is None or not site.call.known:
            return ("input", "output")
        trial = self.trial(site.call)
        if key in self.paired | self.unsure or (isinstance(site, Activation) and site.own_class):
            return ("input", "output")
        return trial.parts_after if key in self.lean else trial.parts_before
