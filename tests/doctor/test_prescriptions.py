"""What the doctor prescribes runs as it is written, and mends what was measured."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import leaky  # noqa: E402

BATCH = torch.randn(400, 4, generator=torch.Generator().manual_seed(0))


class Block(nn.Module):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.layer = nn.Linear(4, units)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.relu(self.layer(x))


class Net(nn.Module):
    """A reused module, a function in a block, and one that stays healthy."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.act = nn.Linear(4, 4), nn.ReLU()
        self.second, self.block, self.last = nn.Linear(4, 4), Block(16), nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.block(self.act(self.second(self.act(self.first(x)))) + x))


def loss(output: torch.Tensor) -> torch.Tensor:
    return output.square().mean()


def follow(verdict: Any, **names: Any) -> None:
    for call in verdict.calls:
        eval(call, {"leaky": leaky, **names})


@pytest.mark.parametrize("place", ["second", "block.layer"])
def test_swap_gives_dead_units_a_gradient_at_the_site_that_was_named(place: str) -> None:
    torch.manual_seed(0)
    model = Net()
    with torch.no_grad():
        for layer in (model.first, model.second, model.block.layer):
            layer.bias.fill_(1.0)  # alive, whatever was drawn
        model.get_submodule(place).bias[:3] = -10
    before = leaky.diagnose(model, [BATCH], loss=loss)
    verdict = next(verdict for verdict in before.verdicts if verdict.kind == "dying")
    (name,) = verdict.sites
    assert name == {"second": "act:2", "block.layer": "block.relu"}[place]
    assert set(before[name].zero_gradient.units) >= {0, 1, 2}
    follow(verdict, model=model)
    after = leaky.diagnose(model, [BATCH], loss=loss)
    *_, site = (site for site in after if site.name.startswith(name.partition(".")[0].partition(":")[0]))
    assert site.activation == "leaky_relu(negative_slope=0.1)"
    assert site.zero_gradient.units == ()
    assert not any(verdict.kind in ("dying", "dead_layer") for verdict in after.verdicts)


def deep(activation: type[nn.Module], layers: int = 8, width: int = 32) -> nn.Sequential:
    torch.manual_seed(0)
    body = [part for _ in range(layers) for part in (nn.Linear(width, width), activation())]
    return nn.Sequential(nn.Linear(4, width), nn.Tanh(), *body, nn.Linear(width, 2))


def test_initialise_holds_the_scale_through_depth() -> None:
    model = deep(nn.ReLU)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_uniform_(layer.weight, a=5**0.5)
            nn.init.zeros_(layer.bias)
    found = {verdict.kind: verdict for verdict in leaky.diagnose(model, [BATCH], loss=loss).verdicts}
    assert found["vanishing"].evidence[0].value == pytest.approx(
        1 / 6**0.5, rel=0.15
    )  # the gain of a = sqrt(5)
    follow(found["vanishing"], model=model)
    assert "vanishing" not in {verdict.kind for verdict in leaky.diagnose(model, [BATCH], loss=loss).verdicts}


def test_recycle_takes_the_call_as_it_stands() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    with torch.no_grad():
        model[0].weight[:6] *= 1e-3
        model[0].bias[:6] = 0
    optimizer = torch.optim.Adam(model.parameters())
    diagnosis = leaky.diagnose(model, [BATCH])
    verdict = next(verdict for verdict in diagnosis.verdicts if verdict.kind == "dormant")
    follow(verdict, model=model, optimizer=optimizer, diagnosis=diagnosis)
    assert "dormant" not in {verdict.kind for verdict in leaky.diagnose(model, [BATCH]).verdicts}


def test_narrow_deep_networks_are_born_dead_as_often_as_told() -> None:
    """Lu et al. 2020: ten layers of width 2; the bound that the verdict gives holds, and most draws are dead."""
    x = torch.linspace(-1, 1, 400)[:, None]
    dead, draws = 0, 12
    for seed in range(draws):
        torch.manual_seed(seed)
        parts: list[nn.Module] = [nn.Linear(1, 2), nn.ReLU()]
        for _ in range(9):
            parts += [nn.Linear(2, 2), nn.ReLU()]
        model = nn.Sequential(*parts, nn.Linear(2, 1))
        leaky.initialise_(model, "he")
        found = {verdict.kind: verdict for verdict in leaky.diagnose(model, [x]).verdicts}
        if "dead_layer" in found:
            dead += 1
            assert "in up to 94 % of the draws" in found["dead_layer"].text
    assert 0.5 < dead / draws <= 1.0
