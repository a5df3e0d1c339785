"""Watching training: nothing changes by it, and what happened when is told."""

from __future__ import annotations

import copy
import doctest
import importlib
import pickle
import shutil
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import leaky
from leaky.errors import ArgumentError, ArgumentTypeError

from .networks import Checkpointed, ConvNet, Functional, Residual, Reused, mlp, transformer


def lean_net() -> nn.Module:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.LeakyReLU(0.1), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten()
    )
    leaky.lean(model, torch.randn(2, 3, 24, 24))
    return model


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "mlp": (mlp, (16, 6)),
    "cnn": (ConvNet, (4, 3, 8, 8)),
    "in place": (lambda: ConvNet(inplace=True), (4, 3, 8, 8)),
    "kept bits": (
        lambda: nn.Sequential(nn.Conv2d(3, 8, 1), leaky.nn.LeakyReLU(0.1, inplace=True)),
        (4, 3, 16, 16),
    ),
    "residual": (Residual, (4, 4, 8, 8)),
    "reused": (lambda: Reused(inplace=True), (16, 4)),
    "functions": (Functional, (16, 4)),
    "checkpointed": (lambda: Checkpointed(False), (16, 4)),
    "checkpointed, reentrant": (lambda: Checkpointed(True), (16, 4)),
    "transformer": (transformer, (4, 5, 8)),
    "lean": (lean_net, (4, 3, 24, 24)),
    "view in place": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.ReLU(inplace=True)),
        (4, 3, 8, 8),
    ),
}


def train(model: nn.Module, shape: tuple[int, ...], watched: bool, autocast: bool = False) -> list[Tensor]:
    """Three steps and an evaluation: everything there is to compare."""
    torch.manual_seed(3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    watch = leaky.watch(model, every=2, elements=True, effective_rank=True) if watched else None
    found: list[Tensor] = []
    for step in range(3):
        x = torch.randn(shape).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            output = model(x * 1)
            if step == 1:
                output = output + model(x * 2)  # twice in a step
        optimizer.zero_grad()
        output.float().square().mean().backward()
        optimizer.step()
        found += [
            output.detach(),
            x.grad,
            *(p.grad.clone() for p in model.parameters() if p.grad is not None),
        ]
        if watch is not None:
            watch.step()
    if watch is not None:
        watch.close()
        assert watch.diagnosis().measured == 2
    model.eval()
    found += [model(torch.randn(shape)).detach(), *model.state_dict().values(), torch.get_rng_state()]
    return found


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_training_is_the_same_to_the_bit(name: str, autocast: bool) -> None:
    build, shape = NETWORKS[name]
    torch.manual_seed(0)
    model = build()
    twin = copy.deepcopy(model)
    attributes = [dict(vars(module)) for module in model.modules()]
    plain, watched = train(twin, shape, False, autocast), train(model, shape, True, autocast)
    assert all(torch.equal(a, b) for a, b in zip(plain, watched, strict=True))
    assert [set(vars(module)) for module in model.modules()] == [set(a) for a in attributes]


@pytest.mark.parametrize("reentrant", [False, True])
def test_what_a_checkpoint_computes_again_is_counted_once(reentrant: bool) -> None:
    torch.manual_seed(0)
    model, x = Checkpointed(reentrant), torch.randn(16, 4)
    watch = leaky.watch(model, every=1)
    model(x).square().mean().backward()
    watch.step()
    watch.close()
    diagnosis = watch.diagnosis()
    assert diagnosis.names == ("tanh", "tail.1", "block.act", "block.act:2")
    assert [site.samples for site in diagnosis] == [16] * 4
    assert diagnosis["tail.1"].gradient_samples == diagnosis["tanh"].gradient_samples == 16
    expected = 0 if reentrant else 16  # which of two calls is run again cannot be told there
    assert [site.gradient_samples for site in diagnosis] == [16, 16, expected, expected]
    assert diagnosis["block.act"].never_active.units == (0, 1)


def test_born_dead_died_and_revived() -> None:
    model = nn.Sequential(nn.Linear(1, 4), nn.ReLU())
    nn.init.ones_(model[0].weight)
    alive, dead = 1.0, -100.0
    biases = [
        [dead, alive, alive, dead],
        [dead, alive, dead, dead],
        [dead, dead, dead, alive],
        [dead, alive, dead, alive],
    ]
    with leaky.watch(model, every=2) as watch:
        for bias in biases:
            model[0].bias.data = torch.tensor(bias)
            for _ in range(2):  # one step of two is measured
                model(torch.ones(3, 1))
                watch.step()
                model[0].bias.data.fill_(dead)
    diagnosis = watch.diagnosis()
    life = diagnosis["1"].life
    assert (diagnosis.steps, diagnosis.measured, life.measured) == (8, 4, 4)
    assert life.born_dead == (0, 3)
    assert life.died == {2: 2}
    assert life.revived == {3: 4, 1: 6}
    assert life.events == (
        (0, 0, "born_dead"), (0, 3, "born_dead"), (2, 2, "died"),
        (4, 1, "died"), (4, 3, "revived"), (6, 1, "revived"),
    )  # fmt: skip
    assert [window.step for window in diagnosis["1"].windows] == [0, 2, 4, 6]
    assert [window.never_active for window in diagnosis["1"].windows] == [0.5, 0.75, 0.75, 0.5]
    assert diagnosis["1"].never_active.units == (0,)
    assert diagnosis["1"].samples == 12


def test_gradients_of_every_backward_of_a_step_are_counted() -> None:
    model = mlp()
    with leaky.watch(model, every=1) as watch:
        for _ in range(2):
            model(torch.randn(8, 6)).square().mean().backward()
        watch.step()
    site = watch.diagnosis()["1"]
    assert site.gradient_samples == site.samples == 16
    assert site.zero_gradient is not None
    assert site.zero_gradient.units == (0,)


@pytest.mark.parametrize("how", ["wrapped", "in place", "a part"])
def test_a_compiled_model_is_measured_beside(how: str) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.ReLU()), nn.Flatten())
    model[1].bias.data[1] = -1e3
    if how == "in place":
        model.compile(backend="eager")
        compiled: Any = model
    elif how == "a part":
        model[2] = torch.compile(model[2], backend="eager")  # type: ignore[call-overload]
        compiled = model
    else:
        compiled = torch.compile(model, backend="eager")
    x = torch.randn(4, 3, 8, 8)
    compiled(x)
    running = model[1].running_mean.clone()
    attributes = set(vars(model)), set(vars(compiled))
    with leaky.watch(compiled, every=1) as watch:
        compiled(x).sum().backward()
        watch.step()
    diagnosis = watch.diagnosis()
    assert diagnosis.names == ("2.0",) if how != "a part" else ("2.0",)
    assert diagnosis["2.0"].never_active.units == (1,)
    assert not diagnosis.gradients
    assert "compiled" in diagnosis.notes[0]
    assert (set(vars(model)), set(vars(compiled))) == attributes
    assert model[1].num_batches_tracked == 2
    assert not torch.equal(running, model[1].running_mean)
    assert leaky.diagnose(compiled, [x])["2.0"].never_active.units == (1,)


