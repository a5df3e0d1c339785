"""What lean networks keep for backward on a GPU, counted without one: the kernels run in Triton's interpreter.

Which tensors a layer keeps is decided by its kernels and not by the device. It is a count: nothing is measured on a
device, the layers that are not leaky's are torch's for the CPU, and the kernels serve every size, which on a device
they do from 65,536 elements on. The networks are the published ones with few channels, as the interpreter is slow;
eager works in place wherever they do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import nn

import gpu_models
import leaky
import measure
from architectures import HiFiGANGenerator, Pix2PixGenerator, PlainConvUNet3d, YOLOv5, resnet18
from measure import Row

INTERPRETER = {"LEAKY_KERNELS": "triton", "TRITON_INTERPRET": "1"}
"""The environment in which to count."""


class Small(NamedTuple):
    """A network of few channels, and its input."""

    title: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]


NETWORKS = {
    "nnunet": Small(
        "nnU-Net 3d (8, 16, 32)", partial(PlainConvUNet3d, features=(8, 16, 32)), (1, 1, 24, 24, 24)
    ),
    "resnet18": Small("ResNet-18, width 8", partial(resnet18, 10, 8), (2, 3, 96, 96)),
    "pix2pix": Small("pix2pix U-Net, width 8", partial(Pix2PixGenerator, 3, 8, 6), (1, 3, 64, 64)),
    "yolov5": Small("YOLOv5, width 8", partial(YOLOv5, 2, width=8), (2, 3, 96, 96)),
    "hifigan": Small("HiFi-GAN, width 32", partial(HiFiGANGenerator, channels=32), (1, 80, 16)),
}


def rows(name: str, device: str = "cpu") -> list[Row]:
    """Bytes kept, eager and lean; raises `WrongResultError` where outputs or gradients of the two differ."""
    network = NETWORKS[name]
    x = torch.randn(network.shape, generator=torch.Generator().manual_seed(1)).to(device)
    models = {}
    for kind in ("eager", "lean"):
        torch.manual_seed(0)
        models[kind] = network.build().to(device).train()
    leaky.lean(models["lean"])
    gpu_models.check(name, models["eager"], models["lean"], x)
    kept = {kind: measure.saved_bytes(partial(model, x), model) for kind, model in models.items()}
    about = {"part": "gpu_bytes", "model": name, "precision": "float32", "kernels": "triton, interpreted"}
    return [
        {**about, "input": "x".join(map(str, network.shape)), **kept, "ratio": kept["lean"] / kept["eager"]}
    ]
