"""Learned parameters: shared by all, per channel, per element; fixed; gradients; what does not fit."""

from __future__ import annotations

import re
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from every_module import label, normal  # noqa: E402

import leaky  # noqa: E402
from leaky import nn as lnn  # noqa: E402
from leaky.errors import ArgumentError, ArgumentTypeError  # noqa: E402
from leaky.nn.modules import CLASSES, Learned  # noqa: E402

LEARNED = [name for name, cls in CLASSES.items() if issubclass(cls, Learned)]
# Away from where learning starts, so that every parameter has a gradient.
STARTS: dict[str, dict[str, Any]] = {
    "SShapedReLU": {"threshold_left": -0.4, "slope_left": 0.2, "threshold_right": 0.6, "slope_right": 0.5},
    "AdaptivePiecewiseLinear": {"slopes": (0.3, -0.2), "offsets": (0.4, -0.7)},
}
SHARED = [1, 3, (3, 4)]


def test_the_learned_ones_are_those_of_the_catalogue() -> None:
    names = {entry.module for entry in leaky.catalogue.values() if any(p.learned for p in entry.parameters)}
    assert set(LEARNED) == names - {"PReLU"}
    assert set(STARTS) <= set(LEARNED)


@pytest.mark.parametrize("num_parameters", SHARED, ids=str)
@pytest.mark.parametrize("name", LEARNED)
def test_gradients_of_input_and_parameters(name: str, num_parameters: Any) -> None:
    module = getattr(lnn, name)(**STARTS.get(name, {}), num_parameters=num_parameters, dtype=torch.float64)
    x = normal((2, 3, 4), torch.float64).requires_grad_()
    parameters = [parameter.requires_grad_() for parameter in module.parameters()]
    names = [name for name, _ in module.named_parameters()]

    def run(x: Any, *given: Any) -> Any:
        return torch.func.functional_call(module, dict(zip(names, given, strict=True)), (x,))

    assert torch.autograd.gradcheck(run, (x, *parameters))
    assert torch.autograd.gradgradcheck(run, (x, *parameters))
    module(x).square().sum().backward()
    assert all(bool((p.grad != 0).all()) for p in parameters if p.numel() < 10)


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.parametrize("num_parameters", SHARED, ids=str)
def test_shapes_and_sharing(name: str, num_parameters: Any) -> None:
    entry = CLASSES[name].entry
    module = getattr(lnn, name)(num_parameters=num_parameters)
    shape = num_parameters if isinstance(num_parameters, tuple) else (num_parameters,)
    for parameter in entry.parameters:
        held = getattr(module, parameter.name)
        terms = (len(parameter.default),) if parameter.series else ()
        assert held.shape == (*terms, *shape)
        assert isinstance(held, torch.nn.Parameter)
    # one value for all is the same function, however it is shared
    x = normal((2, 3, 4))
    assert torch.equal(module(x), getattr(lnn, name)()(x))
    exact = getattr(lnn, name)(num_parameters=num_parameters, dtype=torch.float64)
    assert str(leaky.from_module(exact)) == str(leaky.parse(entry.name))


@pytest.mark.parametrize("name", LEARNED)
def test_fixed_parameters_are_buffers_of_the_same_names(name: str) -> None:
    learned, fixed = getattr(lnn, name)(num_parameters=3), getattr(lnn, name)(num_parameters=3, learned=False)
    assert list(fixed.parameters()) == []
    assert fixed.state_dict().keys() == learned.state_dict().keys()
    fixed.load_state_dict(learned.state_dict())
    x = normal((2, 3, 4)).requires_grad_()
    assert torch.equal(fixed(x), learned(x))
    fixed(x).sum().backward()
    assert x.grad is not None


def test_channels_are_the_second_dimension() -> None:
    module = lnn.FlexibleReLU(torch.tensor([1.0, 2.0, 3.0]))
    assert module.bias.tolist() == [1.0, 2.0, 3.0]
    y = module(torch.zeros(2, 3, 3))
    assert y[0, :, 0].tolist() == [1.0, 2.0, 3.0]
    assert y[1, :, 2].tolist() == [1.0, 2.0, 3.0]
    assert module(torch.zeros(5, 3)).tolist() == [[1.0, 2.0, 3.0]] * 5


def test_a_prelu_may_have_one_slope_per_element() -> None:
    module = lnn.PReLU((3, 4))
    x = normal((2, 3, 4), torch.float64).requires_grad_()
    module.double()(x).sum().backward()
    assert module.weight.grad.shape == (3, 4)
    wanted = torch.where(x > 0, 0.0, x).sum(0)
    assert torch.allclose(module.weight.grad, wanted)
    with pytest.raises(ArgumentError, match=re.escape("of shape (3, 4), but the input has shape (2, 4, 3)")):
        module(torch.zeros(2, 4, 3))


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"num_parameters": 0}, ArgumentError, "flexible_relu: `num_parameters` must be at least 1, got 0"),
        (
            {"num_parameters": 2.0},
            ArgumentTypeError,
            "flexible_relu: `num_parameters` must be an integer, or a tuple of integers, got 2.0",
        ),
        ({"bias": float("nan")}, ArgumentError, "flexible_relu: `bias` must be finite, got nan"),
        (
            {"bias": torch.tensor([1.0, float("inf")])},
            ArgumentError,
            "flexible_relu: `bias` must hold finite floating-point numbers, got tensor([1., inf])",
        ),
        (
            {"bias": torch.ones(2), "num_parameters": 3},
            ArgumentError,
            "flexible_relu: `bias` must be a number or of shape (3,), got (2,)",
        ),
        ({"slope": 1.0}, ArgumentError, "flexible_relu: unknown parameter `slope`: it takes `bias`"),
    ],
    ids=lambda value: label(value) if isinstance(value, dict) else "",
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        lnn.FlexibleReLU(**given)