@pytest.mark.skipif(not shutil.which("c++"), reason="inductor needs a C++ compiler")
def test_what_inductor_compiled_is_measured_through_the_module_within() -> None:
    model, x = mlp(), torch.randn(16, 6)
    pre = F.linear(x, model[0].weight, model[0].bias)
    compiled: Any = torch.compile(model, backend="inductor", dynamic=False)

    def run() -> list[Tensor]:
        model.zero_grad()
        output = compiled(x)
        output.square().sum().backward()
        return [output, *(p.grad.clone() for p in model.parameters() if p.grad is not None)]

    before = run()
    with leaky.watch(compiled, every=1) as watch:
        watched = run()
        watch.step()
    after = run()
    for one in (watched, after):
        assert len(one) == 5
        assert all(torch.equal(a, b) for a, b in zip(before, one, strict=True))
    diagnosis = watch.diagnosis()
    assert diagnosis.names == ("1",)
    assert "compiled" in diagnosis.notes[0]
    assert diagnosis["1"].per_unit.positive.tolist() == (pre > 0).double().mean(0).tolist()
    assert (
        leaky.diagnose(compiled, [x])["1"].per_unit.positive.tolist() == (pre > 0).double().mean(0).tolist()
    )


def test_nothing_is_measured_in_a_pause() -> None:
    model, x = mlp(), torch.randn(4, 6)
    with leaky.watch(model, every=2) as watch:
        model(x)
        with watch.paused():
            assert "forward" not in vars(model)
            model(x)
            with watch.paused():
                model(x)
            model(x)
        model(x)
        watch.pause()
        watch.step()  # step 1 is not measured
        watch.resume()
        model(x)
        watch.pause()
        watch.step()  # step 2 is, from where the pause ends
        model(x)
        watch.resume()
        model(x)
    assert watch.diagnosis()["1"].samples == 3 * 4
    assert (watch.steps, watch.measured, watch.last, watch.closed) == (2, 2, 2, True)
    watch.resume()
    assert "forward" not in vars(model)


