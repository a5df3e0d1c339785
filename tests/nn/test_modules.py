"""A torch module for every entry: torch's own bits where torch has the class, the catalogue's where not."""

from __future__ import annotations

import copy
import io
import pickle
import re
import sys
from typing import Any

import pytest

import leaky
from leaky.catalogue import Activation, Parameter

torch = pytest.importorskip("torch")

from leaky import nn as lnn  # noqa: E402
from leaky.nn.modules import CLASSES, ActivationModule, Elementwise, module_class  # noqa: E402

ENTRIES = list(leaky.catalogue.values())
TWINS = [entry for entry in ENTRIES if hasattr(torch.nn, entry.module)]
ARGUMENTS: dict[str, list[dict[str, Any]]] = {
    "ReLU": [{}, {"inplace": True}],
    "LeakyReLU": [
        {},
        {"negative_slope": 0.2},
        {"negative_slope": -0.5},
        {"negative_slope": 0.3, "inplace": True},
    ],
    "PReLU": [
        {},
        {"num_parameters": 3},
        {"num_parameters": 3, "init": 0.0},
        {"init": 1.5, "dtype": torch.float64},
    ],
    "ELU": [{}, {"alpha": 0.5}, {"alpha": 2.0, "inplace": True}],
    "CELU": [{}, {"alpha": 0.5}],
    "RReLU": [{}, {"lower": 0.2, "upper": 0.6}, {"inplace": True}],
    "Hardtanh": [{}, {"min_val": -2.0, "max_val": 0.5}],
    "Hardshrink": [{}, {"lambd": 0.1}],
    "Hardsigmoid": [{}, {"inplace": True}],
    "GELU": [{}, {"approximate": "tanh"}],
    "SiLU": [{}, {"inplace": True}],
    "Softplus": [{}, {"beta": 3.0}, {"beta": 0.5, "threshold": 10.0}],
}
CASES = [(entry.module, given) for entry in TWINS for given in ARGUMENTS.get(entry.module, [{}])]
_SPECS = [
    "relu",
    "leaky_relu(0.2)",
    "leaky_relu(-1/3)",
    "prelu(0.1)",
    "elu(0.5)",
    "selu",
    "softplus(2)",
    *(name for name, entry in leaky.catalogue.items() if not entry.parameters),
    "rrelu(0.1, 0.4)",
    "rrelu(form='divide')",
    "clipped_relu(2)",
    "thresholded_relu(0.3)",
    "displaced_relu(0.2)",
    "hardshrink(0.2)",
    "crelu(dim=2)",
    "maxout(num_pieces=3)",
    "average_biased_relu(start_dim=2)",
    "celu(2)",
    "softplus(2, threshold=30)",
    "hardtanh(-2, 0.5)",
    "hardsigmoid(slope=0.2, offset=0.4)",
    "gelu(approximate='tanh')",
    "silu(beta=1.5)",
    "silu(beta=-1)",
    "silu(beta=0)",
    "s_shaped_relu(-0.5, 0.1, 0.5, 0.3)",
    "flexible_relu(-0.3)",
    "adaptive_piecewise_linear",
    "pade",
]
NEED_CHANNELS = {"dynamic_relu", "funnel_relu"}
_SPECS = [text for text in dict.fromkeys(_SPECS) if text not in NEED_CHANNELS]


def _input(dtype: Any = None) -> Any:
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(5, 3, 4, generator=generator)
    x[0, :, 0] = torch.tensor([0.0, -0.0, 30.0])
    return x.to(dtype or torch.float32)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_entry_has_its_class(entry: Activation) -> None:
    made = getattr(lnn, entry.module)
    assert made is CLASSES[entry.module]
    assert made.entry is entry
    assert issubclass(made, ActivationModule)
    assert entry.module in dir(lnn)
    assert issubclass(made, getattr(torch.nn, entry.module, torch.nn.Module))


