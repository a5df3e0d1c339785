"""Try each kind of change on made-up input: the same numbers, and how many bytes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch.nn import functional as F

from leaky.kernels.explained import explain
from leaky.kernels.select import LAYERS, SMALL
from leaky.models.compare import Values, differs
from leaky.models.functions import Call
from leaky.models.isolate import told
from leaky.models.keeping import others, twins
from leaky.models.keeping.calls import LeanCalls
from leaky.models.keeping.proof import doubled, evaluated, many_processes, normal, parts_kept, saved, shapes
from leaky.nn import functional
from leaky.nn.recomputation import made_again


@dataclass(frozen=True)
class Trial:
    """How a change did on made-up input: why it must not be made (None: it may), and bytes kept before and after.

    Bytes include the output, which the next layer mostly keeps, except where an activation keeps nothing else.
    `may_change` says whether the new output may be changed in place before backward, `keeps` in words what is kept;
    `parts_before` and `parts_after` in bytes for the "input", the "output" and what is "more".
    """

    reason: str | None
    bytes_before: int = 0
    bytes_after: int = 0
    may_change: bool = True
    keeps: str = ""
    parts_before: Mapping[str, int] = field(default_factory=dict)
    parts_after: Mapping[str, int] = field(default_factory=dict)


def try_other(call: Call, like: torch.Tensor) -> Trial:
    """An activation of another kind that keeps less, against torch's, in the dtype and on the device of `like`."""
    channels = len(dict(call.settings).get("weight", [0] * 16))
    row = LAYERS.get(others.OTHERS[getattr(torch.nn, call.other)].function.__name__)
    enough = SMALL if row is None else max(SMALL, row.small)
    x = 3 * normal((4, channels, max(4, enough // channels)), like)
    x.view(-1)[:3] = x.new_tensor([0.0, -0.0, 1.0])

    def fresh(lean: bool) -> torch.nn.Module:
        torch.manual_seed(20)  # `lean` puts the generators back
        module = others.made(call.other, call.settings).to(like.device, like.dtype)
        if lean:
            twins.keep_bits(module)
        return module

    def truth(calls: int) -> Values:
        """In float64, which autocast leaves alone; gradients add up over the calls."""
        module = fresh(False).double()
        return [_seeded(module, x.double()) for _ in range(calls)][-1]

    try:
        lean, eager = fresh(True), fresh(False)
        reason = None
        for calls in (1, 2):  # its second call may find other state than its first
            found, wanted = _seeded(lean, x), _seeded(eager, x)
            reason = reason or differs(found, wanted, lambda n=calls: truth(n))  # type: ignore[misc]  # mypy infers no default
        parts = [parts_kept(fresh(one), x) for one in (False, True)]
        alone = parts[0].keys() == {"output"}
        before, after = (saved(fresh(one), x, with_output=not alone) for one in (False, True))
    except Exception as error:  # whatever it is, the site stays as it was, and the report says why
        return Trial(f"its form that keeps less raised {told(error)}")
    keeps = others.OTHERS[getattr(torch.nn, call.other)].keeps
    return Trial(
        reason and f"its form that keeps less computes something else: {reason}",
        before,
        after,
        _may_change(lean, x),
        keeps,
        *parts,
    )


def try_activation(call: Call, like: torch.Tensor) -> Trial:
    """One-bit (leaky) ReLU against torch's, in the dtype and on the device of `like`."""
    if call.other:
        return try_other(call, like)
    x = normal((4, 16, SMALL // 32), like)  # above what the kernels hand to torch because it is small
    x.view(-1)[:3] = x.new_tensor([0.0, -0.0, 1.0])

    def eager(x: torch.Tensor) -> torch.Tensor:
        if call.relu:
            return F.relu(x, call.inplace)
        return F.leaky_relu(x, call.slope, call.inplace and call.slope >= 0)  # torch refuses those in place

    def lean(x: torch.Tensor) -> torch.Tensor:
        if call.relu:
            return functional.relu(x, call.inplace)
        return functional.leaky_relu(x, call.slope, call.inplace)

    try:
        reason = differs(evaluated(lean, x), evaluated(eager, x))
        parts = [parts_kept(function, x) for function in (eager, lean)]
        alone = parts[0].keys() == {"output"}
        before, after = (saved(function, x, with_output=not alone) for function in (eager, lean))
    except Exception as error:  # whatever it is, the site stays as it was, and the report says why
        return Trial(f"its one-bit form raised {told(error)}")
    name, values = ("relu", {}) if call.relu else ("leaky_relu", {"negative_slope": call.slope})
    keeps = explain(name, x, values).keeps
    return Trial(
        reason and f"its one-bit form computes something else: {reason}",
        before,
        after,
        _may_change(lean, x),
        keeps,
        *parts,
    )


def try_pair(
    norm: torch.nn.Module, activation: torch.nn.Module | None, slope: float, *, again: bool = False
) -> Trial:
    """A norm that absorbs its activation (None: a call) against the two, in train and eval mode.

    `again` says that the layers behind need not keep an output that is computed again.
    """
    if many_processes(norm):
        return Trial(MANY)
    before = after = 0
    like = next(iter(norm.parameters()), torch.empty(0))
    try:
        for shape in shapes(norm):
            x = normal(shape, like)
            for training in (True, False):
                eager, lean, truth = (
                    _pair(norm, activation, slope, fused, training) for fused in (False, True, False)
                )
                reason = differs(
                    evaluated(lean, x, lean),
                    evaluated(eager, x, eager),
                    partial(doubled, truth, x),
                )
                if reason is not None:
                    return Trial(f"fused, it computes something else: {reason}")
                if training:
                    before += saved(_fresh(_pair(norm, activation, slope, False, True)), x)
                    after += saved(_fresh(_pair(norm, activation, slope, True, True)), x, again=again)
    except Exception as error:  # whatever it is, the site stays as it was, and the report says why
        return Trial(f"fused, it raised {told(error)}")
    fused = _pair(norm, activation, slope, True, True)
    twice = again and made_again(fused(normal(shapes(norm)[0], like).requires_grad_())) is not None
    return Trial(None, before, after, keeps=_AGAIN if twice else _BOTH)


MANY = "it would speak to the other processes while it is tried; be lean before init_process_group"
_BOTH = "one tensor for both"
_AGAIN = "one tensor for both and the layer behind, for which backward computes the output again"


class _Pair(torch.nn.Module):
    def __init__(self, norm: torch.nn.Module, activation: torch.nn.Module | None, slope: float) -> None:
        super().__init__()
        self.norm, self.activation, self.slope = norm, activation, slope
        self.kinds = frozenset({"leaky_relu", "relu"})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.activation is not None:
            result: torch.Tensor = self.activation(self.norm(x))
            return result
        if twins.is_lean(self.norm):
            with LeanCalls(self.kinds):
                return self._called(self.norm(x))
        return self._called(self.norm(x))

    def _called(self, z: torch.Tensor) -> torch.Tensor:
        return F.leaky_relu(z, self.slope) if self.slope else F.relu(z)


def _pair(
    norm: torch.nn.Module, activation: torch.nn.Module | None, slope: float, fused: bool, training: bool
) -> torch.nn.Module:
    pair = copy.deepcopy(_Pair(norm, activation, slope)).train(training)
    if fused:
        found = () if pair.activation is None else (pair.activation,)
        twins.absorb(pair.norm, twins.Absorption("norm", slope, found))
    return pair


def _fresh(pair: Any) -> torch.nn.Module:
    """Weights as they start: what is kept must not depend on how far training has come."""
    pair.norm.reset_parameters()
    made: torch.nn.Module = pair
    return made


def _seeded(module: torch.nn.Module, x: torch.Tensor) -> Values:
    torch.manual_seed(20)
    return evaluated(module, x, module)


def _may_change(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> bool:
    """Whether the output may be changed in place before backward."""
    try:
        evaluated(lambda x: function(x).add_(1), x)
    except RuntimeError:
        return False
    return True