def test_distributed_data_parallel_is_looked_through() -> None:
    class Wrapped(nn.DataParallel):
        """On the CPU: a wrapper whose forward calls `module`, as DistributedDataParallel is."""

    model = Wrapped(mlp())
    with leaky.watch(model, every=1) as watch:
        model(torch.randn(8, 6)).sum().backward()
    assert watch.diagnosis().names == ("1",)


def test_parts_of_a_model_that_are_called_alone_are_seen() -> None:
    class Auto(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.decoder = mlp(), nn.Sequential(nn.Linear(3, 4), nn.Tanh())

    model = Auto()
    with leaky.watch(model, every=1) as watch:
        for _ in range(2):
            model.decoder(model.encoder(torch.randn(4, 6)))
    assert [(site.name, site.samples) for site in watch.diagnosis()] == [("encoder.1", 8), ("decoder.1", 8)]


def test_copies_and_pickles_of_a_watched_model_are_not_watched() -> None:
    model, x = mlp(), torch.randn(4, 6)
    with leaky.watch(model, every=1) as watch:
        for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert torch.equal(twin(x), model(x))
            twin[0].weight.data.zero_()
            assert not torch.equal(twin(x), model(x))
    assert watch.diagnosis()["1"].samples == 16


def test_inference_mode_and_training_may_alternate() -> None:
    model = mlp()
    with leaky.watch(model, every=1) as watch:
        with torch.inference_mode():
            model(torch.randn(4, 6))
        model(torch.randn(4, 6)).sum().backward()
        watch.step()
    assert watch.diagnosis()["1"].samples == 8


def test_errors() -> None:
    model = mlp()
    with pytest.raises(ArgumentTypeError, match=r"watch: `model` must be a torch.nn.Module, got int"):
        leaky.watch(3)  # type: ignore[arg-type]
    for every in (0, True, 1.5):
        with pytest.raises(ArgumentError, match="watch: `every` must be a number of steps, at least 1"):
            leaky.watch(model, every=every)  # type: ignore[arg-type]
    watch = leaky.watch(model)
    with pytest.raises(ArgumentError, match="`model` is watched already; close the other watch first"):
        leaky.watch(model)
    with pytest.raises(ArgumentError, match="`model` was not called while it was watched"):
        watch.diagnosis()
    watch.close()
    with pytest.raises(ArgumentError, match="the watch was closed; start another"):
        watch.step()
    with leaky.watch(linear := nn.Linear(2, 2)) as watch:
        linear(torch.ones(1, 2))
    with pytest.raises(
        ArgumentError, match="`model` called no activation that can be measured; known are relu"
    ):
        watch.diagnosis()


def test_a_forward_that_raises_leaves_the_watch_in_order() -> None:
    model = mlp()
    with leaky.watch(model, every=1) as watch:
        with pytest.raises(RuntimeError):
            model(torch.ones(2, 5))
        model(torch.ones(2, 6))
    assert watch.diagnosis()["1"].samples == 2


def test_calls_of_leakys_own_functions_are_seen() -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return leaky.nn.functional.relu(leaky.nn.functional.leaky_relu(x, 0.1, inplace=True))

    model, x = Net(), torch.randn(4, 3, 32, 32, requires_grad=True)
    with leaky.watch(model, every=1) as watch:
        model(x * 1).sum().backward()
        watch.step()
        assert watch.last == 0
    diagnosis = watch.diagnosis()
    assert [(s.name, s.samples, s.gradient_samples) for s in diagnosis] == [
        ("leaky_relu", 4, 4),
        ("relu", 4, 4),
    ]
    assert diagnosis["relu"].per_unit.positive.tolist() == (x > 0).float().mean((0, 2, 3)).double().tolist()


@pytest.mark.parametrize("name", ["watch", "diagnose"])
def test_the_examples_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"leaky.doctor.{name}"))
    assert result.attempted
    assert not result.failed
