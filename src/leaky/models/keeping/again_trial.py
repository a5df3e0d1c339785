"""Try what `again` found on made-up input: a norm, a smooth activation, or both, keeping one tensor."""

from __future__ import annotations

import copy
from functools import partial

import torch

from leaky.kernels.select import SMALL
from leaky.models.compare import differs
from leaky.models.isolate import told
from leaky.models.keeping import proof, twins
from leaky.models.keeping.trials import MANY, Trial
from leaky.nn.recomputation import made_again


class _Chain(torch.nn.Module):
    def __init__(self, norm: torch.nn.Module | None, activation: torch.nn.Module | None) -> None:
        super().__init__()
        self.norm, self.activation = norm, activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = x if self.norm is None else self.norm(x)
        result: torch.Tensor = z if self.activation is None else self.activation(z)
        return result


def try_again(
    norm: torch.nn.Module | None,
    activation: torch.nn.Module | None,
    like: torch.Tensor,
    *,
    behind: bool,
) -> Trial:
    """The changed modules against torch's on made-up input, in train and eval mode."""
    if norm is not None and proof.many_processes(norm):
        return Trial(MANY)
    channels = getattr(activation, "num_parameters", 1)
    channels = channels if channels > 1 else 16
    shapes = proof.shapes(norm) if norm is not None else [(4, channels, max(32, SMALL // channels))]
    before = after = 0
    try:
        for shape in shapes:
            x = proof.normal(shape, like)
            for training in (True, False):
                eager, truth = (copy.deepcopy(_Chain(norm, activation)).train(training) for _ in range(2))
                lean = _changed(copy.deepcopy(_Chain(norm, activation)).train(training))
                found, wanted = (proof.evaluated(chain, x, chain) for chain in (lean, eager))
                reason = differs(found, wanted, partial(proof.doubled, truth, x))
                if reason is not None:
                    return Trial(f"its form that keeps less computes something else: {reason}")
            fresh = [copy.deepcopy(_Chain(norm, activation)).train() for _ in range(2)]
            for chain in fresh if norm is not None else ():
                chain.norm.reset_parameters()  # type: ignore[operator, union-attr]  # of the norms, which have one
            before += proof.saved(fresh[0], x)
            after += proof.saved(_changed(fresh[1]), x, again=behind)
    except Exception as error:  # as in `trials`
        return Trial(f"its form that keeps less raised {told(error)}")
    output = made_again(_changed(copy.deepcopy(_Chain(norm, activation)).train())(x.clone().requires_grad_()))
    parts = ["the norm"] * (norm is not None) + ["the activation"] * (activation is not None)
    parts += ["the layer behind"] * (behind or activation is None)
    listed = " and ".join([", ".join(parts[:-1]), parts[-1]])
    return Trial(None, before, after, output is not None, f"one tensor for {listed}")


def _changed(chain: _Chain) -> _Chain:
    change(chain.norm, chain.activation)
    return chain


def change(norm: torch.nn.Module | None, activation: torch.nn.Module | None) -> None:
    """Let a norm and an activation, or one of them, keep less."""
    if norm is not None:
        twins.keep_output(norm)
    if activation is not None:
        twins.keep_input(activation)
