"""`recycle` restarts exactly the units it was given, and a dead unit's restart changes no output."""

from __future__ import annotations

import copy
import doctest
import importlib
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import leaky
from leaky.errors import ArgumentError, ArgumentTypeError, UnknownNameError

X = torch.randn(32, 3, 8, 8, generator=torch.Generator().manual_seed(3))


class Net(nn.Module):
    """Convolutions with a norm and a pool between, flattened into Linear layers; modules and functions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm, self.act = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(True)
        self.pool, self.conv2 = nn.MaxPool2d(2), nn.Conv2d(8, 6, 3, bias=False)
        self.drop, self.fc1, self.fc2 = nn.Dropout(0.1), nn.Linear(24, 10), nn.Linear(10, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.act(self.norm(self.conv1(x))))
        x = torch.flatten(F.relu(self.conv2(x)), 1)
        return self.fc2(self.drop(F.leaky_relu(self.fc1(x), 0.1)))


DORMANT = {"act": [1, 5], "relu": [0, 4], "leaky_relu": [9]}
OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, 0.01, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, 0.01, amsgrad=True),
    "adamw": lambda p: torch.optim.AdamW(p, 0.01, foreach=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.001, momentum=0.5, centered=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, 0.01, initial_accumulator_value=0.5),
}


def trained(
    make: Callable[[Any], torch.optim.Optimizer], steps: int = 3
) -> tuple[Net, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = Net()
    optimizer = make(model.parameters())
    for _ in range(steps):
        optimizer.zero_grad()
        model(X).square().mean().backward()
        optimizer.step()
    return model, optimizer


def entries() -> dict[str, Tensor]:
    """Where DORMANT touches each parameter, as masks."""
    model = Net()
    masks = {name: torch.zeros_like(p, dtype=torch.bool) for name, p in model.named_parameters()}
    for unit in (1, 5):
        for name in ("conv1.weight", "conv1.bias", "norm.weight", "norm.bias"):
            masks[name][unit] = True
        masks["conv2.weight"][:, unit] = True
    for unit in (0, 4):
        masks["conv2.weight"][unit] = True
        masks["fc1.weight"][:, 4 * unit : 4 * unit + 4] = True
    masks["fc1.weight"][9], masks["fc1.bias"][9] = True, True
    masks["fc2.weight"][:, 9] = True
    return masks


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_these_entries_are_restarted_and_no_others(make: Callable[[Any], torch.optim.Optimizer]) -> None:
    model, optimizer = trained(make)
    before, memory = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict()["state"])
    report = leaky.recycle(model, optimizer, DORMANT, generator=torch.Generator().manual_seed(0))
    assert [(site.producer, site.norms, site.consumers) for site in report.recycled] == [
        ("conv1", ("norm",), ("conv2",)),
        ("conv2", (), ("fc1",)),
        ("fc1", (), ("fc2",)),
    ]
    assert report.units == 5
    for number, ((name, parameter), mask) in enumerate(
        zip(model.named_parameters(), entries().values(), strict=True)
    ):
        assert torch.equal(parameter[~mask], before[name][~mask]), name
        assert not mask.any() or not torch.equal(parameter[mask], before[name][mask]), name
        assert parameter.grad is not None
        assert not parameter.grad[mask].any()
        for key, value in optimizer.state_dict()["state"].get(number, {}).items():
            old = memory[number][key]
            if not isinstance(value, Tensor) or value.dim() == 0:
                assert value == old
            else:
                assert torch.equal(value[~mask], old[~mask])
                assert (value[mask] == (0.5 if key == "sum" else 0)).all()
    assert not model.fc2.weight[:, 9].any()
    assert not model.fc1.weight[:, :4].any()  # also in row 9, which was drawn again before
    assert model.fc1.weight[9, 4:8].all()
    assert not model.conv2.weight[:, 1].any()
    assert model.conv1.bias is not None
    assert not model.conv1.bias[[1, 5]].any()
    for buffer, start in (("running_mean", 0), ("running_var", 1)):
        value = getattr(model.norm, buffer)
        assert (value[[1, 5]] == start).all()
        assert torch.equal(value[[0, 2, 3, 4, 6, 7]], before[f"norm.{buffer}"][[0, 2, 3, 4, 6, 7]])


def test_new_weights_have_the_gain_of_the_activation() -> None:
    for spec in ("relu", "leaky_relu(negative_slope=0.5)", "tanh"):
        model = nn.Sequential(nn.Linear(400, 300), leaky.nn.activation(spec), nn.Linear(300, 1))
        leaky.recycle(model, None, {"1": range(300)}, generator=torch.Generator().manual_seed(0))
        assert model[0].weight.std().item() == pytest.approx(leaky.nn.init.gain(spec) / 20, rel=0.01)


def test_dead_units_change_no_output_and_live_again() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))
    x = torch.randn(64, 4)
    with torch.no_grad():
        model[0].bias[[2, 7]] = -100
        model[2].bias[3] = -100
        y = model(x)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    leaky.recycle(model, optimizer, {"1": [2, 7], "3": torch.tensor([3])})
    with torch.no_grad():
        assert torch.allclose(model(x), y, atol=1e-6)
        hidden = model[1](model[0](x))
        assert (hidden[:, [2, 7]] > 0).any(0).all()
        assert (model[3](model[2](hidden))[:, 3] > 0).any()
    for step in range(3):
        optimizer.zero_grad()
        (model(x) - x.sum(1, keepdim=True)).square().mean().backward()
        assert model[4].weight.grad[0, 3] != 0
        if step == 2:
            assert model[0].weight.grad[[2, 7]].any(1).all()
            assert model[2].weight.grad[3].any()
        optimizer.step()


class Flat(nn.Module):
    def __init__(self, flat: Callable[[Tensor], Tensor], columns: int = 24) -> None:
        super().__init__()
        self.conv, self.act, self.last = nn.Conv2d(3, 6, 7), nn.ReLU(), nn.Linear(columns, 2)
        self.flat = flat

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.flat(self.act(self.conv(x))))


@pytest.mark.parametrize(
    ("flat", "columns"),
    [
        (lambda x: x.flatten(1), 24),
        (lambda x: torch.flatten(x, start_dim=1), 24),
        (lambda x: x.view(x.size(0), -1), 24),
        (lambda x: x.reshape(x.shape[0], -1), 24),
        (lambda x: x.view(-1, 24), 24),
        (lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1), 6),
        (lambda x: x.mean((2, 3)), 6),
        (lambda x: x.mean([-2, -1]), 6),
        (lambda x: F.dropout(F.avg_pool2d(x, 2), 0.0).flatten(1), 6),
    ],
)
def test_columns_of_a_unit_are_found_behind_a_change_of_shape(
    flat: Callable[[Tensor], Tensor], columns: int
) -> None:
    torch.manual_seed(0)
    model = Flat(flat, columns)
    leaky.recycle(model, None, {"act": [1, 4]})
    with torch.no_grad():
        y = model(X)
        model.conv.weight[[1, 4]] += 1  # nobody reads these units now, and everybody reads the others
        assert torch.equal(model(X), y)
        model.conv.weight[[0, 2, 3, 5]] += 1
    assert int((model.last.weight == 0).sum()) == 2 * 2 * columns // 6


class Wired(nn.Module):
    def __init__(self, wiring: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.a, self.b, self.act, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)
        self.wide, self.layer_norm, self.depthwise = (
            nn.Linear(8, 2),
            nn.LayerNorm(4),
            nn.Conv1d(4, 4, 1, groups=4),
        )
        self.wiring, self.conv, self.bn = wiring, nn.Conv1d(4, 4, 1), nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.wiring(self, x)


def keeps(m: Any, x: Tensor) -> Tensor:
    m.kept = m.act(m.a(x))
    return m.last(m.kept)


REFUSED: dict[str, tuple[Callable[[Any, Tensor], Tensor], str]] = {
    "residual": (
        lambda m, x: m.last(x + m.act(m.a(x))),
        "`add` reads it, through which units cannot be followed",
    ),
    "in place": (
        lambda m, x: m.last(m.act(m.a(x)).add_(x)),
        "`add_` reads it, through which units cannot be followed",
    ),
    "skip before": (lambda m, x: m.last(m.act(h := m.a(x))) + h.sum(), "`sum` reads the output of `a` too"),
    "concatenation": (
        lambda m, x: m.wide(torch.cat([m.act(m.a(x)), x], 1)),
        "`cat` reads it, through which units",
    ),
    "output": (lambda m, x: m.act(m.a(x)), "it is an output, and its next layer is not known"),
    "also an output": (lambda m, x: (h := m.act(m.a(x)), m.last(h)), "it is an output"),  # type: ignore[dict-item]
    "no layer": (lambda m, x: m.last(m.act(x)), "`input` comes before it, which is not understood"),
    "sum before": (lambda m, x: m.last(m.act(m.a(x) + x)), "`add` comes before it"),
    "mixing norm": (lambda m, x: m.last(m.act(m.layer_norm(m.a(x)))), "`layer_norm` comes before it"),
    "norm after": (lambda m, x: m.last(m.bn(m.act(m.a(x)))), "`bn` reads it, through which units"),
    "called twice": (lambda m, x: m.last(m.act(m.a(m.a(x)))), "`a` is called 2 times"),
    "consumer twice": (lambda m, x: m.b(m.b(m.act(m.a(x)))), "`b` is called 2 times"),
    "two activations": (lambda m, x: m.last(m.act(m.a(x)).tanh()), "`tanh` reads it"),
    "kept": (keeps, "it is kept as `kept`, where others may read it"),
    "depthwise": (
        lambda m, x: m.conv(m.act(m.depthwise(x[:, :, None]))).sum(2),
        "`depthwise` has groups=4, whose units share no full row of weights",
    ),
    "depthwise after": (
        lambda m, x: m.depthwise(m.act(m.conv(x[:, :, None]))).sum(2),
        "`depthwise` has groups=4",
    ),
    "mixed positions": (
        lambda m, x: m.wide(m.act(m.a(x[:, None].expand(-1, 2, 4))).flatten(1)),
        "4 units do not fit",
    ),
    "no flatten": (lambda m, x: m.last(m.act(m.conv(x[:, :, None].expand(-1, -1, 4)))), "`last` reads it"),
}


@pytest.mark.parametrize(("wiring", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_understood_is_left_with_a_reason(wiring: Any, reason: str) -> None:
    model = Wired(wiring)
    model(torch.randn(3, 4))
    vars(model).pop("kept", None)
    before = copy.deepcopy(model.state_dict())
    (site,) = leaky.recycle(model, None, {"act": [0]}).refused
    assert site.reason.startswith(reason), site.reason
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_shared_frozen_and_computed_weights_are_left() -> None:
    def reason(change: Callable[[Any], None]) -> str:
        model = Wired(lambda m, x: m.last(m.act(m.a(x))))
        change(model)
        return leaky.recycle(model, None, {"act": [0]}).sites[0].reason

    assert reason(lambda m: setattr(m.b, "weight", m.a.weight)) == "`a` shares a parameter with `b`"
    assert reason(lambda m: m.last.requires_grad_(False)) == "`last` is frozen"
    assert "is not understood" in reason(lambda m: nn.utils.parametrizations.weight_norm(m.a))


def test_several_consumers_and_several_calls() -> None:
    model = Wired(lambda m, x: m.last(h := m.act(m.a(x))) + m.last2(m.act(m.b(h))))
    model.last2 = nn.Linear(4, 2)
    report = leaky.recycle(model, None, {"act": [0], "act:2": [3]})
    assert [(site.producer, site.consumers) for site in report.recycled] == [
        ("a", ("b", "last")),
        ("b", ("last2",)),
    ]
    assert not model.last.weight[:, 0].any()
    assert not model.b.weight[:, 0].any()
    assert not model.last2.weight[:, 3].any()
    again = leaky.recycle(model, None, {"a": [1], "act": [2]})
    assert [site.reason for site in again.sites] == ["", "it is the site `a`, which is in `dormant` too"]


def test_lean_swapped_and_compiled_models() -> None:
    torch.manual_seed(0)
    model = Net()
    leaky.lean(model, X)
    leaky.unlean(model)
    leaky.swap(model, "relu", "leaky_relu(negative_slope=0.5)")
    leaky.lean(model, X)
    report = leaky.recycle(torch.compile(model, backend="eager"), None, {"_orig_mod.act": [0], "relu": [1]})
    assert [site.activation for site in report.recycled] == ["leaky_relu(negative_slope=0.5)"] * 2
    assert not model.conv2.weight[:, 0].any()


@pytest.mark.parametrize(
    ("dormant", "error", "message"),
    [
        ({"act": [8]}, ArgumentError, "recycle: `dormant` has unit 8 at `act`, which has 8; count from 0"),
        ({"act": [-1]}, ArgumentError, "recycle: `dormant` has unit -1 at `act`, which has 8; count from 0"),
        ({"akt": [0]}, UnknownNameError, "unknown site `akt`: did you mean `act`?"),
        (
            {"act": [True, False]},
            ArgumentTypeError,
            "recycle: `dormant` must hold unit numbers, got [True, False] for `act`; not a mask",
        ),
        ([3], ArgumentTypeError, "recycle: `dormant` must map names of sites to unit numbers, got list"),
    ],
)
def test_errors_are_one_line_and_leave_everything(dormant: Any, error: Any, message: str) -> None:
    model, optimizer = trained(OPTIMIZERS["adam"], 1)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        leaky.recycle(model, optimizer, dormant if isinstance(dormant, list) else {"relu": [0], **dormant})
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_an_optimizer_with_unknown_moments_is_refused() -> None:
    model, optimizer = trained(lambda p: torch.optim.Rprop(p), 1)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(
        ArgumentError, match=r"^recycle: `optimizer` Rprop keeps `prev`, and what it starts from"
    ):
        leaky.recycle(model, optimizer, DORMANT)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_no_units_is_no_change() -> None:
    model, optimizer = trained(OPTIMIZERS["adam"], 1)
    before = copy.deepcopy(model.state_dict())
    assert leaky.recycle(model, optimizer, {"act": []}).units == 0
    assert leaky.recycle(model, optimizer, {}).sites == ()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("module", ["leaky.doctor.recycle"])
def test_the_examples_run(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted
    assert not result.failed
