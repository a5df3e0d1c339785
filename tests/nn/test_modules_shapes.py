"""Modules that draw, work along axes or look at their surroundings, against what their papers say."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from every_module import normal  # noqa: E402

from leaky import nn as lnn  # noqa: E402
from leaky.errors import ArgumentError, ArgumentTypeError  # noqa: E402
from leaky.nn import init  # noqa: E402

MANY = 200_000


def test_noise_has_mean_0_and_the_sigmoid_for_variance() -> None:
    torch.manual_seed(0)
    for at in (4.0, 8.0):  # so far right that next to nothing is cut off
        y = lnn.NoisyReLU()(torch.full((MANY,), at))
        variance = 1 / (1 + math.exp(-at))
        assert y.mean().item() == pytest.approx(at, abs=5 * math.sqrt(variance / MANY))
        assert y.var().item() == pytest.approx(variance, rel=5 * math.sqrt(2 / MANY))


def test_noise_is_held_fixed_in_the_gradient() -> None:
    torch.manual_seed(0)
    x = torch.zeros(MANY, requires_grad=True)
    y = lnn.NoisyReLU()(x)
    y.sum().backward()
    assert torch.equal(x.grad, (y > 0).float())
    assert x.grad.mean().item() == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(MANY))
    generator = torch.get_rng_state()
    lnn.NoisyReLU().eval()(x)
    assert torch.equal(torch.get_rng_state(), generator)


@pytest.mark.parametrize(
    ("form", "mean", "evaluated"), [("multiply", 11 / 48, 11 / 48), ("divide", math.log(8 / 3) / 5, 2 / 11)]
)
def test_slopes_of_a_randomized_relu(form: str, mean: float, evaluated: float) -> None:
    torch.manual_seed(0)
    module = lnn.RReLU(form=form)
    x = -torch.ones(MANY, dtype=torch.float64)
    slopes = -module(x)
    assert 1 / 8 <= slopes.min() < 0.13
    assert 0.32 < slopes.max() <= 1 / 3
    assert slopes.mean().item() == pytest.approx(mean, abs=5 * slopes.std().item() / math.sqrt(MANY))
    if form == "divide":  # it is the divisor that is uniform
        assert (1 / slopes).mean().item() == pytest.approx(5.5, abs=0.02)
        assert (1 / slopes).var().item() == pytest.approx(25 / 12, rel=0.02)
    assert -module.eval()(x)[0].item() == pytest.approx(evaluated)


def test_the_gradient_of_a_drawn_slope_is_that_slope() -> None:
    x = normal((100,), torch.float64).requires_grad_()
    y = lnn.RReLU(form="divide")(x)
    y.sum().backward()
    assert torch.allclose(x.grad, y.detach() / x.detach())
    within = lnn.RReLU(form="divide", inplace=True)
    z = x * 1
    assert within(z) is z


def test_concatenation_and_groups() -> None:
    x = torch.tensor([[-1.0, 2.0, 3.0, -4.0]], requires_grad=True)
    assert lnn.CReLU()(x).tolist() == [[0, 2, 3, 0, 1, 0, 0, 4]]
    assert lnn.Maxout()(x).tolist() == [[2, 3]]
    assert lnn.Maxout(4)(x).tolist() == [[3]]
    lnn.Maxout()(torch.tensor([[1.0, 1.0]]).requires_grad_()).sum().backward()
    tied = torch.ones(1, 2, requires_grad=True)
    lnn.Maxout()(tied).sum().backward()
    assert tied.grad.tolist() == [[0.5, 0.5]]


def test_an_average_bias_is_part_of_the_gradient() -> None:
    x = normal((2, 3, 2), torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lnn.AverageBiasedReLU(), (x,))
    module = lnn.AverageBiasedReLU()
    assert torch.allclose(module(x), (x - x.mean((1, 2), keepdim=True)).clamp(min=0))
    module(x).sum().backward()
    share = (x > x.mean((1, 2), keepdim=True)).double()
    assert torch.allclose(x.grad, share - share.mean((1, 2), keepdim=True))


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("num_lines", [1, 2, 3])
def test_a_dynamic_relu_starts_as_relu_and_learns(shared: bool, num_lines: int) -> None:
    torch.manual_seed(0)
    module = lnn.DynamicReLU(64, num_lines=num_lines, shared=shared)
    x = normal((3, 64, 4, 5))
    wanted = x if num_lines == 1 else x.clamp(min=0)
    assert torch.equal(module(x), wanted)
    rate = torch.optim.SGD(module.parameters(), lr=0.1)
    for _ in range(2):  # the first step opens the way to the first layer
        module(x).square().mean().backward()
        rate.step()
    assert all(bool(p.grad.abs().sum() > 0) for p in module.parameters())
    assert module.squeeze.out_features == 8
    assert module.excite.out_features == 2 * num_lines * (1 if shared else 64)


def test_a_dynamic_relu_is_the_papers_maximum_of_lines() -> None:
    torch.manual_seed(1)
    module = lnn.DynamicReLU(4, reduction=2).double()
    torch.nn.init.normal_(module.excite.weight)
    x = normal((2, 4, 3, 3), torch.float64)
    hidden = torch.relu(module.squeeze(x.mean((2, 3))))
    theta = (2 * torch.sigmoid(module.excite(hidden)) - 1).reshape(2, 4, 2, 2)
    for n in range(2):
        for c in range(4):
            (a1, a2), (b1, b2) = theta[n, c]
            wanted = torch.maximum((1 + a1) * x[n, c] + b1 / 2, a2 * x[n, c] + b2 / 2)
            assert torch.allclose(module(x)[n, c], wanted)
    x.requires_grad_()
    assert torch.autograd.gradcheck(module, (x,))


def test_a_funnel_relu_is_the_papers_maximum() -> None:
    torch.manual_seed(1)
    module = lnn.FunnelReLU(3).double()
    x = normal((4, 3, 6, 5), torch.float64)
    window = torch.nn.functional.conv2d(x, module.conv.weight, padding=1, groups=3)
    mean = window.mean((0, 2, 3), keepdim=True)
    var = window.var((0, 2, 3), keepdim=True, unbiased=False)
    assert torch.allclose(module(x), torch.maximum(x, (window - mean) / (var + 1e-5).sqrt()))
    assert module.conv.weight.shape == (3, 1, 3, 3)
    assert lnn.FunnelReLU(512).conv.weight.std().item() == pytest.approx(1 / 3, rel=0.05)
    assert torch.autograd.gradcheck(module, (x[:2, :, :3, :3].clone().requires_grad_(),))


def test_gains_of_those_with_weights_hold_where_they_start() -> None:
    torch.manual_seed(2)
    x = torch.randn(16, 64, 12, 12)
    for name in ("dynamic_relu", "funnel_relu"):
        second = lnn.activation(name, num_channels=64)(x).square().mean().item()
        assert 1 / math.sqrt(second) == pytest.approx(init.gain(name), rel=0.03)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lnn.DynamicReLU(0), ArgumentError, "dynamic_relu: `num_channels` must be an integer of at least 1, got 0"),  # noqa: E501
        (lambda: lnn.DynamicReLU(4.0), ArgumentTypeError, "dynamic_relu: `num_channels` must be an integer, got 4.0"),
        (lambda: lnn.FunnelReLU(4, 2), ArgumentError, "funnel_relu: `kernel_size` must be odd, or the window has no centre, got 2"),  # noqa: E501
        (
            lambda: lnn.FunnelReLU(4)(torch.zeros(2, 4, 3)),
            ArgumentError,
            "funnel_relu: the input must have shape (N, C, H, W) with C = num_channels = 4, got (2, 4, 3)",
        ),
        (
            lambda: lnn.DynamicReLU(4)(torch.zeros(2, 3, 5, 5)),
            ArgumentError,
            "dynamic_relu: the input must have shape (N, C, H, W) with C = num_channels = 4, got (2, 3, 5, 5)",
        ),
        (
            lambda: lnn.Maxout(3)(torch.zeros(2, 4)),
            ArgumentError,
            "maxout: `num_pieces` must divide the length of `x` along dim=1, 4, got 3; "
            "neighbouring channels are a group",
        ),
        (lambda: lnn.RReLU(0.0, 0.3, form="divide"), ArgumentError, "rrelu: `lower` must be above 0 where form='divide', got 0"),  # noqa: E501
        (lambda: lnn.RReLU(form="paper"), ArgumentError, "rrelu: `form` must be 'multiply' or 'divide', got 'paper'"),
        (lambda: lnn.Hardsigmoid(slope=-1), ArgumentError, "hardsigmoid: `slope` must be finite and above 0, got -1"),
        (lambda: lnn.SiLU(beta=math.nan), ArgumentError, "silu: `beta` must be finite, got nan"),
        (lambda: lnn.ClippedReLU(0), ArgumentError, "clipped_relu: `ceiling` must be finite and above 0, got 0"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()


@pytest.mark.parametrize(
    ("name", "arguments", "wanted"),
    [
        ("DisplacedReLU", {"delta": 0.5}, [-0.5, -0.5, 2.0, 30.0]),
        ("ShiftedReLU", {}, [-1.0, -1.0, 2.0, 30.0]),
        ("ClippedReLU", {"ceiling": 2.5}, [0.0, 0.0, 2.0, 2.5]),
        ("ThresholdedReLU", {"threshold": 2.5}, [0.0, 0.0, 0.0, 30.0]),
        ("VeryLeakyReLU", {}, [-1.0, -1 / 3, 2.0, 30.0]),
        ("SquaredReLU", {}, [0.0, 0.0, 4.0, 900.0]),
        ("FlexibleReLU", {"bias": 0.5}, [0.5, 0.5, 2.5, 30.5]),
        ("NoisyReLU", {}, [0.0, 0.0, 2.0, 30.0]),
        ("CReLU", {}, [0.0, 0.0, 2.0, 30.0, 3.0, 1.0, 0.0, 0.0]),
        ("Maxout", {}, [-1.0, 30.0]),
        ("RReLU", {"form": "divide"}, [-6 / 11, -2 / 11, 2.0, 30.0]),
        ("Hardsigmoid", {"slope": 0.2}, [0.0, 0.3, 0.9, 1.0]),
        ("SiLU", {"beta": 2.0}, [-0.0074179, -0.1192029, 1.9640276, 30.0]),
    ],
)
def test_integers_become_the_default_float(name: str, arguments: dict[str, Any], wanted: list[float]) -> None:
    module = getattr(lnn, name)(**arguments)
    result = module.eval()(torch.tensor([[-3, -1, 2, 30]]))
    assert result.dtype == torch.float32
    assert result.flatten().tolist() == pytest.approx(wanted, rel=1e-5)
    assert module.train()(torch.tensor([[-3, -1, 2, 30]])).dtype == torch.float32


@pytest.mark.parametrize(
    "module",
    [
        lnn.SiLU(True, beta=2.0),
        lnn.Hardsigmoid(True, slope=0.2),
        lnn.RReLU(inplace=True, form="divide").train(),
    ],
    ids=lambda module: type(module).__name__,
)
def test_in_place_integers_are_refused_and_kept(module: Any) -> None:
    x = torch.tensor([-3, 2])
    message = f"{module.entry.name}: in place, the input must be floating-point, got torch.int64; "
    message += "leave out inplace=True"
    with pytest.raises(ArgumentTypeError, match=f"^{re.escape(message)}$"):
        module(x)
    assert x.tolist() == [-3, 2]


@pytest.mark.parametrize("shape", [(0, 4), (2, 4, 0), (0, 6, 3)], ids=str)
def test_maxout_of_nothing_has_its_shape(shape: tuple[int, ...]) -> None:
    assert lnn.Maxout()(torch.zeros(shape)).shape == (shape[0], shape[1] // 2, *shape[2:])


def test_a_hardsigmoid_prints_what_it_was_given() -> None:
    assert repr(lnn.Hardsigmoid(True)) == repr(torch.nn.Hardsigmoid(True))
    assert repr(lnn.Hardsigmoid(True, slope=0.2)) == "Hardsigmoid(inplace=True, slope=0.2, offset=0.5)"


def test_numbers_of_numpy_count_channels() -> None:
    made = lnn.DynamicReLU(np.int64(4)), lnn.FunnelReLU(np.int32(4), np.int8(3))
    assert [(module.num_channels, type(module.num_channels)) for module in made] == [(4, int)] * 2
    assert lnn.FlexibleReLU(num_parameters=np.int64(4)).bias.shape == (4,)
