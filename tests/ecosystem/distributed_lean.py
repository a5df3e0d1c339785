"""Two processes train one model by DistributedDataParallel and FSDP2, plain and lean; each writes what it found.

python distributed_lean.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from lean_nets import net
from side_by_side import images, kept, made, trained
from torch import Tensor, nn
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

import leaky
from leaky.errors import ArgumentError

HOW = ("ddp", "fsdp", "fsdp bfloat16")
OTHERS = {
    "ddp": ("residual ReLU", "group SiLU", "perceptron"),
    "fsdp": ("residual SiLU", "units ending in ReLU", "units ending in GELU"),
    "fsdp kept": ("units ending in ReLU",),
    "fsdp bfloat16": ("group, units ending in ReLU",),
}
"""Networks whose layers behind have their input computed again; "kept" are parameters gathered in forward."""


class Block(nn.Module):
    def __init__(self, channels: int, norm: Any) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(channels, 8, 3, padding=1), norm(8)
        self.act, self.second = nn.LeakyReLU(0.1, inplace=True), nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.second(self.act(self.norm(self.conv(x)))), 0.2)


def build(how: str) -> nn.Module:
    """BatchNorm, which under FSDP's bfloat16 refuses its own running statistics, or InstanceNorm."""
    norm = nn.InstanceNorm2d if "bfloat16" in how else nn.BatchNorm2d
    return made(lambda: nn.Sequential(Block(3, norm), Block(8, norm), nn.Conv2d(8, 2, 1)))


def wrapped(model: nn.Module, how: str) -> nn.Module:
    """The model, handed to what trains it on several devices."""
    if how == "ddp":
        return DistributedDataParallel(model)
    mesh = torch.distributed.init_device_mesh("cpu", (2,))
    precision = (
        MixedPrecisionPolicy(param_dtype=torch.bfloat16) if "bfloat16" in how else MixedPrecisionPolicy()
    )
    options: dict[str, Any] = {
        "mesh": mesh,
        "mp_policy": precision,
        "reshard_after_forward": "kept" not in how,
    }
    for block in model[:2]:
        fully_shard(block, **options)
    return fully_shard(model, **options)


def train(how: str, lean: str, rank: int, model: nn.Module) -> dict[str, Any]:
    """Losses of a training, what is kept, and the losses of going on once lean is undone."""
    batches = images(8, 2, 3, 32, 32)[rank::2]
    if lean == "before":
        leaky.lean(model, batches[0])
    model = wrapped(model, how)
    if lean == "after":
        try:
            leaky.lean(model, batches[0])
        except ArgumentError as error:
            return {"refused": str(error)}
    result = {"losses": trained(model, batches), "kept": kept(model, batches[0])}
    assert bool(leaky.unlean(model)) == (lean != "plain")
    return {**result, "undone": trained(model, batches), "keys": list(model.state_dict())}


def run(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    meeting = f"file://{folder}/meeting"
    torch.distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
    found = {
        f"{how} {lean}": train(how, lean, rank, build(how))
        for how in HOW
        for lean in ("plain", "before", "after")
    }
    found |= {
        f"{how}, {name}, {lean}": train(how, lean, rank, net(name))
        for how, names in OTHERS.items()
        for name in names
        for lean in ("plain", "before")
    }
    Path(folder, f"{rank}.json").write_text(json.dumps(found))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    torch.multiprocessing.spawn(run, (sys.argv[1],), nprocs=2)
