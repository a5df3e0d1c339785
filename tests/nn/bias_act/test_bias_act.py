"""bias_act: values and gradients against float64 on every path, what is kept, what is refused."""

from __future__ import annotations

import math
import pickle
from functools import partial
from typing import Any

import pytest
import torch
from bias_act_truth import ALL, CURVES, LINES, truth
from twins import DTYPES, every_kernel, needs_native, normal, same_bits, serve, special

import leaky
from leaky.errors import ArgumentError, ArgumentTypeError, KernelError
from leaky.models.memory import saved_bytes
from leaky.nn.functional import bias_act

LEAKY = "leaky_relu(negative_slope=0.2)"
SHAPES = [((4, 3, 5, 7), 1), ((5, 6, 9), -1), ((2, 3, 40, 31), 1), ((9, 11), 1), ((13,), 0), ((3, 4, 5), 0)]


def both(
    x: torch.Tensor, bias: torch.Tensor | None, grad: torch.Tensor, **more: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    leaf = x.detach().requires_grad_()
    own = None if bias is None else bias.detach().requires_grad_()
    y = bias_act(leaf, own, **more)
    found = torch.autograd.grad(y, [leaf] if own is None else [leaf, own], grad)
    return y.detach(), found[0], None if own is None else found[1]


def near(found: torch.Tensor, wanted: torch.Tensor, units: float) -> None:
    """Within units of the dtype's eps of the largest number; one subnormal number is nothing."""
    assert found.shape == wanted.shape
    allowed = units * torch.finfo(found.dtype).eps * (1 + wanted.abs().max().item()) if wanted.numel() else 0
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=allowed, equal_nan=True)


@every_kernel
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", ALL, ids=str)
@pytest.mark.parametrize("clamp", [None, 0.9])
def test_against_float64(
    kernel: str, dtype: torch.dtype, name: str, clamp: float | None, monkeypatch: Any
) -> None:
    serve(kernel, monkeypatch)
    if kernel == "triton" and name in CURVES:
        with pytest.raises(
            KernelError, match=r"^LEAKY_KERNELS=triton: bias_act with .* has no kernel in Triton; "
        ):
            bias_act(normal(64, 64, dtype=dtype), activation=name, gain=1.4, clamp=clamp)
        return
    for (shape, dim), with_bias in zip(SHAPES, (True, True, True, False, True, True), strict=True):
        x, grad = normal(*shape, dtype=dtype), normal(*shape, seed=1, dtype=dtype)
        bias = normal(shape[dim], seed=2, dtype=dtype) if with_bias else None
        more: dict[str, Any] = {"gain": 1.4, "clamp": clamp, "dim": dim}
        y, grad_x, grad_bias = both(x, bias, grad, activation=name, **more)
        wanted = truth(name, x, bias, grad, **more)
        near(y, wanted[0], 4)
        near(grad_x, wanted[1], 6)
        if grad_bias is not None and wanted[2] is not None:
            assert grad_bias.dtype == dtype
            near(grad_bias, wanted[2], 16)
        with torch.no_grad():
            assert same_bits(bias_act(x, bias, activation=name, **more), y)


@needs_native
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", LINES, ids=str)
def test_every_path_gives_the_same_bits(dtype: torch.dtype, name: str, monkeypatch: Any) -> None:
    """Native, torch's operations by autograd, and the same compiled, at special numbers and around the clamp."""
    for clamp in (None, 0.7, 256.0):
        x = torch.cat([special(dtype), normal(3 * 29 - len(special(dtype)), dtype=dtype) * 300])
        x = torch.cat([x, torch.tensor([-256.0, 256.0, 0.0], dtype=dtype)]).view(-1, 3)
        bias, grad = torch.tensor([0.0, -0.0, 0.0], dtype=dtype), normal(*x.shape, seed=1, dtype=dtype)
        results = []
        for kernel in ("native", "plain", "compiled"):
            serve("plain" if kernel == "plain" else None, monkeypatch)
            function: Any = bias_act
            if kernel == "compiled":
                torch.compiler.reset()
                function = torch.compile(bias_act, fullgraph=True, backend="aot_eager")
            leaf = x.clone().requires_grad_()
            y = function(leaf, bias, activation=name, gain=1.0, clamp=clamp)
            results.append(
                (y.detach(), torch.autograd.grad(y, leaf, grad)[0] + 0.0)
            )  # -0 and 0 are one gradient
        for y, grad_x in results[1:]:
            assert same_bits(y, results[0][0])
            assert same_bits(grad_x, results[0][1])


