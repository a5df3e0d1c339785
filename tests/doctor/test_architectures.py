"""What well-known networks are told: fresh ones that are in order nothing to change, broken ones their fault."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import leaky  # noqa: E402


class DenseLayer(nn.Module):
    """Norm, ReLU and convolution twice, on all that came before (Huang et al. 2017)."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, 4 * growth, 1, bias=False)
        self.norm2, self.conv2 = (
            nn.BatchNorm2d(4 * growth),
            nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
        )
        self.relu1, self.relu2 = nn.ReLU(inplace=True), nn.ReLU(inplace=True)

    def forward(self, seen: list[Tensor]) -> Tensor:
        x = self.conv1(self.relu1(self.norm1(torch.cat(seen, 1))))
        return self.conv2(self.relu2(self.norm2(x)))


class DenseBlock(nn.Module):
    def __init__(self, layers: int, inputs: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DenseLayer(inputs + i * growth, growth) for i in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        seen = [x]
        for layer in self.layers:
            seen.append(layer(seen))
        return torch.cat(seen, 1)


class DenseNet(nn.Module):
    def __init__(self, blocks: tuple[int, ...], growth: int, width: int) -> None:
        super().__init__()
        parts = [
            nn.Conv2d(3, width, 7, 2, 3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        ]
        for place, layers in enumerate(blocks):
            parts.append(DenseBlock(layers, width, growth))
            width += layers * growth
            if place < len(blocks) - 1:
                parts += [nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width // 2, 1, bias=False)]
                parts.append(nn.AvgPool2d(2, 2))
                width //= 2
        self.features, self.head = nn.Sequential(*parts, nn.BatchNorm2d(width)), nn.Linear(width, 10)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.adaptive_avg_pool2d(F.relu(self.features(x)), 1).flatten(1))


class SqueezeBlock(nn.Module):
    """A residual block whose channels are weighed by a gate (Hu et al. 2018)."""

    def __init__(self, channels: int, gate: type[nn.Module]) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2))
        self.norm1, self.norm2, self.relu = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels), nn.ReLU()
        self.down, self.up, self.gate = nn.Conv2d(channels, 8, 1), nn.Conv2d(8, channels, 1), gate()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        weight = self.gate(self.up(F.relu(self.down(F.adaptive_avg_pool2d(y, 1)))))
        return self.relu(x + y * weight)


def squeeze_net(gate: type[nn.Module]) -> nn.Module:
    stem = [nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU()]
    blocks = [SqueezeBlock(32, gate) for _ in range(4)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


def told(model: nn.Module, size: int, batches: int = 1) -> leaky.doctor.Diagnosis:
    random = torch.Generator().manual_seed(0)
    data = []
    for _ in range(batches):
        x = torch.randn(32, 3, size, size, generator=random) + 2 * torch.randn(32, 3, 1, 1, generator=random)
        data.append((x, torch.randint(10, (32,), generator=random)))
    return leaky.diagnose(model, data, loss=F.cross_entropy)


@pytest.mark.parametrize(
    ("blocks", "growth", "width"), [((20,), 16, 4), ((6, 6), 8, 8)], ids=["one long block", "two"]
)
def test_a_fresh_densenet_is_not_said_to_explode(blocks: tuple[int, ...], growth: int, width: int) -> None:
    torch.manual_seed(0)
    found = told(DenseNet(blocks, growth, width), 32).verdicts
    assert not [str(verdict) for verdict in found if verdict.severity in ("fault", "warning")]


@pytest.mark.parametrize("gate", [nn.Sigmoid, nn.Hardsigmoid])
def test_fresh_gates_are_not_prescribed_anything(gate: type[nn.Module]) -> None:
    torch.manual_seed(0)
    found = told(squeeze_net(gate), 16, batches=10).verdicts
    linear = [verdict for verdict in found if verdict.kind == "linear"]
    (straight,) = (verdict for verdict in linear if any(site.endswith(".gate") for site in verdict.sites))
    assert (straight.severity, straight.calls) == ("note", ())
    assert "a gate lies there where the model is not yet sure" in straight.text
    assert not [verdict for verdict in linear if verdict.prescription]


@pytest.mark.parametrize(
    ("slope", "kind", "severity"),
    [
        (64, "steep", "fault"),
        (1.5, "steep", "warning"),
        (1.0, "linear", "fault"),
        (1.05, "linear", "warning"),
    ],
)
def test_a_slope_of_1_and_above_is_told_with_what_was_measured(
    slope: float, kind: str, severity: str
) -> None:
    """As in published code: LeakyReLU(channels), LeakyReLU(True)."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 64, 3), nn.LeakyReLU(slope), nn.Conv2d(64, 8, 3), nn.LeakyReLU(0.1)]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))
    diagnosis = told(model, 12, batches=10)
    (verdict,) = (verdict for verdict in diagnosis.verdicts if verdict.kind in ("steep", "linear"))
    assert (verdict.kind, verdict.severity, verdict.sites) == (kind, severity, ("1",))
    assert verdict.evidence[0].value == pytest.approx(slope, rel=1e-6)
    assert f"an effective slope of {slope:g}" in verdict.text
    assert "healthy" not in {each.kind for each in diagnosis.verdicts}
    (call,) = verdict.calls
    eval(call, {"leaky": leaky, "model": model})
    assert not {"steep", "linear"} & {each.kind for each in told(model, 12, batches=10).verdicts}
