"""What TensorBoard reads from the files that were written."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

pytest.importorskip("tensorboard", reason="TensorBoard is not installed: pip install 'leaky[tensorboard]'")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

import leaky
from leaky.doctor.integrations.scalars import scalars
from leaky.doctor.integrations.tensorboard import WatchWriter, write_diagnosis
from leaky.errors import ArgumentTypeError

from .by_hand import data, net, step_by_step, train

UNITS = (8, 6)


def read(folder: Path) -> Any:
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0, "tensors": 0})
    events.Reload()
    return events


def curves(events: Any) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    for name in events.Tags()["scalars"]:
        for event in events.Scalars(name):
            found.setdefault(event.step, {})[name] = event.value
    return found


def test_a_diagnosis(tmp_path: Path) -> None:
    model = net().eval()
    diagnosis = leaky.diagnose(model, data(20), loss=nn.functional.mse_loss)
    with SummaryWriter(str(tmp_path)) as writer:
        write_diagnosis(writer, diagnosis, step=7)
    events = read(tmp_path)
    assert set(curves(events)) == {7}
    assert curves(events)[7] == pytest.approx(scalars(diagnosis), rel=1e-6)
    assert curves(events)[7]["leaky_never_active/1"] == 1 / 8
    assert curves(events)[7]["leaky_dormant/1"] == 2 / 8
    assert curves(events)[7]["leaky_reach/4"] == pytest.approx(diagnosis["4"].layer.reach, rel=1e-6)
    text = events.Tensors("leaky_verdicts/text_summary")[0].tensor_proto.string_val[0].decode()
    assert all(str(verdict) in text for verdict in diagnosis.verdicts)


def test_the_histograms(tmp_path: Path) -> None:
    model = net().eval()
    inputs: list[Tensor] = []
    model[1].register_forward_hook(lambda module, args, output: inputs.append(args[0].detach()))
    diagnosis = leaky.diagnose(model, data(20))
    with SummaryWriter(str(tmp_path)) as writer:
        write_diagnosis(writer, diagnosis)
    x = torch.cat(inputs).double()
    events = read(tmp_path)
    (event,) = events.Histograms("leaky_input/1")
    assert event.step == diagnosis.steps == 20
    value = event.histogram_value
    assert (value.num, sum(value.bucket)) == (x.numel(), x.numel())
    assert value.sum == pytest.approx(float(x.sum()), rel=1e-5)
    assert value.sum_squares == pytest.approx(float(x.square().sum()), rel=1e-5)
    assert value.min <= x.min()
    assert x.max() <= value.max
    for left, right, count in zip(
        [value.min, *value.bucket_limit], value.bucket_limit, value.bucket, strict=False
    ):
        assert count == int(((x >= left) & (x < right)).sum())

    units = events.Histograms("leaky_units_positive/1")[0].histogram_value
    share = (x > 0).double().mean(0)
    assert (units.num, units.min, units.max) == (8, float(share.min()), pytest.approx(float(share.max())))
    expected, edges = np.histogram(share.numpy(), bins=np.linspace(0, 1, 21))
    written = dict(zip(units.bucket_limit, units.bucket, strict=True))
    assert [written.get(limit, 0) for limit in edges[1:]] == expected.tolist()


def test_a_running_watch(tmp_path: Path) -> None:
    model = net()
    inputs: list[Tensor] = []
    with SummaryWriter(str(tmp_path)) as writer, leaky.watch(model, every=3, histogram=None) as watch:
        board = WatchWriter(writer, watch)
        wrote = []
        for _ in train(model, data(10)):
            watch.step()
            wrote.append(board.write())
    assert wrote == [step % 3 == 0 for step in range(10)]
    events = read(tmp_path)
    expected = step_by_step(net(), data(10), 3)
    assert curves(events) == {step: pytest.approx(found, rel=1e-6) for step, found in expected.items()}
    for site, units in zip((1, 4), UNITS, strict=True):
        histograms = events.Histograms(f"leaky_input/{site}")
        assert [event.step for event in histograms] == [0, 3, 6, 9]
        assert [sum(event.histogram_value.bucket) for event in histograms] == [8 * units] * 4

    model = net()  # the third step's values alone
    model[1].register_forward_hook(lambda module, args, output: inputs.append(args[0].detach()))
    for _ in itertools.islice(train(model, data(10)), 4):
        pass
    value = events.Histograms("leaky_input/1")[1].histogram_value
    for left, right, count in zip(
        [value.min, *value.bucket_limit], value.bucket_limit, value.bucket, strict=False
    ):
        assert count == int(((inputs[3] >= left) & (inputs[3] < right)).sum())


def test_steps_written_together(tmp_path: Path) -> None:
    model = net(dropout=0.0)
    with SummaryWriter(str(tmp_path)) as writer, leaky.watch(model, every=2) as watch:
        board = WatchWriter(writer, watch)
        assert not board.write()
        for _ in train(model, data(7)):
            watch.step()
        assert board.write()
        assert not board.write()
        whole = watch.diagnosis()
    assert curves(read(tmp_path)) == {6: pytest.approx(scalars(whole), rel=1e-6)}


def test_what_could_not_be_measured_is_left_out(tmp_path: Path) -> None:
    """No gradients here, and one input that is NaN altogether."""
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    with SummaryWriter(str(tmp_path)) as writer:
        write_diagnosis(writer, leaky.diagnose(model, [torch.full((4, 2), float("nan"))]))
    events = read(tmp_path)
    assert "leaky_reach/1" not in events.Tags()["scalars"]
    assert events.Tags()["histograms"] == ["leaky_units_positive/1"]
    assert all(np.isfinite(list(found.values())).all() for found in curves(events).values())


def test_training_is_the_same_to_the_bit(tmp_path: Path) -> None:
    def run(with_it: bool) -> list[Tensor]:
        model = net()
        with SummaryWriter(str(tmp_path)) as writer:
            watch = leaky.watch(model, every=2) if with_it else None
            board = WatchWriter(writer, watch) if watch is not None else None
            for _ in train(model, data(10)):
                if watch is not None and board is not None:
                    watch.step()
                    board.write()
            if watch is not None:
                watch.close()
        return [*model.state_dict().values(), torch.get_rng_state()]

    assert all(torch.equal(a, b) for a, b in zip(run(False), run(True), strict=True))


def test_bad_input(tmp_path: Path) -> None:
    diagnosis: Any = leaky.diagnose(net(), data(1))
    with pytest.raises(
        ArgumentTypeError, match=r"write_diagnosis: `writer` must be a .*SummaryWriter, got str"
    ):
        write_diagnosis("runs", diagnosis)  # type: ignore[arg-type]
    with SummaryWriter(str(tmp_path)) as writer:
        with pytest.raises(ArgumentTypeError, match="`diagnosis` must be a Diagnosis, got Linear"):
            write_diagnosis(writer, nn.Linear(1, 1))  # type: ignore[arg-type]
        with pytest.raises(
            ArgumentTypeError, match=r"`watch` must be what leaky.watch returned, got Diagnosis"
        ):
            WatchWriter(writer, diagnosis)


def test_without_tensorboard(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tensorboard" else found(name)
    )
    monkeypatch.delitem(sys.modules, "leaky.doctor.integrations.tensorboard")
    with pytest.raises(leaky.LeakyError, match=r"needs tensorboard: pip install 'leaky\[tensorboard\]'$"):
        importlib.import_module("leaky.doctor.integrations.tensorboard")


def test_the_example_runs() -> None:
    import doctest

    import leaky.doctor.integrations.tensorboard as module

    result = doctest.testmod(module)
    assert (result.attempted, result.failed) == (4, 0)
