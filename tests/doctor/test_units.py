"""Which dimension counts the units: planted ones are found wherever a network puts its features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import leaky

FAR = 1e3


class Net(nn.Module):
    """Ten units, the first of which is dead; `forward` is the case."""

    def __init__(self, forward: Callable[[Net, Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.weight, self.bias = nn.Parameter(torch.randn(10, 6)), nn.Parameter(torch.zeros(10))
        self.conv, self.linear = nn.Conv1d(6, 10, 3), nn.Linear(7, 7)
        self.embedding, self.norm = nn.Embedding(20, 10), nn.RMSNorm(10)
        self.wide = nn.Linear(6, 80)
        with torch.no_grad():
            self.bias[0] = self.conv.bias[0] = -FAR  # type: ignore[index]
            self.embedding.weight[:, 0] = -1.0
            self.wide.bias[:8] = -FAR
        self._case = forward

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self._case(self, x))


STEPS = torch.randn(4, 7, 6, generator=torch.Generator().manual_seed(1))
CASES: dict[str, tuple[Callable[[Net, Tensor], Tensor], Tensor]] = {
    "F.linear": (lambda net, x: F.linear(x, net.weight, net.bias), STEPS),
    "matrix product": (lambda net, x: torch.matmul(x, net.weight.T) + net.bias, STEPS),
    "addmm": (lambda net, x: torch.addmm(net.bias, x.view(-1, 6), net.weight.T).view(4, 7, 10), STEPS),
    "embedding": (lambda net, x: net.embedding(x), torch.arange(28).view(4, 7) % 20),
    "rms norm": (lambda net, x: net.norm(net.embedding(x)), torch.arange(28).view(4, 7) % 20),
    "convolution, transposed": (lambda net, x: net.conv(x.transpose(1, 2)).transpose(1, 2), STEPS),
    "F.conv1d": (
        lambda net, x: F.conv1d(net.linear(x.transpose(1, 2)), net.weight[..., None], net.bias),
        STEPS,
    ),
    "a vector made a sequence": (lambda net, x: net.wide(x[:, 0]).view(-1, 10, 8), STEPS),
}


@pytest.mark.parametrize("case", CASES)
def test_units_of_three_dims_are_where_the_features_are(case: str) -> None:
    forward, x = CASES[case]
    (site,) = leaky.diagnose(Net(forward), [x, x[:3]] if case != "addmm" else [x, x])
    assert (site.units, site.samples) == (10, 8 if case == "addmm" else 7)
    assert site.never_active.units == (0,)


def test_a_convolution_of_one_sample_without_a_batch() -> None:
    conv = nn.Conv2d(3, 5, 3)
    with torch.no_grad():
        conv.bias[1] = -FAR  # type: ignore[index]
    batches = [torch.randn(3, 6, 6) for _ in range(2)]
    site = leaky.diagnose(nn.Sequential(conv, nn.ReLU()), batches, loss=lambda y: y.sum())["1"]
    assert (site.units, site.samples, site.values) == (5, 2, 32)
    assert site.never_active.units == (1,)
    assert site.zero_gradient is not None
    assert site.zero_gradient.units == (1,)


@pytest.mark.parametrize("function", [torch.sigmoid, F.relu, lambda x: F.prelu(x, torch.tensor([0.2]))])
def test_a_vector_of_one_number_per_sample_is_one_unit(function: Any) -> None:
    class Scalar(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(6, 1)

        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = function(self.linear(x).squeeze(-1))
            return result

    torch.manual_seed(0)
    batches = [torch.randn(n, 6) for n in (8, 8, 3)]
    model = Scalar()
    (site,) = leaky.diagnose(model, batches, loss=lambda y: y.sum())
    above = torch.cat([model.linear(x) for x in batches]) > 0
    assert (site.units, site.samples, site.values, site.gradient_samples) == (1, 19, 19, 19)
    assert site.per_unit.positive[0] == pytest.approx(float(above.double().mean()))
    vector = leaky.diagnose(nn.Sequential(nn.Linear(6, 4), nn.ReLU()), [torch.randn(6)])["1"]
    assert (vector.units, vector.samples) == (4, 1)  # a sample without a batch


def test_below_the_kink_an_elu_is_no_line() -> None:
    x = torch.tensor([[-1.0, 1.0, -1.0], [-2.0, 2.0, 1.0]])
    for module, expected in ((nn.ELU(), (1,)), (nn.SELU(), (1,)), (nn.LeakyReLU(), (0, 1)), (nn.Tanh(), ())):
        assert leaky.diagnose(nn.Sequential(module), [x])["0"].one_sided.units == expected


def test_torchs_fast_path_of_transformers_is_measured_and_its_output_kept() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.TransformerEncoder(layer, 2).eval()
    with torch.no_grad():
        for block in model.layers:
            block.linear1.bias[3] = -FAR  # type: ignore[union-attr, operator]
        x = torch.randn(5, 7, 8)
        plain = model(x)
        with leaky.watch(model, every=1) as watch:
            watched = model(x)
    assert torch.equal(plain, watched)
    found = watch.diagnosis()
    assert found.names == ("layers.0.relu", "layers.1.relu")
    assert [site.samples for site in found] == [5, 5]
    assert all(3 in site.never_active.units for site in found)