@every_kernel
@pytest.mark.parametrize("clamp", [None, 2.0])
def test_zeros_infinities_and_nan(kernel: str, clamp: float | None, monkeypatch: Any) -> None:
    serve(kernel, monkeypatch)
    x = torch.tensor([[math.nan, math.inf, -math.inf, 0.0, -0.0]])
    limit = math.inf if clamp is None else clamp
    for name, low, slope, at_nan in (
        ("relu", 0.0, 0.0, 1.0),
        (LEAKY, -limit, 0.2, 0.2),
        (None, -limit, 1.0, 1.0),
    ):
        y, grad, _ = both(x, None, torch.ones_like(x), activation=name, gain=3.0, clamp=clamp)
        reached = 0.0 if clamp else 3.0
        held = 3.0 * slope if clamp is None or low == 0 else 0.0
        assert same_bits(y[0, :4], torch.tensor([math.nan, limit, low, 0.0]))
        torch.testing.assert_close(grad[0], torch.tensor([3 * at_nan, reached, held, 3 * slope, 3 * slope]))
        assert y[0, 4] == 0
    y, grad, _ = both(x, None, torch.ones_like(x), activation="leaky_relu(negative_slope=0)", clamp=clamp)
    assert torch.equal(y[0, 2:], torch.zeros(3))
    assert y[0, 0].isnan()


@every_kernel
@pytest.mark.parametrize("name", ["relu", LEAKY, None, "silu", "hardtanh"])
def test_the_gradient_is_0_where_the_clamp_is_reached(
    kernel: str, name: str | None, monkeypatch: Any
) -> None:
    serve(kernel, monkeypatch)
    curve = ALL[name]
    x = torch.tensor([[5.0, 0.5, -5.0]])
    clamp = float(curve(torch.tensor([0.5]))[0])  # reached at 0.5, to the last bit
    if name == "silu":
        clamp = float(bias_act(torch.tensor([0.5]), activation="silu"))
    infinite = torch.full_like(x, math.inf)
    y, grad, _ = both(x, None, infinite, activation=name, clamp=clamp)
    assert y[0, 0] == y[0, 1] == clamp
    assert grad[0, 0] == grad[0, 1] == 0
    y, grad, _ = both(x - 1e-3, None, torch.ones_like(x), activation=name, clamp=clamp)
    assert grad[0, 1] != 0


@pytest.mark.parametrize("name", [LEAKY, "relu", "elu"])
@pytest.mark.parametrize("kernel", ["native", "plain"])
def test_layouts(name: str, kernel: str, monkeypatch: Any) -> None:
    serve(None if kernel == "native" else "plain", monkeypatch)
    base = normal(4, 6, 8, 10)
    bias = normal(6, seed=3)
    inputs = {
        "channels_last": base.contiguous(memory_format=torch.channels_last),
        "permuted": base.permute(2, 1, 0, 3),
        "strided": normal(4, 6, 16, 10)[:, :, ::2],
        "expanded": normal(1, 6, 8, 1).expand(4, 6, 8, 10),
        "3d": normal(2, 6, 3, 4, 5).contiguous(memory_format=torch.channels_last_3d),
        "empty": normal(0, 6, 4),
        "no space": normal(3, 6, 0),
        "a view of others' memory": normal(9, 6, 8, 10)[3:5],
    }
    for label, x in inputs.items():
        for grad in (
            normal(*x.shape, seed=1),
            torch.ones(()).expand(x.shape),
            normal(*x.shape[::-1]).permute(*range(x.dim())[::-1]),
        ):
            y, grad_x, grad_bias = both(x, bias, grad, activation=name, clamp=1.5)
            wanted = truth(name, x, bias, grad, clamp=1.5)
            near(y, wanted[0], 4)
            near(grad_x, wanted[1], 4)
            assert grad_bias is not None
            assert wanted[2] is not None
            near(grad_bias, wanted[2], 16)
        if label in ("channels_last", "permuted", "3d") and (kernel == "native" or name != "elu"):
            assert y.stride() == x.stride(), label
    number = torch.tensor(-2.0, requires_grad=True)
    bias_act(number, activation=LEAKY, gain=2.0).backward()
    torch.testing.assert_close(number.grad, torch.tensor(0.4))


