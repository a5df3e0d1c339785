"""The shared rules of measuring hold."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
import torch
from torch import nn

import measure


def test_candidates_run_in_turn_after_the_warmup() -> None:
    order: list[str] = []
    timings = measure.interleaved(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b")},
        check=lambda: order.append("check"),
        rounds=3,
        warmup=1,
    )
    assert "".join(order[:3]) == "checkab"  # the warmup
    timed = ["".join(order[i : i + 2]) for i in range(3, len(order), 2)]
    assert set(timed) == {"ab", "ba"}  # every round all of them, in an order of its own
    assert [len(timing.seconds) for timing in timings.values()] == [3, 3]


def test_nothing_is_timed_when_the_check_fails() -> None:
    def check() -> None:
        raise measure.WrongResultError("off by one")

    def call() -> None:
        raise AssertionError("timed")

    with pytest.raises(measure.WrongResultError, match="off by one"):
        measure.interleaved({"a": call}, check=check)


def test_a_ratio_is_taken_round_by_round() -> None:
    slow_machine = [1.0, 10.0, 1.0, 10.0, 1.0]
    peer = measure.Timing(tuple(slow_machine), 0)
    mine = measure.Timing(tuple(second / 2 for second in slow_machine), 0)
    assert mine.over(peer) == measure.Spread(0.5, 0.5, 0.5)


def test_each_storage_counts_once_and_parameters_do_not() -> None:
    layer = nn.Linear(16, 16)
    x = torch.randn(4, 16)
    assert measure.saved_bytes(lambda: layer(x), layer) == x.nbytes
    assert measure.saved_bytes(lambda: layer(x) + layer(x.view(4, 16)), layer) == x.nbytes


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(nn.Linear(16, 8), (4, 16)), (nn.Conv2d(3, 8, 3), (2, 3, 4, 4))],
    ids=["linear", "conv"],
)
def test_weights_that_autocast_copies_are_weights(layer: nn.Module, shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, requires_grad=True)  # so that the weights are kept too

    def forward() -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return layer(x)

    assert measure.saved_bytes(forward, layer) == x.nbytes // 2


def test_leaky_counts_the_same() -> None:
    memory = pytest.importorskip("leaky.models.memory")
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.LeakyReLU(), nn.Conv2d(8, 8, 3))
    x = torch.randn(2, 3, 16, 16)
    assert measure.saved_bytes(lambda: model(x), model) == memory.saved_bytes(lambda: model(x), model)


def test_what_is_not_finite_is_infinitely_wrong() -> None:
    assert measure.relative_error(torch.tensor([math.nan]), torch.ones(1)) == math.inf
    assert measure.relative_error(torch.tensor([1.0, 2.2]), torch.tensor([1.0, 2.0])) == pytest.approx(0.1)


def test_peak_is_at_least_what_is_resident() -> None:
    assert measure.peak_bytes() >= measure.resident_bytes() > 2**20


def test_rows_are_kept_with_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    measure.keep("example", [{"a": 1}, {"b": 2.5}])
    with (tmp_path / "example.csv").open(encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert (first["a"], first["b"], second["a"], second["b"]) == ("1", "", "", "2.5")
    assert first["torch"] == torch.__version__
    assert {"processor", "threads", "load"} <= {*first}


def test_rows_take_the_place_of_their_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    old = [{"part": part, "model": model, "ms": 1} for part in "ab" for model in "xy"]
    measure.keep("example", [{**old[0], "date": "then"}, *old[1:]], of=("part", "model"))
    new = [{"part": "b", "model": "z", "ms": 3}, *({"part": "b", "model": "x", "peak": n} for n in (1, 2))]
    measure.keep("example", new, of=("part", "model"))
    with (tmp_path / "example.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = [(row["part"] + row["model"], row["ms"], row["peak"]) for row in rows]
    kept = [("ax", "1", ""), ("ay", "1", "")]
    assert found == [*kept, ("bx", "", "1"), ("bx", "", "2"), ("by", "1", ""), ("bz", "3", "")]
    assert [row["date"] for row in rows[:2]] == ["then", measure.machine()["date"]]
    assert list(rows[0])[:4] == ["part", "model", "ms", "peak"]


def test_rows_come_back_from_a_fresh_process(tmp_path: Path) -> None:
    script = tmp_path / "child.py"
    script.write_text(
        'import json, os, sys\nprint("noise")\nprint(json.dumps([{"a": sys.argv[1], "b": os.environ["B"]}]))\n'
    )
    assert measure.fresh_process(str(script), "x", B="y") == [{"a": "x", "b": "y"}]


def test_a_failing_process_ends_the_benchmark(tmp_path: Path) -> None:
    script = tmp_path / "child.py"
    script.write_text("raise SystemExit(3)\n")
    with pytest.raises(SystemExit, match=r"child\.py x: failed; no figure is printed"):
        measure.fresh_process(str(script), "x")
