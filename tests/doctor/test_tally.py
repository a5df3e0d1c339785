"""The sums of a site against the same written out in float64, for every activation, layout and special value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import leaky  # noqa: E402
from leaky.catalogue import TABLE  # noqa: E402

MODULES = [
    getattr(home, entry.module)
    for entry in TABLE.values()
    for home in (nn, leaky.nn)
    if entry.elementwise and hasattr(home, entry.module)
]
MORE = {
    "relu": lambda _: nn.ReLU(),
    "leaky": lambda _: nn.LeakyReLU(0.1),
    "steep": lambda _: nn.LeakyReLU(0.95),
    "turned": lambda _: nn.LeakyReLU(-0.5),
    "bits": lambda _: leaky.nn.LeakyReLU(0.1),
    "per channel": lambda units: nn.PReLU(units, 0.3),
    "tanh gelu": lambda _: nn.GELU("tanh"),
}
SHAPES = {
    "flat": (40, 6),
    "in eights": (300, 128),
    "not in eights": (300, 131),
    "picture": (10, 6, 8, 8),
    "channels last": (10, 6, 8, 8),
    "odd picture": (10, 6, 3, 5),
    "sequence": (9, 6, 7),
}


def data(shape: tuple[int, ...]) -> Tensor:
    """Unit 0 always below 0, unit 1 always above, unit 2 exactly 0, and zeros of both signs elsewhere."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    x[:, 0] = -x[:, 0].abs() - 0.1
    x[:, 1] = x[:, 1].abs() + 0.1
    x[:, 2] = 0.0
    x[:, 3:][x[:, 3:].abs() < 0.1] = 0.0
    x[0, 4] = -0.0
    return x


def units_of(x: Tensor) -> Any:
    """Units by samples by positions, in float64."""
    return (
        x.detach().double().movedim(1, 0).flatten(2).numpy()
        if x.dim() > 2
        else x.detach().double().T[..., None].numpy()
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", MORE)
def test_sums_are_those_written_out(name: str, shape: str) -> None:
    x = data(SHAPES[shape])
    if shape == "channels last":
        x = x.contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    units = x.shape[1]
    module = MORE[name](units)
    weight = torch.linspace(-1, 2, x.numel()).view(x.shape)
    weight[:, 3] *= 1e-30  # whose square is 0 in float32
    with leaky.watch(module, every=1) as watch:
        y = module(x)
        (y * weight).sum().backward()
        watch.step()
    (site,) = watch.diagnosis()
    found = site.per_unit
    one, two = units_of(x), units_of(y)
    over = (1, 2)
    np.testing.assert_array_equal(found.positive, (one > 0).mean(over))
    np.testing.assert_array_equal(found.negative, (one < 0).mean(over))
    np.testing.assert_array_equal(found.active, (one > 0).any(2).mean(1))
    np.testing.assert_allclose(found.input_mean, one.mean(over), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.mean, two.mean(over), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.magnitude, np.abs(two).mean(over), rtol=1e-5)
    np.testing.assert_allclose(found.scale, two.std(over), rtol=1e-4, atol=1e-7)
    assert x.grad is not None
    before = units_of(x.grad)
    norms = np.sqrt((before**2).mean(over))
    np.testing.assert_allclose(found.gradient_before, norms, rtol=1e-5, atol=1e-20)
    assert site.zero_gradient is not None
    assert site.zero_gradient.units == tuple(np.flatnonzero((before == 0).all(over)))
    with torch.enable_grad():
        slopes = torch.autograd.grad(module(x).sum(), x)[0]
    below, slope = one < 0, units_of(slopes)
    expected = [slope[u][below[u]].mean() if below[u].any() else np.nan for u in range(units)]
    np.testing.assert_allclose(found.slope, expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.flat, (np.abs(slope) < 1e-3).mean(over), rtol=1e-12)
    assert site.never_active.units == (0, 2)
    if name != "tanh gelu":
        assert site.one_sided.units == (0, 1, 2)


@pytest.mark.parametrize("module", MODULES, ids=lambda cls: f"{cls.__module__.split('.')[0]}.{cls.__name__}")
def test_every_activation_is_a_site(module: Any) -> None:
    """Outputs and gradients are the same with and without the watch, and what is counted is right."""
    torch.manual_seed(0)
    built = module()
    x = data((40, 6)).requires_grad_()
    results = []
    for watched in (False, True):
        torch.manual_seed(1)
        if watched:
            with leaky.watch(built, every=1) as watch:
                y = built(x)
                gradient = torch.autograd.grad(y.sum(), x)[0]
        else:
            y = built(x)
            gradient = torch.autograd.grad(y.sum(), x)[0]
        results.append((y, gradient))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))
    (site,) = watch.diagnosis()
    assert site.activation.partition("(")[0] in TABLE
    np.testing.assert_array_equal(site.per_unit.positive, (units_of(x) > 0).mean((1, 2)))
    np.testing.assert_allclose(
        site.per_unit.magnitude, np.abs(units_of(y)).mean((1, 2)), rtol=1e-5, atol=1e-7
    )
    np.testing.assert_allclose(
        site.per_unit.gradient_before, np.sqrt((units_of(gradient) ** 2).mean((1, 2))), rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize(
    ("call", "activation"),
    [
        (lambda x: F.silu(x, False), "silu(beta=1.0)"),
        (lambda x: F.gelu(x, approximate="tanh"), "gelu(approximate='tanh')"),
        (lambda x: F.rrelu(x, 0.1, 0.4, True), "rrelu(lower=0.1, upper=0.4, form='multiply')"),
        (lambda x: F.hardsigmoid(x, False), "hardsigmoid(slope=0.16666666666666666, offset=0.5)"),
        (lambda x: F.softplus(x, 2.0), "softplus(beta=2.0, threshold=20.0)"),
        (lambda x: F.leaky_relu(x, negative_slope=0.2), "leaky_relu(negative_slope=0.2)"),
        (lambda x: F.prelu(x, torch.full((6,), 0.5)), "prelu(negative_slope=0.5)"),
    ],
)
def test_arguments_of_calls_are_read(call: Any, activation: str) -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = call(x)
            return result

    model = Net()
    with leaky.watch(model, every=1) as watch:
        model(data((40, 6)))
    assert [site.activation for site in watch.diagnosis()] == [activation]
