"""Replace a model's activations by others, in place, and back."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import torch

from leaky.catalogue import Spec, parse
from leaky.errors import ArgumentError, ArgumentTypeError, unknown_name
from leaky.models import patch
from leaky.models.keeping import twins
from leaky.models.norms import reestimate_norms
from leaky.models.swap_calls import Match
from leaky.models.swap_operate import operate
from leaky.models.swap_report import SwapReport
from leaky.models.swap_sites import Site, find


def swap(
    model: torch.nn.Module,
    before: str | Spec,
    after: str | Spec,
    *,
    where: str | Iterable[str] | None = None,
    reestimate: Iterable[Any] | None = None,
) -> SwapReport:
    """Replace the activation `before` by `after`, in place: modules, norms that apply it, and calls of functions.

    Modules stay the same objects under all their names, with their hooks and flags; their class becomes leaky.nn's.
    Calls such as `F.relu(x)`, `torch.relu(x)`, `x.relu_()` in a forward are swapped while it runs, all that match in
    one forward together; `torch.compile` runs such a forward without compiling it. A site that is in place stays so,
    modules only if the new activation can be. What cannot be swapped is left, and the report says why.

    Args:
        model: any module; swap before it is compiled or made lean.
        before: a spec. `relu` or `leaky_relu` mean every one, `leaky_relu(negative_slope=1)` those with that slope.
        after: a spec; a learned one (`prelu`) adds parameters, where there is a module to hold them.
        where: names of sites, or patterns such as `encoder.*`: one or several. Calls go by the name of the module
            whose forward makes them and the function, `block.relu`. A number as in `act:2`, the second call of a
            site, is left out: all its calls are swapped.
        reestimate: batches on which the running statistics of BatchNorms are estimated again afterwards, see
            `leaky.models.reestimate_norms`.

    Returns:
        A report of every site that matches; `print(report)` shows it. It names the keys that `state_dict` gains.

    Raises:
        UnknownNameError: no such activation, or no such site.
        ArgumentError: nothing matches, or the model is compiled or lean, or rejects a batch.
        After any error the model is as it was.

    Example:
        >>> import torch, leaky
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
        >>> report = leaky.swap(model, "relu", "leaky_relu(negative_slope=0.1)")
        >>> model[1]
        LeakyReLU(negative_slope=0.1)
        >>> leaky.unswap(model)
        ('1',)
    """
    match, spec = Match.of(before), parse(after)
    _check(model, spec)
    sites = _chosen(find(model), match, where, type(model).__name__)
    keys = tuple(model.state_dict(keep_vars=True))
    norms: tuple[str, ...] = ()
    with patch.undone_on_error(model):
        records = [operate(model, site, match, spec) for site in sites]
        if reestimate is not None:
            norms = reestimate_norms(model, reestimate)
    now = tuple(model.state_dict(keep_vars=True))
    return SwapReport(
        type(model).__name__,
        tuple(records),
        tuple(key for key in now if key not in keys),
        tuple(key for key in keys if key not in now),
        norms,
    )


def unswap(model: torch.nn.Module) -> tuple[str, ...]:
    """Undo every `swap`, exactly; the names of the modules that are again what they were.

    A PReLU that was swapped away comes back with the slopes it had then, on the device the model is on now.

    Example:
        >>> import torch, leaky
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU())
        >>> report = leaky.swap(model, "relu", "prelu")
        >>> leaky.unswap(model)
        ('1',)
        >>> type(model[1]) is torch.nn.ReLU
        True
    """
    if not isinstance(model, torch.nn.Module):
        raise ArgumentTypeError(f"unswap: `model` must be a torch.nn.Module, got {type(model).__name__}")
    changed = {name: module for name, module in model.named_modules() if patch.KEY in vars(module)}
    for name, module in changed.items():
        if twins.is_lean(module):
            raise ArgumentError(
                f"unswap: `{name}` of `model` was made lean after the swap; call leaky.unlean(model) before"
            )
    likes = {name: patch.like(model, name) for name in changed}
    for name, module in changed.items():
        patch.restore(module, likes[name])
    return tuple(changed)


def _check(model: Any, after: Spec) -> None:
    if not isinstance(model, torch.nn.Module):
        raise ArgumentTypeError(f"swap: `model` must be a torch.nn.Module, got {type(model).__name__}")
    if isinstance(model, torch.jit.ScriptModule):
        raise ArgumentError(
            f"swap: `model` {type(model).__name__} is a script, whose activations are fixed; swap before "
            "torch.jit.script"
        )
    learned = any(parameter.learned for parameter in after.activation.parameters)
    for name, module in model.named_modules():
        if type(module).__name__ == "OptimizedModule" or vars(module).get("_compiled_call_impl") is not None:
            raise ArgumentError(
                f"swap: `model` is compiled ({name or 'all of it'}), and what is compiled would not change; "
                "swap before torch.compile (`model._orig_mod` is what it was made from) and compile again"
            )
        if twins.is_lean(module):
            raise ArgumentError(
                f"swap: `{name}` of `model` is lean; call leaky.unlean(model) before, and leaky.lean(model) after"
            )
        if learned and type(module).__name__ in ("DistributedDataParallel", "FullyShardedDataParallel"):
            raise ArgumentError(
                f"swap: {after} adds parameters, which {type(module).__name__} would not see; swap before wrapping"
            )


def _chosen(sites: list[Site], match: Match, where: str | Iterable[str] | None, model: str) -> list[Site]:
    """The sites that are meant; raise where there are none, or a name is of none."""
    names = [name for site in sites for name in (site.name, *site.also)]
    chosen = sites
    if where is not None:
        patterns = [where] if isinstance(where, str) else list(where)
        for pattern in patterns:
            if not isinstance(pattern, str):
                raise ArgumentTypeError(f"swap: `where` must hold names of sites, got {pattern!r}")
        resolved = [_resolve(pattern, names) for pattern in patterns]
        chosen = [
            site
            for site in sites
            if any(
                fnmatch.fnmatchcase(name, p) or name == p
                for name in (site.name, *site.also)
                for p in resolved
            )
        ]
    found = [
        site
        for site in chosen
        if site.activation == match.name and (site.spec is None or match.fits(site.spec))
    ]
    if not found:
        counts = Counter(site.text for site in chosen)
        has = (
            ", ".join(f"{text} x {count}" for text, count in counts.items())
            or "no activation of the catalogue"
        )
        place = model if where is None else f"what `where` names in {model}"
        raise ArgumentError(f"swap: nothing matches `before` {match}; {place} has {has}")
    return found


def _resolve(pattern: str, names: list[str]) -> str:
    if pattern in names or fnmatch.filter(names, pattern):
        return pattern
    bare = re.sub(r":\d+$", "", pattern)
    if bare in names:
        return bare
    raise unknown_name("site", pattern, [name for name in names if name] or ["(none)"])
