"""Activation checkpointing of lean models: reentrant, not reentrant, selective, in sequence, compiled."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from lean_nets import net
from side_by_side import follows, images, kept, made, needs_native, trained
from torch import Tensor, nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import apply_activation_checkpointing
from torch.nn import functional as F
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    checkpoint_sequential,
    create_selective_checkpoint_contexts,
)

import leaky

BATCHES = images(3, 2, 3, 32, 32)


class Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv, self.norm, self.act = (
            nn.Conv2d(channels, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.LeakyReLU(0.1),
        )
        self.second, self.drop = nn.Conv2d(8, 8, 3, padding=1), nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(F.leaky_relu(self.second(self.act(self.norm(self.conv(x)))), 0.2))


def blocks() -> nn.Sequential:
    return nn.Sequential(Block(3), Block(8), nn.Conv2d(8, 2, 1))


def keep_convolutions(context: Any, operator: Any, *args: Any, **more: Any) -> CheckpointPolicy:
    keep = operator is torch.ops.aten.convolution.default
    return CheckpointPolicy.MUST_SAVE if keep else CheckpointPolicy.PREFER_RECOMPUTE


class Checkpointed(nn.Module):
    """Each block recomputed in backward."""

    def __init__(self, body: nn.Sequential, **options: Any) -> None:
        super().__init__()
        self.body, self.options = body, options

    def forward(self, x: Tensor) -> Tensor:
        x = x.requires_grad_()  # what reentrant checkpointing asks for
        for block in self.body[:2]:
            x = checkpoint(block, x, **self.options)
        return self.body[2](x)


class InSequence(Checkpointed):
    def forward(self, x: Tensor) -> Tensor:
        return checkpoint_sequential(self.body, 2, x.requires_grad_(), use_reentrant=False)


def wrapped(model: nn.Sequential) -> nn.Module:
    apply_activation_checkpointing(model, check_fn=lambda module: isinstance(module, Block))
    return model


selective = functools.partial(create_selective_checkpoint_contexts, keep_convolutions)
WAYS: dict[str, Callable[[Any], nn.Module]] = {
    "reentrant": lambda model: Checkpointed(model, use_reentrant=True),
    "not reentrant": lambda model: Checkpointed(model, use_reentrant=False),
    "in sequence": InSequence,
    "selective": lambda model: Checkpointed(model, use_reentrant=False, context_fn=selective),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_lean_model_checkpointed(way: Any) -> None:
    follows(blocks, BATCHES, at_most=1.0, prepared=way, rel=1e-4)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("name", ["residual SiLU", "units ending in ReLU", "units ending in GELU"])
def test_inputs_computed_again_within_and_across_checkpoints(way: Any, name: str) -> None:
    follows(lambda: net(name), BATCHES, at_most=1.0, prepared=way, rel=1e-4)


def test_save_on_cpu_around_inputs_computed_again() -> None:
    class Offloaded(nn.Module):
        def __init__(self, body: nn.Module) -> None:
            super().__init__()
            self.body = body

        def forward(self, x: Tensor) -> Any:
            with torch.autograd.graph.save_on_cpu():
                return self.body(x)

    follows(lambda: net("residual SiLU"), BATCHES, at_most=0.6, prepared=Offloaded)


def test_wrapped_by_torch_distributed() -> None:
    plain, lean = made(blocks), made(blocks)
    leaky.lean(lean, BATCHES[0])
    wanted = trained(wrapped(plain), BATCHES)
    assert trained(wrapped(lean), BATCHES) == pytest.approx(wanted, rel=1e-4)
    assert leaky.unlean(lean)
    assert trained(lean, BATCHES) == pytest.approx(trained(plain, BATCHES), rel=1e-4)


@needs_native
def test_lean_checkpoints_keep_less_than_eager_and_more_than_recomputing_everything() -> None:
    plain, lean = made(blocks), made(blocks)
    leaky.lean(lean, BATCHES[0])
    x = BATCHES[0]
    recomputed = Checkpointed(plain, use_reentrant=False)
    assert kept(recomputed, x) < kept(lean, x) < 0.75 * kept(plain, x)


def test_made_lean_after_it_was_wrapped() -> None:
    plain, lean = wrapped(made(blocks)), wrapped(made(blocks))
    report = leaky.lean(lean, BATCHES[0])
    assert trained(lean, BATCHES) == pytest.approx(trained(plain, BATCHES), rel=1e-4), report


def test_compiled_with_a_checkpoint_inside() -> None:
    torch._dynamo.reset()
    plain, lean = made(blocks), made(blocks)
    leaky.lean(lean, BATCHES[0])
    ways = [Checkpointed(model, use_reentrant=False) for model in (plain, lean)]
    for one in ways:
        for block in one.body[:2]:
            block.drop.p = 0.0  # a compiled dropout draws other numbers
    wanted = trained(ways[0], BATCHES)
    compiled = torch.compile(ways[1], fullgraph=True, backend="aot_eager")
    assert trained(compiled, BATCHES) == pytest.approx(wanted, rel=1e-4)
