"""The benchmark of the GPU's kernels: what it checks and counts, on a GPU or in the interpreter at tiny sizes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

pytest.importorskip("triton")

import bench_gpu
import gpu_layers
import gpu_models
import lean_networks
from architectures import PlainConvUNet3d
from leaky.kernels import gpu, gpu_bias_act
from measure import WrongResultError

SCRIPT = Path(bench_gpu.__file__)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_it_refuses_without_a_gpu() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "bench_gpu: needs a CUDA device, and torch finds none; nothing is measured\n"


def test_kernels_against_a_copy(gpu_or_interpreter: str) -> None:
    rows = bench_gpu.elementwise(5000, torch.bfloat16, 2, gpu_or_interpreter)
    rows += bench_gpu.bias_act("rows", (2, 3, 64), torch.float32, 2, gpu_or_interpreter)
    assert [row["candidate"] for row in rows] == ["copy", "forward", "backward"] * 2
    for row in rows:
        assert (
            row["of_copy"] == pytest.approx(1)
            if row["candidate"] == "copy"
            else float(str(row["of_copy"])) > 0
        )
    moved = 2 * 5000 * 2 + 625
    assert rows[1]["gigabytes_per_second"] == pytest.approx(moved / float(str(rows[1]["ms"])) / 1e6)


def doubled(function: Any, *arguments: Any, **more: Any) -> None:
    function(*arguments, **more)
    arguments[2].mul_(2)


@pytest.mark.parametrize("name", ["leaky_relu_forward", "leaky_relu_backward"])
def test_no_figure_for_a_wrong_kernel(name: str, gpu_or_interpreter: str, monkeypatch: Any) -> None:
    right = getattr(gpu, name)

    def wrong(x: Any, out: Any, *rest: Any) -> None:
        right(x, out, *rest)
        (out if name.endswith("forward") else rest[0]).mul_(2)

    monkeypatch.setattr(gpu, name, wrong)
    with pytest.raises(WrongResultError, match=name):
        bench_gpu.elementwise(5000, torch.float32, 1, gpu_or_interpreter)


def test_kernels_of_layers_against_a_copy(gpu_or_interpreter: str) -> None:
    shape = (2, 4, 50)
    rows = [
        row
        for kind in gpu_layers.OVER
        for row in gpu_layers.norm_kernels(kind, shape, torch.float32, 2, gpu_or_interpreter)
    ]
    rows += gpu_layers.prelu(shape, torch.bfloat16, 2, gpu_or_interpreter)
    rows += gpu_layers.softplus(500, torch.float16, 2, gpu_or_interpreter)
    assert [row["candidate"] for row in rows] == [*["copy", "forward", "backward"] * 4, "copy", "backward"]
    moved = 5 * 400 * 4
    assert rows[2]["gigabytes_per_second"] == pytest.approx(moved / float(str(rows[2]["ms"])) / 1e6)


@pytest.mark.parametrize(
    ("module", "name", "measured", "place"),
    [
        ("gpu_norms", "norm_act_forward", partial(gpu_layers.norm_kernels, "BatchNorm"), 1),
        ("gpu_norms", "norm_act_backward", partial(gpu_layers.norm_kernels, "GroupNorm"), 4),
        ("gpu_layers", "prelu_forward", gpu_layers.prelu, 1),
        ("gpu_layers", "prelu_backward", gpu_layers.prelu, 4),
        ("gpu_layers", "prelu_backward", gpu_layers.prelu, 5),
        ("gpu_layers", "softplus_backward", gpu_layers.softplus, 2),
    ],
)
def test_no_figure_for_a_wrong_layer(
    module: str, name: str, measured: Any, place: int, gpu_or_interpreter: str, monkeypatch: Any
) -> None:
    kernels: Any = getattr(gpu_layers, module)
    right = getattr(kernels, name)

    def wrong(*arguments: Any) -> None:
        right(*arguments)
        arguments[place].mul_(2)

    monkeypatch.setattr(kernels, name, wrong)
    with pytest.raises(WrongResultError, match=name):
        measured(500 if name.startswith("softplus") else (2, 4, 50), torch.float32, 1, gpu_or_interpreter)


@pytest.mark.parametrize("name", ["bias_act_forward", "bias_act_backward"])
def test_no_figure_for_a_wrong_bias(name: str, gpu_or_interpreter: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(gpu_bias_act, name, partial(doubled, getattr(gpu_bias_act, name)))
    with pytest.raises(WrongResultError, match=name):
        bench_gpu.bias_act("rows", (2, 3, 64), torch.float32, 1, gpu_or_interpreter)


def test_small_tensors_and_layers(gpu_or_interpreter: str) -> None:
    rows = bench_gpu.small(300, 2, gpu_or_interpreter)
    for kind in gpu_layers.OVER:
        rows += gpu_layers.norm("A", (2, 8, 8, 8), 2, gpu_or_interpreter, compiled=False, kind=kind)
    assert [row["candidate"] for row in rows] == ["torch", "leaky", *["eager", "leaky"] * 3]
    assert rows[0]["ratio"] == rows[2]["ratio"] == 1


def test_the_crossover_is_where_leaky_costs_no_more() -> None:
    def rows(*ratios: float) -> list[Any]:
        return [{"size": 2**n, "candidate": "leaky", "ratio": ratio} for n, ratio in enumerate(ratios)]

    assert bench_gpu.crossover(rows(3, 2, 1, 0.5)) == 4
    assert bench_gpu.crossover(rows(3, 0.9, 1.1, 0.5)) == 8
    assert bench_gpu.crossover(rows(0.9, 0.9)) == 1
    assert bench_gpu.crossover(rows(2, 2)) is None


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_networks(gpu_or_interpreter: str, monkeypatch: Any) -> None:
    shape = (1, 1, 16, 16, 16)
    small = replace(lean_networks.NETWORKS["nnunet_small"], build=partial(PlainConvUNet3d, features=(4, 8)))
    monkeypatch.setattr(lean_networks, "NETWORKS", {"small": replace(small, shape=shape, trained_on=shape)})
    monkeypatch.setattr("leaky.kernels.select.REQUESTED", None)  # what is tested is not the kernels
    rows = gpu_models.rows("small", 2, gpu_or_interpreter, compiled=False)
    assert [row["candidate"] for row in rows] == ["eager", "lean", "checkpointing"]
    if gpu_or_interpreter == "cuda":
        assert all(int(str(row["peak"])) > 0 for row in rows)
    eager, _, checkpointed = gpu_models.variants("small", "cpu", compiled=False).values()
    x = torch.ones(shape)
    with torch.no_grad():  # the same network, computed again or not
        for one, other in zip(
            lean_networks.outputs_of(eager, x), lean_networks.outputs_of(checkpointed, x), strict=True
        ):
            assert F.mse_loss(one, other) == 0
