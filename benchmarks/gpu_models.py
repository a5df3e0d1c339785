"""Peak memory and time of a training step on a GPU: the networks of bench_lean.py, as people save memory on them.

Eager, after `leaky.lean`, compiled, and with every block computed again in backward (activation checkpointing).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

import bench_gpu
import leaky
import lean_networks
from lean_numbers import Numbers
from measure import Row, WrongResultError, timing_rows

NAMES = ("yolov3", "nnunet", "hifigan", "rrdbnet", "resnet50", "yolov5")


def variants(name: str, device: str, compiled: bool) -> dict[str, nn.Module]:
    """The same network with the same weights, four ways."""
    network = lean_networks.NETWORKS[name]
    eager = lean_networks.built(network, "eager").to(device)
    found: dict[str, nn.Module] = {"eager": eager, "lean": copy.deepcopy(eager)}
    leaky.lean(found["lean"])
    found["checkpointing"] = copy.deepcopy(eager)
    lean_networks.checkpoint_blocks(found["checkpointing"], network.block)
    if compiled:
        found["torch.compile"] = torch.compile(copy.deepcopy(eager))  # type: ignore[assignment]
    return found


def rows(name: str, rounds: int, device: str, compiled: bool = True) -> list[Row]:
    """A row for each variant: the step's time and the most memory it takes beyond weights and input."""
    network = lean_networks.NETWORKS[name]
    x = torch.randn(network.trained_on, generator=torch.Generator().manual_seed(1)).to(device)
    models = variants(name, device, compiled)
    steps: dict[str, Callable[[], object]] = {
        title: partial(step, model, x, optimiser(model)) for title, model in models.items()
    }
    check(name, models["eager"], models["lean"], x)
    peaks = {title: peak_of(call, device) for title, call in steps.items()}
    timings = bench_gpu.interleaved(steps, device, check=lambda: None, rounds=rounds, inner=1)
    case = f"{network.title.partition(',')[0]}, {'x'.join(map(str, network.trained_on))}"
    found = timing_rows(timings, "eager", part="models", case=case)
    for row in found:
        row["peak"] = peaks[str(row["candidate"])]
    return found


def optimiser(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=1e-6, momentum=0.9)


def step(model: nn.Module, x: Tensor, optimiser: torch.optim.Optimizer) -> None:
    """One training step."""
    optimiser.zero_grad()
    lean_networks.loss_of(lean_networks.outputs_of(model, x)).backward()
    optimiser.step()


def check(name: str, eager: nn.Module, lean: nn.Module, x: Tensor) -> None:
    """Lean is as near to float64 as eager is, twice its distance at most; raises `WrongResultError` else."""
    truth = Numbers.of(copy.deepcopy(eager).double(), x.double())
    own, found = (Numbers.of(copy.deepcopy(model), x).distance(truth) for model in (eager, lean))
    if not found.within(2 * own.outputs + 1e-6, 2 * own.gradient + 1e-4):
        raise WrongResultError(f"{name}: lean to float64 {found}, eager itself {own}")


def peak_of(call: Callable[[], object], device: str) -> int:
    """Bytes of the device at the peak of a step beyond what was there; 0 on a CPU, which does not count them."""
    call()  # the optimiser's state and the compiler's work are there from the second step on
    if device == "cpu":
        return 0
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before
