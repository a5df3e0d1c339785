"""One pass: planted units are found, and nothing else; numbers agree with hooks written out by hand."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import leaky
from leaky.errors import ArgumentError, ArgumentTypeError
from leaky.records import Found

from .networks import ConvNet, Functional, Residual, Reused, by_hand, mlp, transformer


def data(*shape: int, count: int = 3, seed: int = 1) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=generator) for _ in range(count)]


def squared(output: Tensor, *rest: Any) -> Tensor:
    return output.square().mean()


@pytest.mark.parametrize(
    "activation", [nn.ReLU, lambda: nn.LeakyReLU(0.1), leaky.nn.ReLU, lambda: leaky.nn.LeakyReLU(0.1)]
)
def test_planted_units_of_an_mlp_are_found_under_each_definition(activation: Any) -> None:
    model = mlp(activation)
    rectified = isinstance(model[1], nn.ReLU)
    site = leaky.diagnose(model, data(64, 6), loss=squared)["1"]
    assert (site.units, site.samples, site.values) == (8, 192, 192)
    assert site.never_active == Found((0,), 192)
    assert site.rarely_active.units == (0,)
    assert site.dormant.units == ((0, 2) if rectified else (2,))
    assert site.dormant_at[0.0] == ((0,) if rectified else ())
    assert site.zero_gradient is not None
    assert site.zero_gradient.units == ((0,) if rectified else ())
    assert site.one_sided.units == (0, 1)
    assert site.per_unit.slope[0] == pytest.approx(0.0 if rectified else 0.1)
    assert math.isnan(site.per_unit.slope[1])
    assert site.per_unit.reach[1] == pytest.approx(1.0)


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_planted_channels_of_a_convolution_are_found(inplace: bool, layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    model = ConvNet(inplace).to(memory_format=layout)
    batches = [x.to(memory_format=layout) for x in data(5, 3, 8, 8)]
    site = leaky.diagnose(model, batches, loss=squared)["act"]
    assert (site.units, site.samples, site.values) == (8, 15, 15 * 64)
    assert site.never_active.units == site.dormant_at[0.0] == site.zero_gradient.units == (0,)
    assert site.dormant.units == (0, 2)
    assert site.one_sided.units == (0, 1)


def test_rarely_active_is_judged_by_samples() -> None:
    model = nn.Sequential(nn.Identity(), nn.ReLU())
    x = torch.full((400, 3, 4, 4), -1.0)
    x[:3, 0, 0, 0] = 1.0  # in 3 of 400 samples
    x[:, 1, 0, 0] = 1.0  # in every sample, at 1 of 16 positions
    site = leaky.diagnose(model, [x[:100], x[100:]])["1"]
    assert site.rarely_active.units == (0, 2)
    assert site.never_active.units == (2,)
    assert site.per_unit.positive.tolist() == [3 / 6400, 1 / 16, 0.0]


def test_a_reused_activation_is_counted_per_call() -> None:
    torch.manual_seed(0)
    diagnosis = leaky.diagnose(Reused(inplace=True), data(32, 4))
    assert diagnosis.names == ("act", "act:2")
    assert diagnosis["act"].never_active.units == (0, 1)
    assert diagnosis["act:2"].never_active.units == (2,)
    assert [site.call for site in diagnosis] == [1, 2]


def test_a_residual_networks_functions_are_named_by_their_module() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), Residual())
    diagnosis = leaky.diagnose(model, data(4, 3, 8, 8), loss=squared)
    assert diagnosis.names == ("1.relu", "1.relu:2")
    first, second = diagnosis
    assert first.never_active.units == first.zero_gradient.units == (1,)
    assert second.never_active.units == second.zero_gradient.units == ()


def test_a_transformer_block_has_features_last() -> None:
    site = leaky.diagnose(transformer(), data(4, 7, 8), loss=squared)["relu"]
    assert (site.units, site.samples, site.values) == (16, 12, 84)
    assert site.never_active.units == (0,)
    assert site.one_sided.units == (0, 1)
    assert site.dormant.units == (0, 2)
    assert site.zero_gradient.units == (0,)


def test_every_way_to_call_a_function_is_seen() -> None:
    torch.manual_seed(0)
    diagnosis = leaky.diagnose(Functional(), data(16, 4))
    assert diagnosis.names == (
        "block.act",
        "block.act:2",
        "leaky_relu",
        "relu",
        "tanh",
        "relu:2",
        "sigmoid",
        "elu",
    )
    assert [site.activation for site in diagnosis][2:] == [
        "leaky_relu(negative_slope=0.2)",
        "relu",
        "tanh",
        "relu",
        "sigmoid",
        "elu(alpha=0.5)",
    ]


@pytest.mark.parametrize(
    "activation", [nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.Softplus, nn.Sigmoid, nn.Tanh]
)
def test_agreement_with_hooks_written_out_by_hand(activation: Any) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 6, 3), activation(), nn.Flatten(), nn.Linear(216, 2))
    batches = data(5, 3, 8, 8)
    truth = by_hand(model[1], model, batches, unit=1)
    site = leaky.diagnose(model, batches)["1"]
    for name in ("positive", "negative", "input_mean", "mean", "magnitude", "scale", "dormancy"):
        np.testing.assert_allclose(
            getattr(site.per_unit, name), truth[name], rtol=1e-5, atol=1e-7, err_msg=name
        )
    shares = truth["singular"] / truth["singular"].sum()
    assert site.layer.effective_rank == pytest.approx(float((-(shares * shares.log()).sum()).exp()), rel=1e-6)


@pytest.mark.parametrize("activation", [nn.LeakyReLU, nn.ELU, nn.Softplus, nn.Tanh, lambda: nn.PReLU(4, 0.3)])
def test_slopes_gradients_and_reach_agree_with_autograd(activation: Any) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), activation(), nn.Linear(4, 2))
    x = torch.randn(200, 3) * 8
    before = model[0](x).detach().requires_grad_()
    after = model[1](before)
    gradient, through = torch.autograd.grad(model[2](after).square().mean(), [after, before])
    slope = (through / gradient).detach()
    site = leaky.diagnose(model, [x], loss=squared)["1"]
    expected = [slope[before[:, unit] < 0, unit].mean().item() for unit in range(4)]
    np.testing.assert_allclose(site.per_unit.slope, expected, rtol=1e-3)
    np.testing.assert_allclose(site.per_unit.flat, (slope.abs() < 1e-3).double().mean(0), atol=0.006)
    np.testing.assert_allclose(site.per_unit.gradient_before, through.square().mean(0).sqrt(), rtol=1e-5)
    np.testing.assert_allclose(site.per_unit.gradient_after, gradient.square().mean(0).sqrt(), rtol=1e-5)
    assert site.layer.reach == pytest.approx(float(through.norm() / gradient.norm()), rel=1e-5)
    assert site.layer.gradient_norm == pytest.approx(float(through.norm()), rel=1e-5)


def test_the_gradient_of_a_unit_is_not_that_of_the_skip_around_it() -> None:
    class PreActivation(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.inner, self.act = nn.Linear(3, 4), nn.Linear(4, 4), nn.ReLU()
            nn.init.constant_(self.stem.bias, -1e3)

        def forward(self, x: Tensor) -> Tensor:
            x = self.stem(x)
            return x + self.inner(self.act(x))

    site = leaky.diagnose(PreActivation(), data(8, 3), loss=squared)["act"]
    assert site.zero_gradient is not None
    assert site.zero_gradient.units == (0, 1, 2, 3)


def test_batches_are_streamed() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 6, 3), leaky.nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(216, 2)).eval()
    (x,) = data(24, 3, 8, 8, count=1)
    whole = leaky.diagnose(model, [x])["1"]
    parts = leaky.diagnose(model, x.split([1, 7, 16]))["1"]
    for name in ("positive", "negative", "active"):
        assert np.array_equal(getattr(whole.per_unit, name), getattr(parts.per_unit, name))
    assert whole.layer.effective_rank == pytest.approx(parts.layer.effective_rank, rel=1e-9)
    np.testing.assert_allclose(whole.per_unit.mean, parts.per_unit.mean, rtol=1e-6)
    assert whole.histogram is not None
    assert parts.histogram is not None
    assert np.array_equal(whole.histogram.counts, parts.histogram.counts)
    assert whole.histogram.counts.sum() == 24 * 6 * 36
    assert (whole.never_active, whole.dormant, whole.one_sided) == (
        parts.never_active,
        parts.dormant,
        parts.one_sided,
    )


def test_saturation_of_bounded_activations() -> None:
    x = torch.tensor([[-10.0, 0.0, 10.0]]).T.repeat(1, 2)
    for module, saturated in ((nn.Sigmoid(), 2 / 3), (nn.Tanh(), 2 / 3), (nn.ELU(), math.nan)):
        site = leaky.diagnose(nn.Sequential(module), [x])["0"]
        assert site.layer.saturated == pytest.approx(saturated, nan_ok=True)


def test_elements_that_are_never_active() -> None:
    x = torch.ones(4, 2, 3)
    x[:, 1, 2] = -1
    site = leaky.diagnose(nn.Sequential(nn.ReLU()), [x], elements=True)["0"]
    assert site.elements_never_active is not None
    assert np.argwhere(site.elements_never_active).tolist() == [[1, 2]]


def test_nan_is_recorded() -> None:
    model = nn.Sequential(nn.ReLU())
    site = leaky.diagnose(model, [torch.tensor([[math.nan, 1.0, -1.0], [2.0, -math.inf, -3.0]])])["0"]
    assert site.per_unit.nan.tolist() == [0.5, 0.0, 0.0]
    assert site.per_unit.positive.tolist() == [0.5, 0.5, 0.0]
    assert site.one_sided.units == (2,)
    json.dumps(site.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    "spec", ["relu", "leaky_relu(negative_slope=0.1)", "leaky_relu(negative_slope=-0.5)", "elu"]
)
@pytest.mark.parametrize("training", [True, False])
def test_norm_and_activation_in_one(spec: str, training: bool) -> None:
    torch.manual_seed(0)
    fused = nn.Sequential(nn.Conv2d(3, 6, 3), leaky.nn.BatchNormAct2d(6, activation=spec), nn.Conv2d(6, 1, 3))
    fused[1].bias.data[0], fused[1].bias.data[1] = -1e3, 1e3
    apart = nn.Sequential(fused[0], nn.BatchNorm2d(6), leaky.nn.activation(spec), fused[2])
    apart[1].load_state_dict(fused[1].state_dict())
    batches = data(4, 3, 16, 16)
    one = leaky.diagnose(fused.train(training), batches, loss=squared)["1"]
    two = leaky.diagnose(apart.train(training), batches, loss=squared)["2"]
    assert (one.activation, one.never_active, one.one_sided) == (
        two.activation,
        two.never_active,
        two.one_sided,
    )
    np.testing.assert_allclose(one.per_unit.positive, two.per_unit.positive, atol=1e-3)
    np.testing.assert_allclose(one.per_unit.input_mean, two.per_unit.input_mean, rtol=1e-3, atol=1e-3)
    if spec in ("relu", "leaky_relu(negative_slope=0.1)"):
        np.testing.assert_allclose(one.per_unit.reach, two.per_unit.reach, rtol=1e-3)


def test_a_lean_model_has_the_same_sites_and_measures() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.LeakyReLU(0.1), nn.Conv2d(8, 8, 3)
            )
            self.norm, self.head = nn.BatchNorm2d(8), nn.Conv2d(8, 2, 1)
            nn.init.constant_(self.norm.bias, -1e3)

        def forward(self, x: Tensor) -> Tensor:
            x = nn.functional.leaky_relu(self.norm(self.body(x)), 0.2)
            return self.head(nn.functional.relu(x * 2))

    torch.manual_seed(0)
    model, batches = Net(), data(4, 3, 24, 24)
    plain = leaky.diagnose(model, batches, loss=squared)
    report = leaky.lean(model, batches[0])
    assert any("+" in site.name for site in report.sites)
    lean = leaky.diagnose(model, batches, loss=squared)
    assert lean.names == plain.names == ("body.2", "leaky_relu", "relu")
    for one, two in zip(plain, lean, strict=True):
        assert (one.activation, one.never_active, one.zero_gradient) == (
            two.activation,
            two.never_active,
            two.zero_gradient,
        )
        np.testing.assert_allclose(one.per_unit.positive, two.per_unit.positive, atol=1e-3)
        np.testing.assert_allclose(one.per_unit.input_mean, two.per_unit.input_mean, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(one.per_unit.reach, two.per_unit.reach, rtol=1e-3)


def test_batches_may_be_dicts_tuples_or_what_forward_reads() -> None:
    model, (x,) = mlp(), data(8, 6, count=1)
    target = torch.zeros(8, dtype=torch.long)
    cases: list[tuple[Any, dict[str, Any]]] = [
        ([{"x": x, "y": target}], {"loss": nn.CrossEntropyLoss()}),
        ([(x, target)], {"loss": nn.CrossEntropyLoss()}),
        ([("name", x)], {"forward": lambda model, batch: model(batch[1])}),
        (x, {}),
    ]
    for batches, options in cases:
        assert leaky.diagnose(model, batches, **options)["1"].never_active.units == (0,)


def test_the_model_is_left_as_it_was() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 3))
    model(torch.randn(4, 6)).sum().backward()
    model[1].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    attributes = [dict(vars(module)) for module in model.modules()]
    random = torch.get_rng_state()
    leaky.diagnose(model, data(16, 6), loss=squared)
    with pytest.raises(ArgumentError):
        leaky.diagnose(model, [torch.ones(3, 5)], loss=squared)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(torch.equal(g, p.grad) for g, p in zip(gradients, model.parameters(), strict=True))
    assert [set(vars(module)) for module in model.modules()] == [set(a) for a in attributes]
    assert not model[1].training
    assert torch.equal(random, torch.get_rng_state())


def test_json_names_the_units_under_each_definition() -> None:
    site = json.loads(json.dumps(leaky.diagnose(mlp(), data(64, 6)).to_json(), allow_nan=False))["sites"][0]
    assert (site["name"], site["units"]) == ("1", 8)
    assert (site["never_active"], site["rarely_active"], site["dormant"]) == ([0], [0], [0, 2])
    assert (site["zero_gradient"], site["one_sided"]) == (None, [0, 1])
    assert site["judged_on"]["never_active"] == 192


@pytest.mark.parametrize(
    ("model", "batches", "options", "kind", "words"),
    [
        (mlp(), [], {}, ArgumentError, "diagnose: `batches` is empty; give at least one batch"),
        (
            mlp(),
            [torch.ones(2, 5)],
            {},
            ArgumentError,
            r"batch 0 of `batches` \(of shape \(2, 5\)\) does not go through",
        ),
        (mlp(), 3, {}, ArgumentTypeError, "`batches` must be an iterable of batches, got int"),
        (nn.Linear(2, 2), [torch.ones(1, 2)], {}, ArgumentError, "`model` called no activation"),
        ("model", [], {}, ArgumentTypeError, "`model` must be a torch.nn.Module, got str"),
        (
            nn.Sequential(nn.LazyLinear(2), nn.ReLU()),
            [torch.ones(1, 2)],
            {},
            ArgumentError,
            "has no values yet",
        ),
        (mlp(), data(2, 6), {"loss": lambda y: y}, ArgumentError, "`loss` failed on batch 0"),
        (
            mlp(),
            data(2, 6),
            {"loss": lambda y: 1.0},
            ArgumentError,
            "`loss` must return a tensor with a gradient",
        ),
    ],
)
def test_errors_are_one_clear_line(model: Any, batches: Any, options: Any, kind: Any, words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        leaky.diagnose(model, batches, **options)
    assert "\n" not in str(caught.value)
