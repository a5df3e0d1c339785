"""What the literature and earlier measurements say of dying units, seen through the doctor."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import leaky  # noqa: E402


@pytest.mark.parametrize("width", [16, 64, 256])
def test_inputs_between_0_and_1_leave_units_dead_at_initialisation_and_centred_ones_do_not(
    width: int,
) -> None:
    generator = torch.Generator().manual_seed(width)
    between, centred = 0, 0
    for _ in range(4):
        model = nn.Sequential(nn.Linear(width, 512, bias=False), nn.ReLU(), nn.Linear(512, 1))
        leaky.initialise_(model, "he", generator=generator)
        x = torch.rand(2000, width, generator=generator)
        between += len(leaky.diagnose(model, x.split(500))["1"].never_active)
        centred += len(leaky.diagnose(model, (x - 0.5).split(500))["1"].never_active)
    assert 0.018 < between / 2048 < 0.042
    assert centred == 0


def test_a_deep_plain_network_at_a_high_rate_loses_units_with_relu_and_not_with_leaky_relu() -> None:
    shares = {}
    for activation in ("relu", "leaky_relu(negative_slope=0.1)"):
        generator = torch.Generator().manual_seed(0)
        x = torch.rand(512, 16, generator=generator)
        y = (4 * x[:, :4].sum(1)).long() % 4
        layers: list[nn.Module] = [nn.Linear(16, 32), leaky.nn.activation(activation)]
        for _ in range(7):
            layers += [nn.Linear(32, 32), leaky.nn.activation(activation)]
        model = nn.Sequential(*layers, nn.Linear(32, 4))
        leaky.initialise_(model, "he", generator=generator)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        for _ in range(5):
            for batch in torch.randperm(512, generator=generator).split(64):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
                optimizer.step()
        diagnosis = leaky.diagnose(model, [(x, y)], loss=nn.functional.cross_entropy)
        found = [len(site.zero_gradient) for site in diagnosis]
        shares[activation] = sum(found) / (8 * 32)
    assert shares["relu"] > 0.3
    assert shares["leaky_relu(negative_slope=0.1)"] == 0