@pytest.mark.parametrize("shape", [(3,), (2, 4), (2, 4, 3)], ids=str)
def test_inputs_without_these_channels_are_refused(shape: tuple[int, ...]) -> None:
    message = f"s_shaped_relu: one value per channel, 3, but the input has shape {shape}; channels are dim 1"
    with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$"):
        lnn.SShapedReLU(num_parameters=3)(torch.zeros(shape))


def test_a_slope_per_element_takes_the_precision_of_the_input() -> None:
    assert lnn.PReLU((3, 4))(torch.zeros(2, 3, 4, dtype=torch.float16)).dtype == torch.float16


def test_a_spec_takes_further_arguments() -> None:
    assert lnn.activation("s_shaped_relu(slope_left=0.3)", num_parameters=5).slope_left.shape == (5,)
    assert lnn.activation("prelu(0.1)", num_parameters=5).weight.tolist() == [pytest.approx(0.1)] * 5
    with pytest.raises(ArgumentError, match=r"^relu: .*unexpected keyword argument 'num_parameters'$"):
        lnn.activation("relu", num_parameters=5)


def _frozen(num_parameters: Any = 4) -> Any:
    return lnn.SShapedReLU(num_parameters=num_parameters, frozen=True)


def test_while_frozen_the_parameters_have_no_gradient() -> None:
    module, x = _frozen(), normal((8, 4)).requires_grad_()
    y = module(x)
    assert torch.equal(y, torch.nn.functional.leaky_relu(x, 0.01))
    y.sum().backward()
    assert all(parameter.grad is None for parameter in module.parameters())
    assert repr(module).endswith("frozen=True)")


@pytest.mark.parametrize("num_parameters", [1, 4, (4, 5)], ids=str)
def test_the_adaptive_start_is_the_kth_largest_input(num_parameters: Any) -> None:
    module, x = _frozen(num_parameters), normal((40, 4, 5))
    assert module.adapt_(x, largest=0.2) is module
    for place in [(0, 0), (3, 4)]:
        channel, column = place
        seen = {1: x, 4: x[:, channel], (4, 5): x[:, channel, column]}[num_parameters].flatten()
        wanted = seen.sort(descending=True).values[int(0.2 * len(seen)) - 1]
        found = module.threshold_right
        at = {1: (0,), 4: (channel,), (4, 5): place}[num_parameters]
        assert found[at] == max(wanted, torch.tensor(0.0))
    assert not module.frozen
    module.slope_right.data.fill_(0.5)
    module(x).sum().backward()
    assert bool((module.threshold_right.grad != 0).any())


def test_the_threshold_on_the_right_stays_right_of_the_left_one() -> None:
    assert _frozen(1).adapt_(torch.full((5, 2), -3.0)).threshold_right.item() == 0.0


def test_a_whole_model_is_adapted_and_otherwise_left_alone() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(3, 4),
        torch.nn.BatchNorm1d(4),
        _frozen(),
        torch.nn.Dropout(0.5),
        torch.nn.Linear(4, 2),
    )
    batches = [normal((16, 3)), 2 * normal((16, 3))]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    assert lnn.adapt_(model, ([batch] for batch in batches), largest=0.25) is model
    assert torch.equal(torch.get_rng_state(), state)
    assert all(module.training for module in model.modules())
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"2.threshold_right"}
    model.eval()
    seen = [model[:2](batch).sort(dim=0, descending=True).values[3] for batch in batches]
    assert torch.allclose(model[2].threshold_right, torch.stack(seen).mean(0).clamp(min=0))


def test_what_cannot_be_adapted_is_refused() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), _frozen())
    for call, message in [
        (lambda: lnn.adapt_(torch.nn.ReLU(), []), "adapt_: `model` (ReLU) has no SShapedReLU to initialise"),
        (lambda: lnn.adapt_(model, []), "adapt_: no batch reached `1`; give at least one that does"),
        (
            lambda: model[1].adapt_(normal((2, 4)), largest=0),
            "s_shaped_relu: `largest` must be above 0 and at most 1, got 0",
        ),
        (
            lambda: model[1].adapt_(torch.ones(0, 4)),
            "s_shaped_relu: `input` has shape (0, 4) and no values; give a batch",
        ),
    ]:
        with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$"):
            call()
    assert model[1].frozen
