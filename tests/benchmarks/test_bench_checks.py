"""A benchmark gives no figure for a wrong result."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

import bench_bias_act
import bench_lean
import bench_norm_act
import leaky
import lean_networks
import measure
from architectures import PlainConvUNet3d
from architectures.nnunet import StackedConvs
from lean_numbers import Numbers, numbers
from measure import WrongResultError

NETWORKS = lean_networks.NETWORKS
SMALL = {
    "small": lean_networks.Network(
        "small",
        partial(PlainConvUNet3d, features=(4, 8)),
        (1, 1, 16, 16, 16),
        0.62,
        (2, 1, 16, 16, 16),
        StackedConvs,
    ),
}


@pytest.fixture(autouse=True)
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean_networks, "NETWORKS", SMALL)


def set_slopes(slope: float, model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.LeakyReLU):
            module.negative_slope = slope


def test_a_model_that_did_not_change_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaky, "lean", lambda model: None, raising=False)
    row = numbers("small")
    assert row["outputs"] == row["gradient"] == row["tensor"] == 0
    assert (
        row["eager_gradient_to_float64"] >= row["lean_gradient_to_float64"]
    )  # the worst of several eager ones
    assert "eager_gradient_to_float64" not in numbers("small", thorough=False)


@pytest.mark.parametrize("thorough", [True, False])
def test_a_model_with_another_slope_is_wrong(monkeypatch: pytest.MonkeyPatch, thorough: bool) -> None:
    monkeypatch.setattr(leaky, "lean", partial(set_slopes, 0.0101), raising=False)
    with pytest.raises(WrongResultError, match=r"small: lean to eager"):
        numbers("small", thorough=thorough)


def test_a_gradient_that_is_not_finite_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def poison(model: nn.Module) -> None:
        for parameter in model.parameters():
            parameter.register_hook(lambda gradient: gradient * torch.nan)

    monkeypatch.setattr(leaky, "lean", poison, raising=False)
    with pytest.raises(WrongResultError):
        numbers("small")


def test_autocast_halves_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaky, "lean", lambda model: None, raising=False)
    (eager, lean) = bench_lean.bytes_kept("small")
    assert (eager["ratio"], lean["ratio"]) == (1, 1)
    assert float(str(eager["checkpointing"])) < float(str(eager["eager"])) / 2
    assert float(str(lean["eager"])) == pytest.approx(float(str(eager["eager"])) / 2, rel=0.01)


def test_checkpointing_computes_the_same_and_keeps_what_goes_into_blocks() -> None:
    network = SMALL["small"]
    models = {kind: lean_networks.built(network, kind) for kind in ("eager", "checkpointing")}
    x = lean_networks.example(network)
    eager, again = (Numbers.of(model, x) for model in models.values())
    assert again.distance(eager).within(1e-6, 1e-6, 1e-6)
    skip = 4 * 16**3 * 4  # of the encoder's first stage, in bytes
    inputs = x.nbytes + skip + 2 * skip  # of three blocks
    below, last = skip // 4, skip  # of the transposed convolution and the one that classifies
    model = models["checkpointing"]
    assert measure.saved_bytes(partial(model, x), model) == inputs + below + last


def test_every_network_has_blocks() -> None:
    for network in NETWORKS.values():
        with torch.device("meta"):
            model = network.build()
        blocks = [module for module in model.modules() if isinstance(module, network.block)]
        assert len(blocks) > 1
        assert not any(
            isinstance(inner, network.block) and inner is not block
            for block in blocks
            for inner in block.modules()
        )


@pytest.mark.parametrize("kernels", ["chosen", "plain"])
def test_steps_of_all_kinds_on_both_inputs(kernels: str) -> None:
    rows = bench_lean.time_step("small", 2, kernels)
    kinds = ["eager", "lean"] if kernels == "plain" else ["eager", "lean", "checkpointing"]
    assert [row["candidate"] for row in rows] == 2 * kinds
    assert {row["input"] for row in rows} == {"1x1x16x16x16", "2x1x16x16x16"}
    (peak,) = bench_lean.peak_of_step("small", "checkpointing", "2x1x16x16x16")
    assert int(str(peak["peak"])) >= 0


@pytest.mark.parametrize("norm", bench_norm_act.NORMS)
@pytest.mark.parametrize("shape", [(2, 16, 8, 8), (2, 16, 4, 4, 4)])
def test_norm_and_activation_candidates_agree(norm: str, shape: tuple[int, ...]) -> None:
    calls, truth = bench_norm_act.norm_calls(norm, shape, compiled=False)
    bench_norm_act.check(calls, truth)
    wrong = {**calls, "leaky": lambda: tuple(1.001 * part for part in calls["torch"]())}
    with pytest.raises(WrongResultError, match="leaky: output is off by"):
        bench_norm_act.check(wrong, truth)


def test_activation_candidates_agree() -> None:
    calls, truth = bench_norm_act.activation_calls(5000, compiled=False)
    bench_norm_act.check(calls, truth)
    missing_gradient = {**calls, "leaky": lambda: (calls["torch"]()[0], torch.zeros(5000))}
    with pytest.raises(WrongResultError, match="leaky: input's gradient is off by"):
        bench_norm_act.check(missing_gradient, truth)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_bias_act_candidates_agree(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    found = bench_bias_act.operations(1.0, compiled=False)
    candidates, truth = bench_bias_act.calls((2, 4, 8, 8), dtype, found, backward=True)
    bench_bias_act.check(candidates, truth, dtype)
    wrong = {**candidates, "leaky": lambda: tuple(1.1 * part for part in candidates["torch"]())}
    with pytest.raises(WrongResultError, match="leaky: output is off by"):
        bench_bias_act.check(wrong, truth, dtype)
    monkeypatch.setattr(bench_bias_act, "SHAPES", {"small": (2, 4, 8, 8)})
    rows = bench_bias_act.measured("small", dtype, 1.0, 1, compiled=False)
    kept = {row["candidate"]: row["kept_bytes"] for row in rows if row["kept_bytes"] is not None}
    assert kept["leaky"] == 2 * 512 // 8 < int(str(kept["torch"]))