@pytest.mark.parametrize(("name", "given"), CASES)
def test_twins_have_torchs_bits_and_gradients(name: str, given: dict[str, Any]) -> None:
    mine, torchs = getattr(lnn, name)(**given), getattr(torch.nn, name)(**given)
    assert repr(mine) == repr(torchs)
    results = []
    for module in (mine, torchs):
        if name == "RReLU":
            module.eval()  # in training its draws are its own
        x = _input(given.get("dtype")).requires_grad_()
        y = module(x * 1)  # an operation before, so that in-place modules may write
        (y * torch.arange(y.numel(), dtype=y.dtype).reshape(y.shape)).sum().backward()
        results.append([y, x.grad, *(p.grad for p in module.parameters())])
    for ours, theirs in zip(*results, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(("name", "given"), CASES)
def test_state_dicts_load_both_ways(name: str, given: dict[str, Any]) -> None:
    mine, torchs = getattr(lnn, name)(**given), getattr(torch.nn, name)(**given)
    for source, target in ((mine, torchs), (torchs, mine)):
        for parameter in source.parameters():
            torch.nn.init.uniform_(parameter)
        buffer = io.BytesIO()
        torch.save(source.state_dict(), buffer)
        buffer.seek(0)
        target.load_state_dict(torch.load(buffer, weights_only=True))
        for one, other in zip(source.parameters(), target.parameters(), strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("text", _SPECS)
def test_activation_makes_the_module_a_spec_names(text: str) -> None:
    spec = leaky.parse(text)
    learned = any(parameter.learned for parameter in spec.activation.parameters)
    module = lnn.activation(text, **{"dtype": torch.float64} if learned else {}).eval()
    assert type(module) is getattr(lnn, spec.activation.module)
    x = _input(torch.float64)
    if text == "maxout":  # pairs
        x = x[:, :2]
    wanted = spec.activation.value(x, **spec.parameters)
    assert torch.allclose(
        module.double()(x), wanted, rtol=1e-7, atol=1e-8
    )  # softplus: torch's threshold of 20
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert type(twin) is type(module)
        assert repr(twin) == repr(module)
        assert torch.equal(twin(x), module(x))


def test_specs_cover_the_catalogue() -> None:
    assert {leaky.parse(text).activation.name for text in _SPECS} | NEED_CHANNELS == set(leaky.catalogue)


@pytest.mark.parametrize("name", sorted(NEED_CHANNELS))
def test_what_needs_channels_says_so(name: str) -> None:
    made = leaky.catalogue[name].module
    message = f"{name}: needs the number of channels, give num_channels=C or make leaky.nn.{made}(C) where "
    message += "the model has it"
    with pytest.raises(leaky.LeakyError, match=f"^{re.escape(message)}$"):
        lnn.ActivationFactory(name)()
    assert type(lnn.activation(name, num_channels=3)) is getattr(lnn, made)


def test_a_parameter_is_given_once() -> None:
    message = "elu: `alpha` is given by the spec already, 0.5 in 'elu(alpha=0.5)'; write it there"
    with pytest.raises(leaky.LeakyError, match=f"^{re.escape(message)}$"):
        lnn.activation("elu(0.5)", alpha=2.0)


def test_a_factory_makes_one_module_per_place() -> None:
    factory = lnn.ActivationFactory("prelu(0.1)")
    one, other = factory(), factory()
    assert one.weight is not other.weight
    assert str(factory) == "prelu(negative_slope=0.1)"
    assert factory.gain == leaky.parse("prelu(0.1)").gain
    assert one.weight.tolist() == [pytest.approx(0.1)]


def test_unknown_specs_are_refused() -> None:
    with pytest.raises(leaky.LeakyError, match="did you mean `leaky_relu`"):
        lnn.activation("leakyrelu")


def _record(name: str, **more: Any) -> Activation:
    return Activation(
        name=name,
        title=name,
        family="test",
        formula="...",
        slope="...",
        at_zero="f(0) = 0",
        papers=("none",),
        **more,
    )


SQUARED = _record(
    "squared_relu",
    value_formula=lambda xp, x: xp.where(x <= 0, xp.zeros_like(x), x) ** 2,
    derivative_formula=lambda xp, x: 2 * xp.where(x <= 0, xp.zeros_like(x), x),
    module="SquaredReLU",
)
SWISH = _record(
    "swish",
    value_formula=lambda xp, x, beta, shift: x / (1 + xp.exp(-beta * x)) + shift,
    derivative_formula=lambda xp, x, beta, shift: x,
    module="LearnedSwish",
    parameters=(
        Parameter(name="beta", default=1.0, meaning="sharpness", learned=True),
        Parameter(name="shift", default=0.0, meaning="added"),
    ),
)


def test_a_new_record_is_a_working_module() -> None:
    made = module_class(SQUARED)
    assert issubclass(made, Elementwise)
    assert repr(made()) == "SquaredReLU()"
    assert made()(torch.tensor([-1.0, 2.0])).tolist() == [0.0, 4.0]
    x = torch.tensor([-2.0, -0.5, 0.5, 3.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(made(), (x,))
    assert torch.autograd.gradgradcheck(made(), (x,))
    with pytest.raises(
        leaky.LeakyError, match="squared_relu: 1 parameters given, but it takes no parameters"
    ):
        made(1.0)


def test_learned_parameters_of_a_new_record_are_torch_parameters() -> None:
    made = module_class(SWISH)
    module = made(0.5, shift=2.0)
    assert repr(module) == "LearnedSwish(beta=0.5, shift=2)"
    assert list(module.state_dict()) == ["beta"]
    module(_input()).sum().backward()
    assert module.beta.grad is not None
    assert module.beta.grad.item() != 0
    per_channel = made(torch.tensor([0.5, 1.0, 2.0]))
    assert repr(per_channel) == "LearnedSwish(beta=tensor of shape (3,), shift=0)"
    per_channel(_input()).sum().backward()
    assert per_channel.beta.grad.shape == (3,)
    other = made(num_parameters=3)
    other.load_state_dict(per_channel.state_dict())
    assert torch.equal(other(_input()), per_channel(_input()))
    assert torch.equal(copy.deepcopy(per_channel)(_input()), per_channel(_input()))


def test_classes_are_found_where_they_were_always_pickled() -> None:
    for name, made in CLASSES.items():
        assert getattr(sys.modules["leaky.nn.modules"], name) is made
        assert made.__module__ == "leaky.nn.modules"
