"""Two processes train one model by DistributedDataParallel, with and without the doctor; each prints what it found.

python -m tests.doctor.distributed FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import leaky

STEPS, SAMPLES = 4, (6, 10)


def build() -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 8), nn.LeakyReLU(0.1), nn.Linear(8, 2))
    with torch.no_grad():
        model[0].bias[2] = -100.0
    return model


def batch(rank: int, step: int) -> torch.Tensor:
    """The processes have batches of different sizes."""
    return torch.randn(SAMPLES[rank], 5, generator=torch.Generator().manual_seed(10 * step + rank))


def train(rank: int, watched: bool) -> tuple[list[torch.Tensor], leaky.doctor.Diagnosis | None]:
    """All outputs, gradients and weights of a training, and the diagnosis."""
    model = DistributedDataParallel(build())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watch = leaky.watch(model, every=1) if watched else None
    seen: list[torch.Tensor] = []
    for step in range(STEPS):
        optimizer.zero_grad()
        output = model(batch(rank, step))
        output.square().mean().backward()
        optimizer.step()
        seen += [output.detach()]
        seen += [
            tensor.detach().clone()
            for p in model.parameters()
            for tensor in (p, p.grad)
            if tensor is not None
        ]
        if watch is not None:
            watch.step()
    if watch is None:
        return seen, None
    watch.close()
    return seen, watch.diagnosis()


def run(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    meeting = f"file://{folder}/meeting"
    torch.distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
    plain, _ = train(rank, watched=False)
    seen, diagnosis = train(rank, watched=True)
    assert diagnosis is not None
    own = (build()[0](batch(rank, 0)) > 0).sum()
    with leaky.watch(model := DistributedDataParallel(build()), every=1) as watch:
        model(batch(rank, 0))
    found = {
        "same": all(torch.equal(a, b) for a, b in zip(plain, seen, strict=True)),
        "names": diagnosis.names,
        "samples": [site.samples for site in diagnosis],
        "gradient_samples": [site.gradient_samples for site in diagnosis],
        "dead": diagnosis["1"].never_active.units,
        "positive": watch.diagnosis()["1"].per_unit.positive.sum() * SAMPLES[rank],
        "positive_by_hand": int(own),
    }
    Path(folder, f"{rank}.json").write_text(json.dumps(found))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    torch.multiprocessing.spawn(run, (sys.argv[1],), nprocs=2)
