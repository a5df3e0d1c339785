"""Every module against the function of its entry, in every mode and precision, compiled, copied and stored."""

from __future__ import annotations

import copy
import io
import math
import pickle
import re
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from every_module import ALL, EVERY, SHAPE, label, make, normal, values_of  # noqa: E402

import leaky  # noqa: E402
from leaky.kernels.select import why_not_native  # noqa: E402
from leaky.models.memory import saved_bytes  # noqa: E402
from leaky.nn.modules import CLASSES  # noqa: E402

every = pytest.mark.parametrize(("name", "given"), ALL, ids=label)
of_a_formula = pytest.mark.parametrize(
    ("name", "given"), [case for case in ALL if case[0] not in ("DynamicReLU", "FunnelReLU")], ids=label
)
SPECIAL = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-30, -1e-30, 1e4, -1e4, 88.0, -88.0, 19.5]
SPECIAL += [-3.0, 3.0, -2.5, 2.5, 6.0, 1.0, -1.0, 0.5, -0.5, 0.25, -0.7, 1.5, 0.05, -0.05, 20.0]

NATIVE = why_not_native(torch.empty(2**20)) is None


def _special(dtype: Any) -> Any:
    x = normal(dtype=torch.float64)
    x.view(-1)[: len(SPECIAL)] = torch.tensor(SPECIAL, dtype=torch.float64)
    return x.to(dtype)


@of_a_formula
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_values_are_those_of_the_function(name: str, given: dict[str, Any], dtype: Any) -> None:
    module = make(name, given).eval().to(dtype)
    x = _special(dtype) if module.entry.elementwise else normal(dtype=dtype)
    y = module(x).detach()
    wanted = module.entry.value(x, **values_of(module, given))
    atol = 1e-7
    if isinstance(module, getattr(torch.nn, name, ())):  # the docstring says that torch's own ends are kept
        known = y.isfinite()
        y, wanted = y[known], wanted[known]
        assert known.sum() >= known.numel() - 4
        atol = 2e-6 if dtype == torch.float32 else 5e-9  # torch's GELU cancels, its softplus has a threshold
    torch.testing.assert_close(y, wanted, rtol=8 * torch.finfo(dtype).eps, atol=atol, equal_nan=True)


@of_a_formula
def test_gradients_are_the_derivative(name: str, given: dict[str, Any]) -> None:
    module = make(name, given).eval().double()
    if not module.entry.elementwise:
        pytest.skip("not applied element by element; the tests of these are in test_modules_shapes")
    x = _special(torch.float64).nan_to_num(0.3, 40.0, -40.0).requires_grad_()
    module(x).sum().backward()
    wanted = module.entry.derivative(x.detach(), **values_of(module, given))
    torch.testing.assert_close(x.grad, wanted, rtol=1e-6, atol=1e-8)  # softplus: torch's threshold


@every
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_goes_both_ways(name: str, given: dict[str, Any], dtype: Any) -> None:
    if (name, given, dtype) == ("RReLU", {}, torch.float16) and not NATIVE:
        pytest.skip("torch draws no float16 slopes on the CPU")
    module = make(name, given).to(dtype)
    x = normal(dtype=dtype).requires_grad_()
    y = module(x)
    assert y.dtype == dtype
    y.float().square().mean().backward()
    assert x.grad is not None
    assert x.grad.dtype == dtype
    assert bool(x.grad.isfinite().all())
    truth = make(name, given).to(dtype).double()
    if name not in ("NoisyReLU", "RReLU"):
        exact = truth(x.detach().double()).detach()
        off = (y.detach().double() - exact).abs()
        assert bool((off <= 16 * torch.finfo(dtype).eps * (exact.abs() + 1)).all())


@every
def test_copies_and_stored_states_are_the_same_module(name: str, given: dict[str, Any]) -> None:
    module, x = make(name, given).eval(), normal()
    fresh = getattr(leaky.nn, name)(**given).eval()
    buffer = io.BytesIO()
    torch.save(module.state_dict(), buffer)
    buffer.seek(0)
    fresh.load_state_dict(torch.load(buffer, weights_only=True))
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module)), fresh):
        assert type(other) is type(module)
        assert repr(other) == repr(module)
        assert torch.equal(other(x), module(x))


@every
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_the_whole_module_compiles(name: str, given: dict[str, Any], training: bool) -> None:
    torch.compiler.reset()
    if name == "RReLU" and training and NATIVE:
        pytest.skip("compiled, torch draws; test_rrelu.py compiles it")
    module = make(name, given).train(training)
    compiled = torch.compile(make(name, given).train(training), fullgraph=True, backend="eager")
    results = []
    for each, source in ((module, module), (compiled, compiled._orig_mod)):
        x = normal().requires_grad_()
        torch.manual_seed(11)
        y = each(x)
        y.sum().backward()
        results.append([y.detach(), x.grad, *(p.grad for p in source.parameters())])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(theirs, ours)


@every
def test_training_is_evaluation_but_for_what_the_entry_says(name: str, given: dict[str, Any]) -> None:
    module, x = make(name, given), normal()
    torch.manual_seed(1)
    first, second = module.train()(x).detach(), module(x).detach()
    torch.manual_seed(1)
    again = module(x).detach()
    random = bool(module.entry.training)
    assert torch.equal(first, again)  # one seed, one result
    assert torch.equal(first, second) != random
    if name != "FunnelReLU":  # whose norm has two modes
        assert torch.equal(module.eval()(x).detach(), first) != random


@pytest.mark.parametrize(("name", "given"), EVERY, ids=label)
def test_what_it_keeps_is_what_its_docstring_says(name: str, given: dict[str, Any]) -> None:
    module = make(name, given).train()
    x = normal((4, 4, 64, 64)).requires_grad_()
    kept = saved_bytes(lambda: module(x), module) / x.numel()
    told = re.search(r"Saved for backward: (one|[\d.]+) (bits?|bytes?) per element", module.__doc__ or "")
    assert told is not None
    number = 1.0 if told[1] == "one" else float(told[1])
    assert kept == pytest.approx(number / (8 if told[2].startswith("bit") else 1), rel=0.01)


@every
def test_second_derivatives_are_there(name: str, given: dict[str, Any]) -> None:
    if (name, given) == ("Hardsigmoid", {}):
        pytest.skip("torch differentiates its hardsigmoid once")
    module = make(name, given).eval().double()
    x = normal((2, *SHAPE[1:2], 1, 1), torch.float64).requires_grad_()
    if isinstance(given.get("num_parameters"), tuple):
        x = normal((1, *SHAPE[1:]), torch.float64).requires_grad_()
    (first,) = torch.autograd.grad(module(x).square().sum(), x, create_graph=True)
    first.sum().backward()
    assert x.grad is not None
    assert bool(x.grad.isfinite().all())


def test_the_table_of_this_test_has_every_module() -> None:
    assert {name for name, _ in EVERY} == set(CLASSES) == {entry.module for entry in leaky.catalogue.values()}
