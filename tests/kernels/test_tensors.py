"""leaky's functions on torch's CPU tensors: NumPy's bits, the entry's derivative, the input alone kept."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import leaky  # noqa: E402
from leaky.kernels import native  # noqa: E402

pytestmark = pytest.mark.skipif(not native.available(), reason=f"no native kernels: {native.why_not()}")

NAMES = [name for name, entry in leaky.catalogue.items() if entry.elementwise]
SPECIAL = torch.tensor(
    [
        float("nan"),
        -0.0,
        0.0,
        float("inf"),
        -float("inf"),
        6,
        -3,
        3,
        1,
        -1,
        1e-30,
        -1e-30,
        90,
        -110,
        3e4,
        -3e4,
    ]
)


def _numbers(dtype: str, seed: int = 0) -> Any:
    drawn = torch.randn(5000, generator=torch.Generator().manual_seed(seed)) * 3
    return torch.cat([SPECIAL, drawn]).to(getattr(torch, dtype))


def _by_formula(name: str, x: Any, **parameters: Any) -> Any:
    return leaky.catalogue[name].value(x, **parameters)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_the_bits_of_numpy(name: str, dtype: str) -> None:
    x, function = _numbers(dtype), getattr(leaky, name)
    kept = x.clone()
    y = function(x)
    assert y.dtype == x.dtype
    if leaky.kernels.explain(name, x.numpy()).kernel == "native":
        assert y.numpy().tobytes() == function(x.numpy()).tobytes()
    assert torch.equal(x.nan_to_num(7), kept.nan_to_num(7))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_the_entrys_derivative(name: str, dtype: str) -> None:
    x = _numbers(dtype)[1:].requires_grad_()  # but for NaN
    grad = torch.full_like(x, 2)
    (found,) = torch.autograd.grad(getattr(leaky, name)(x), x, grad)
    wanted = leaky.catalogue[name].derivative(x.detach()) * 2
    bound = {"float16": 2e-3, "float32": 1e-5, "float64": 1e-12}[dtype]
    torch.testing.assert_close(found, wanted, rtol=bound, atol=1e-6 if name == "pade" else 1e-7)


@pytest.mark.parametrize(
    "name", ["leaky_relu", "squared_relu", "elu", "gelu", "mish", "softplus", "hardswish", "pade"]
)
def test_second_derivatives(name: str) -> None:
    x = torch.linspace(-3.3, 3.4, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(getattr(leaky, name), x)
    y = torch.linspace(-3.3, 3.4, 40, requires_grad=True)
    found, wanted = [], []
    for function, values in ((getattr(leaky, name), found), (lambda v: _by_formula(name, v), wanted)):
        (first,) = torch.autograd.grad(function(y).sum(), y, create_graph=True)
        values.append(first)
        if first.requires_grad:
            values += torch.autograd.grad(first.sum(), y)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_layouts() -> None:
    x = torch.randn(2, 3, 4, 5)
    for view in (
        x.contiguous(memory_format=torch.channels_last),
        x.permute(2, 0, 3, 1),
        x[:, ::2],
        x[:1, :, 1:2],
        x[0, 0, 0].expand(7, 5),
        x[:, :0],
        x[0, 0, 0, 0],
        x.to(torch.complex64).real,
    ):
        given = view.detach().requires_grad_()
        y = leaky.elu(given)
        torch.testing.assert_close(y, _by_formula("elu", view))
        assert y.shape == view.shape
        (grad,) = torch.autograd.grad(y.sum(), given)
        torch.testing.assert_close(grad, leaky.catalogue["elu"].derivative(view))
    assert leaky.elu(x.contiguous(memory_format=torch.channels_last)).stride() == (60, 1, 15, 3)


def test_keeps_the_input_alone() -> None:
    x = torch.randn(1000, requires_grad=True)
    kept: list[Any] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        leaky.gelu(x).sum().backward()
    assert [t.data_ptr() for t in kept] == [x.data_ptr()]
    assert torch.equal(x.grad, torch.autograd.grad(leaky.gelu(x).sum(), x)[0])


def test_an_input_written_over_is_seen() -> None:
    x = torch.randn(10, requires_grad=True) * 1
    y = leaky.gelu(x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_who_looks_inside_sees_the_formula() -> None:
    x = torch.randn(4, 3)
    torch.testing.assert_close(torch.func.vmap(leaky.mish)(x), leaky.mish(x))
    torch.testing.assert_close(
        torch.func.vmap(torch.func.grad(lambda v: leaky.mish(v).sum()))(x),
        leaky.catalogue["mish"].derivative(x),
    )
    _, tangent = torch.func.jvp(leaky.mish, (x,), (torch.ones_like(x),))
    torch.testing.assert_close(tangent, leaky.catalogue["mish"].derivative(x))
    given = x.clone().requires_grad_()
    several = torch.eye(12).reshape(12, 4, 3)
    (rows,) = torch.autograd.grad(leaky.mish(given), given, several, is_grads_batched=True)
    torch.testing.assert_close(rows.sum(0), leaky.catalogue["mish"].derivative(x))


class _Named(torch.Tensor):
    pass


def test_parameters_and_subclasses() -> None:
    weight = torch.nn.Parameter(torch.randn(5))
    assert type(leaky.elu(weight)) is torch.Tensor
    assert type(leaky.elu(weight.detach().as_subclass(_Named))) is _Named
    slope = torch.tensor(0.3, requires_grad=True)
    leaky.prelu(torch.tensor([-2.0]), slope).sum().backward()
    assert slope.grad == -2
    with torch.no_grad():
        assert not leaky.elu(weight).requires_grad


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
@pytest.mark.parametrize("name", ["elu", "selu", "celu", "tanh", "gelu", "sigmoid"])
def test_what_has_no_native_program_keeps_its_digits_on_the_left(name: str, dtype: str) -> None:
    x = torch.tensor([-20.0, -6.0, -0.5, 0.0, 3.0], dtype=getattr(torch, dtype), requires_grad=True)
    getattr(leaky, name)(x).sum().backward()
    truth = leaky.catalogue[name].derivative(x.detach().double())
    torch.testing.assert_close(x.grad.double(), truth, rtol=2 * torch.finfo(x.dtype).eps, atol=1e-30)


def test_nothing_is_said_when_a_graph_lives_until_the_end() -> None:
    code = "import torch, leaky; y = leaky.elu(torch.ones(3, requires_grad=True))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")


def test_what_serves_is_told() -> None:
    explain = leaky.kernels.explain
    assert str(explain("gelu", torch.ones(3))) == (
        "native: a CPU tensor of a supported dtype; keeps its input for backward"
    )
    assert (
        explain("gelu", torch.ones(3, dtype=torch.bfloat16)).reason
        == "dtype torch.bfloat16 has no native program"
    )
    assert explain("gelu", torch.ones(3, device="meta")).kernel == "formula"
    assert explain("gelu", torch.ones(3, dtype=torch.float64)).reason.startswith("NumPy in blocks")
    assert explain("relu", torch.ones(3)).kernel == "torch"
    half = torch.ones(3, dtype=torch.bfloat16)
    assert [explain(name, half).keeps for name in ("gelu", "hardshrink")] == [
        "its input",
        "what its operations in torch keep",
    ]
