"""The networks that `leaky.lean` is measured on, their inputs, and a loss for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import leaky
from architectures import HiFiGANGenerator, PlainConvUNet3d, RRDBNet, YOLOv3, YOLOv5, resnet50
from architectures.hifigan import ResidualBlock
from architectures.nnunet import StackedConvs
from architectures.resnet import Block
from architectures.rrdbnet import DenseBlock
from architectures.yolov5 import Conv


@dataclass(frozen=True)
class Network:
    """A network, an input, and the share of eager's bytes that lean may keep."""

    title: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    goal: float
    trained_on: tuple[int, ...]
    """An input nearer to what people train on: the step is timed on it as well."""
    block: type[nn.Module]
    """What activation checkpointing computes again as a whole."""
    ill_conditioned: bool = False
    """BatchNorm over few values amplifies rounding: the goal is twice eager's own distance to float64."""


NETWORKS = {
    "yolov3": Network(
        "YOLOv3, 2x3x96x96", YOLOv3, (2, 3, 96, 96), 0.49, (2, 3, 224, 224), nn.Sequential, True
    ),
    "nnunet": Network(
        "nnU-Net 3d, 5 stages, 64^3",
        PlainConvUNet3d,
        (1, 1, 64, 64, 64),
        0.62,
        (2, 1, 64, 64, 64),
        StackedConvs,
    ),
    "nnunet_small": Network(
        "nnU-Net 3d, 3 stages, 48^3",
        partial(PlainConvUNet3d, features=(16, 32, 64)),
        (1, 1, 48, 48, 48),
        0.62,
        (2, 1, 48, 48, 48),
        StackedConvs,
    ),
    "hifigan": Network(
        "HiFi-GAN v3, mel 1x80x32", HiFiGANGenerator, (1, 80, 32), 0.70, (4, 80, 32), ResidualBlock
    ),
    "rrdbnet": Network(
        "RRDBNet (32, 16), 3 blocks, 48x48", RRDBNet, (1, 3, 48, 48), 0.89, (2, 3, 64, 64), DenseBlock
    ),
    "resnet50": Network(
        "ResNet-50, 2x3x96x96", resnet50, (2, 3, 96, 96), 0.82, (2, 3, 224, 224), Block, True
    ),
    "yolov5": Network("YOLOv5s, 2x3x96x96", YOLOv5, (2, 3, 96, 96), 0.47, (2, 3, 224, 224), Conv, True),
}


def built(network: Network, kind: str) -> nn.Module:
    """The network as initialised: eager, lean or checkpointing, always with the same weights."""
    torch.manual_seed(0)
    model = network.build().train()
    with torch.no_grad():
        for parameter in model.parameters():  # so that no weight norm is the identity, as it is when new
            parameter.mul_(1 + 0.01 * torch.randn_like(parameter))
    if kind == "lean":
        leaky.lean(model)
    elif kind == "checkpointing":
        checkpoint_blocks(model, network.block)
    return model


def checkpoint_blocks(model: nn.Module, block: type[nn.Module]) -> None:
    """Let every `block` keep its input alone and compute the rest again in backward (activation checkpointing)."""
    for module in model.modules():
        if isinstance(module, block):
            module.forward = partial(checkpoint, module.forward, use_reentrant=False)  # type: ignore[method-assign]  # on purpose


def example(network: Network) -> Tensor:
    """The same input every time."""
    return torch.randn(network.shape, generator=torch.Generator().manual_seed(1))


def outputs_of(model: nn.Module, x: Tensor) -> list[Tensor]:
    """The outputs as a list, however many."""
    found = model(x)
    return [found] if isinstance(found, Tensor) else list(found)


def loss_of(outputs: list[Tensor]) -> Tensor:
    """The mean square of each output: smooth, and every element has a gradient of its own."""
    return torch.stack([y.square().mean() for y in outputs]).sum()
