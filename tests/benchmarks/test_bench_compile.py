"""The candidates of bench_compile compute leaky ReLU, and what does not is found."""

from __future__ import annotations

from functools import partial

import pytest
import torch

import bench_compile
from measure import WrongResultError


@pytest.fixture(autouse=True)
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {
        "chain": (partial(bench_compile.chain, 4), (1, 3, 33, 33)),
        "unet": (partial(bench_compile.UNet, 4), (1, 3, 8, 8)),
    }
    monkeypatch.setattr(bench_compile, "NETWORKS", small)


@pytest.mark.parametrize("name", ["chain", "unet"])
def test_candidates_agree_with_float64(name: str) -> None:
    bench_compile.check(name, {kind: bench_compile.built(name, kind) for kind in bench_compile.CANDIDATES})


def test_another_slope_is_wrong() -> None:
    model = bench_compile.Candidate(
        bench_compile.built("chain", "torch"), lambda x, slope: torch.where(x > 0, x, 0.11 * x)
    )
    with pytest.raises(WrongResultError, match="chain, wrong"):
        bench_compile.check("chain", {"wrong": model})


def test_the_sign_of_the_output_is_the_least_kept() -> None:
    kept = {row["candidate"]: int(str(row["bytes"])) for row in bench_compile.bytes_kept("chain")}
    assert kept["lean"] < kept["bits"] < kept["torch"] < kept["eager"]
