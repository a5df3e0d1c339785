"""What each of two real gloo processes does for `test_sync_batch_norm_act`, and the same in one process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from twins import normal, serve_always, spec

import leaky
from leaky.kernels import gpu, native

PARTS = {"even": (4, 4), "uneven": (5, 3), "empty": (8, 0), "one value": (7, 1)}
Results = dict[str, torch.Tensor]
WEIGHTS, BIASES = (1.3, -1.0, 0.0, 1e-6, 0.4), (0.2, 0.1, -0.3, 0.5, 0.9)


def layer_of(cls: Any, slope: float, dtype: torch.dtype, **options: Any) -> Any:
    layer = cls(5, activation=spec(slope), **options).to(dtype)
    with torch.no_grad():
        for parameter, values in ((layer.weight, WEIGHTS), (layer.bias, BIASES)):
            if parameter is not None:
                parameter.copy_(torch.tensor(values))
    return layer


def data(dtype: torch.dtype, space: tuple[int, ...] = (6, 7)) -> tuple[torch.Tensor, torch.Tensor]:
    return (normal(8, 5, *space, dtype=dtype) * 3 + 2).to(dtype), normal(8, 5, *space, seed=1, dtype=dtype)


def step(layer: nn.Module, x: torch.Tensor, grad: torch.Tensor) -> Results:
    leaf = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = layer(leaf)
    y.backward(grad)
    found = {"y": y.detach(), "x": leaf.grad}
    found |= {f"sum {name}": p.grad for name, p in layer.named_parameters()}
    return found | {f"own {name}": b.clone() for name, b in layer.named_buffers()}  # type: ignore[return-value]


def twice(layer: nn.Module, x: torch.Tensor, grad: torch.Tensor) -> Results:
    """A gradient penalty: what double backward is for."""
    leaf = x.detach().clone().requires_grad_()
    (first,) = torch.autograd.grad((layer(leaf).pow(2) * grad).sum(), leaf, create_graph=True)
    first.pow(2).sum().backward()
    return {"x": leaf.grad} | {f"sum {n}": p.grad for n, p in layer.named_parameters()}  # type: ignore[return-value]


def evaluated(layer: nn.Module, x: torch.Tensor, grad: torch.Tensor) -> Results:
    layer(x)
    return step(layer.eval(), x, grad)


def compiled(layer: nn.Module, x: torch.Tensor, grad: torch.Tensor) -> Results:
    torch._dynamo.reset()
    run_compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    leaf = x.detach().clone().requires_grad_()
    y = run_compiled(leaf)
    y.backward(grad)
    found = {"y": y.detach(), "x": leaf.grad} | {f"sum {n}": p.grad for n, p in layer.named_parameters()}
    return found | {f"own {name}": b.clone() for name, b in layer.named_buffers()}  # type: ignore[return-value]


def last(layer: nn.Module, x: torch.Tensor, grad: torch.Tensor) -> Results:
    return step(layer, x.to(memory_format=torch.channels_last), grad)


KERNELS = [
    *(["native"] if native.available() else []),
    *(["triton"] if gpu.why_not(torch.ones(1)) is None else []),  # in the interpreter
    "plain",
]
Scenario = tuple[Callable[..., Results], float, torch.dtype, str, dict[str, Any]]
WIDE = torch.float64
SCENARIOS: dict[str, Scenario] = {
    **{f"slope {slope}": (step, slope, WIDE, "uneven", {}) for slope in (0.2, 0.0, -0.5, 1.0)},
    **{f"parts {parts}": (step, 0.2, WIDE, parts, {}) for parts in PARTS},
    **{str(dtype): (step, 0.2, dtype, "uneven", {}) for dtype in (torch.float32, torch.bfloat16)},
    "channels last": (last, 0.2, WIDE, "uneven", {}),
    "mean of all batches": (step, 0.2, WIDE, "uneven", {"momentum": None}),
    "no running statistics": (step, 0.2, WIDE, "uneven", {"track_running_stats": False}),
    "no weights": (step, 0.2, WIDE, "uneven", {"affine": False}),
    "no bias": (step, 0.2, WIDE, "uneven", {"bias": False}),
    "compiled": (compiled, 0.2, WIDE, "uneven", {}),
    "elu": (step, float("nan"), WIDE, "uneven", {"activation": "elu"}),
    "twice": (twice, 0.2, WIDE, "uneven", {}),
    "twice, empty": (twice, 0.2, WIDE, "empty", {}),
    "eval": (evaluated, 0.2, WIDE, "uneven", {}),
}
# an interpreter takes its time
IN_TRITON = ("slope 0.2", "slope 0.0", "parts empty", "torch.bfloat16", "channels last", "twice", "eval")


def scenarios(kernel: str) -> tuple[str, ...]:
    """The names of those that are run with a kernel."""
    return IN_TRITON if kernel == "triton" else tuple(SCENARIOS)


def run(scenario: Scenario, cls: Any, rank: int | None) -> Results:
    """On one rank's part of the batch, or all of it."""
    function, slope, dtype, parts, options = scenario
    layer = layer_of(cls, 0.5 if "activation" in options else slope, dtype, **without(options))
    if "activation" in options:
        layer.activation = leaky.parse(options["activation"])
    x, grad = data(dtype)
    if rank is not None:
        x, grad = x.split(PARTS[parts])[rank], grad.split(PARTS[parts])[rank]
    return function(layer, x, grad)


def without(options: dict[str, Any]) -> dict[str, Any]:
    return {name: option for name, option in options.items() if name != "activation"}


def model() -> nn.Sequential:
    """Its norm is converted in one of the two processes' copies."""
    torch.manual_seed(3)
    norm = layer_of(leaky.nn.BatchNormAct2d, 0.2, WIDE)
    layers = [nn.Conv2d(2, 5, 3).to(WIDE), norm, nn.Flatten(), nn.Linear(5 * 16, 3).to(WIDE)]
    return nn.Sequential(*layers)


def trained(network: nn.Module, x: torch.Tensor, scale: float) -> Results:
    """Three steps, the loss a sum over samples; DistributedDataParallel takes gradients' mean over ranks."""
    optimizer = torch.optim.SGD(network.parameters(), 1e-3)
    for _ in range(3):
        optimizer.zero_grad()
        (network(x).pow(2).sum() * scale).backward()
        optimizer.step()
    state = getattr(network, "module", network).state_dict()
    return {f"own {name}": tensor for name, tensor in state.items()}


def images() -> torch.Tensor:
    return normal(8, 2, 6, 6, dtype=WIDE)


def work(rank: int, folder: str) -> None:
    """One of two processes: every scenario, with each kernel, into a file."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    found: dict[str, Results] = {}
    for kernel in KERNELS:
        serve_always(kernel)
        for name in scenarios(kernel):
            found[f"{kernel} {name}"] = run(SCENARIOS[name], leaky.nn.SyncBatchNormAct, rank)
        network = leaky.nn.convert_sync_batchnorm(model())
        assert isinstance(network[1], leaky.nn.SyncBatchNormAct)  # type: ignore[index]
        part = images().split((5, 3))[rank]
        found[f"{kernel} ddp"] = trained(DistributedDataParallel(network), part, 2.0)
    alone = distributed.new_group([rank]) if rank == 0 else distributed.new_group([0])
    if rank == 0:
        layer = layer_of(leaky.nn.SyncBatchNormAct, 0.2, WIDE, process_group=alone)
        found["alone"] = step(layer, *data(WIDE))
    torch.save(found, Path(folder, f"{rank}.pt"))
    distributed.barrier()
    distributed.destroy_process_group()