@needs_native
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_what_is_kept_for_backward(dtype: torch.dtype) -> None:
    x = normal(2, 8, 32, 32, dtype=dtype).requires_grad_()
    bias = normal(8, seed=1, dtype=dtype).requires_grad_()
    count = x.numel()
    for name, clamp, wanted in (
        (None, None, 0),
        (None, 1.0, count // 8),
        ("relu", None, count // 8),
        ("relu", 1.0, count // 8),
        (LEAKY, None, count // 8),
        (LEAKY, 1.0, count // 4),
        ("elu", 1.0, x.nbytes + bias.nbytes),
    ):
        assert saved_bytes(partial(bias_act, x, bias, activation=name, clamp=clamp)) == wanted, name


def test_a_float32_bias_beside_half_precision() -> None:
    for dtype in (torch.bfloat16, torch.float16):
        x, bias, grad = (
            normal(4, 6, 33, dtype=dtype),
            normal(6, seed=1),
            normal(4, 6, 33, seed=2, dtype=dtype),
        )
        y, grad_x, grad_bias = both(x, bias, grad, activation=LEAKY)
        assert (y.dtype, grad_x.dtype) == (dtype, dtype)
        assert grad_bias is not None
        assert grad_bias.dtype == torch.float32
        wanted = truth(LEAKY, x, bias, grad)
        assert same_bits(y, wanted[0].to(dtype))  # added in float32, rounded once
        assert wanted[2] is not None
        near(grad_bias, wanted[2], 4)


def test_a_bias_alone_learns() -> None:
    for name in (LEAKY, None, "elu"):
        x, bias = normal(4, 6, 33), normal(6, seed=1).requires_grad_()
        bias_act(x, bias, activation=name).sum().backward()
        wanted = truth(name, x, bias, torch.ones_like(x))[2]
        assert wanted is not None
        assert bias.grad is not None
        near(bias.grad, wanted, 16)


def test_the_module_is_the_function() -> None:
    layer = leaky.nn.BiasAct(6, activation=LEAKY, gain=1.4, clamp=2.0)
    assert list(layer.state_dict()) == ["bias"]
    torch.nn.init.normal_(layer.bias)
    x = normal(4, 6, 33)
    for made in (layer, pickle.loads(pickle.dumps(layer))):
        assert torch.equal(made(x), bias_act(x, layer.bias, activation=LEAKY, gain=1.4, clamp=2.0))
    assert repr(layer) == "BiasAct(6, activation=leaky_relu(negative_slope=0.2), gain=1.4, clamp=2)"
    assert repr(leaky.nn.BiasAct(3, dim=-1)) == "BiasAct(3, activation=None, dim=-1)"
    with pytest.raises(ArgumentError, match=r"^BiasAct: `num_features` must be at least 1, .* got 0$"):
        leaky.nn.BiasAct(0)
    with pytest.raises(ArgumentTypeError, match=r"^BiasAct: `num_features` must be an integer, got 2\.5; "):
        leaky.nn.BiasAct(2.5)  # type: ignore[arg-type]


X = torch.ones(2, 3)
REFUSED: list[tuple[Any, dict[str, Any], str]] = [
    (X, {"gain": math.nan}, "`gain` must be finite, got nan"),
    (X, {"gain": "2"}, "`gain` must be a number, got '2'"),
    (X, {"gain": torch.ones(3)}, r"`gain` must be a number, got tensor\(.*\); multiply the result by it"),
    (X, {"clamp": 0}, "`clamp` must be finite and above 0, got 0; None clamps nothing"),
    (X, {"clamp": -1.0}, "`clamp` must be finite and above 0, got -1; None"),
    (X, {"clamp": math.inf}, "`clamp` must be finite and above 0, got inf; None"),
    (X, {"bias": torch.ones(2)}, r"`bias` must have shape \(3,\), as dimension 1 of x, \(2, 3\), got \(2,\)"),
    (X, {"bias": torch.ones(1, 3)}, r"`bias` must have shape \(3,\), .* got \(1, 3\)"),
    (
        X,
        {"bias": torch.ones(3), "dim": 2},
        r"`dim` must be a dimension of x, \(2, 3\), got 2; give one from -2 to 1",
    ),
    (X, {"bias": torch.ones(3), "dim": 1.0}, "`dim` must be an integer, got 1.0"),
    (torch.ones(()), {"bias": torch.ones(1)}, r"`dim` must be a dimension of x, \(\), got 1; add a bias"),
    (
        X,
        {"bias": torch.ones(3).double()},
        "`bias` must be of float32 or x's dtype, torch.float32, got torch.float64",
    ),
    (X, {"bias": 1.0}, "`bias` must be a tensor or None, got 1.0"),
    (X, {"bias": torch.ones(3, device="meta")}, "`bias` must be on x's device, cpu, got meta; move it there"),
    (X.int(), {}, "`x` must be a tensor of float32, float64, bfloat16 or float16, got torch.int32"),
    ([1.0], {}, r"`x` must be a tensor of .*, got \[1.0\]"),
    (
        X,
        {"activation": "prelu"},
        "`activation` must not learn, got prelu.*; add the bias and call leaky.nn.PReLU",
    ),
    (X, {"activation": "rrelu"}, "`activation` must be one function, got rrelu.*, which differs in training"),
    (X, {"activation": "crelu"}, "`activation` must work element by element, got crelu"),
    (X, {"activation": ["relu"]}, r"`activation` must be a spec such as 'relu', got \['relu'\]"),
]


@pytest.mark.parametrize(("x", "more", "words"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_is_refused(x: Any, more: dict[str, Any], words: str) -> None:
    with pytest.raises((ArgumentError, ArgumentTypeError), match=f"^bias_act: {words}"):
        bias_act(x, **more)


def test_numbers_of_other_kinds_are_numbers() -> None:
    import numpy as np

    assert torch.equal(bias_act(X, gain=np.float32(2), clamp=3), 2 * X)
    assert torch.equal(bias_act(X, activation=leaky.parse("relu"), gain=2), 2 * X)


def test_curves_are_all_curves() -> None:
    """Who is served by bits is told by the catalogue's facts."""
    from leaky.nn.bias_act.plan import plan_of

    assert all(plan_of(name, 1.0, None).kind is not None for name in LINES)
    assert all(plan_of(name, 1.0, None).kind is None for name in CURVES)


@every_kernel
def test_a_slope_is_0_where_the_precision_makes_it_0(kernel: str, monkeypatch: Any) -> None:
    """1e-46 is a slope in float64, and 0, a ReLU's, where float32 is computed in."""
    serve(kernel, monkeypatch)
    spec, given = "leaky_relu(negative_slope=1e-46)", [-3.0, 2.0, 0.0, -math.inf, math.nan]
    for dtype in DTYPES:
        x = torch.tensor(given, dtype=dtype, requires_grad=True)
        y = bias_act(x, activation=spec)
        (grad,) = torch.autograd.grad(y, x, torch.ones_like(x))
        wide = dtype == torch.float64
        wanted = [-3e-46, 2.0, 0.0, -math.inf, math.nan] if wide else [0.0, 2.0, 0.0, 0.0, math.nan]
        steep = [1e-46, 1.0, 1e-46, 1e-46, 1e-46] if wide else [0.0, 1.0, 0.0, 0.0, 1.0]
        torch.testing.assert_close(y, torch.tensor(wanted, dtype=dtype), rtol=1e-15, atol=0.0, equal_nan=True)
        torch.testing.assert_close(grad, torch.tensor(steep, dtype=dtype), rtol=1e-15, atol=0.0)


@pytest.mark.parametrize("which", ["x", "bias"])
def test_a_bias_or_input_changed_before_backward(which: str) -> None:
    """Curves keep both and say so; two lines keep neither."""
    for spec, keeps in (("silu", True), ("relu", False)):
        x, bias = normal(4, 3), normal(3, seed=1)
        leaf, own = x.clone().requires_grad_(), bias.clone().requires_grad_()
        given = {"x": leaf * 1, "bias": own * 1}
        y = bias_act(given["x"], given["bias"], activation=spec)
        given[which].detach().add_(1)
        if keeps:
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                y.sum().backward()
        else:
            y.sum().backward()
            assert leaf.grad is not None
            assert torch.equal(leaf.grad, ((x + bias) > 0).float())
