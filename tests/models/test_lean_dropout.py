"""`lean` on dropout: the same draws, so the same losses to the bit; one bit per element kept instead of a number."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import leaky
from leaky.kernels.select import why_not_native
from leaky.models import saved_bytes

needs_native = pytest.mark.skipif(
    why_not_native(torch.empty(2**20)) is not None, reason="other kernels keep more than is counted here"
)


class Called(nn.Module):
    """Dropout as a call, in one of its spellings."""

    def __init__(self, spelling: str) -> None:
        super().__init__()
        self.first, self.last, self.spelling = nn.Linear(16, 64), nn.Linear(64, 2), spelling

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        match self.spelling:
            case "F":
                y = F.dropout(y, 0.2, self.training)
            case "F in place":
                y = F.dropout(y, 0.2, training=self.training, inplace=True)
            case "torch":
                y = torch.dropout(y, 0.2, self.training)
        return self.last(y)  # type: ignore[no-any-return]


MODELS: dict[str, Any] = {
    "module": lambda: nn.Sequential(nn.Linear(16, 64), nn.Dropout(0.2), nn.Linear(64, 2)),
    "module in place": lambda: nn.Sequential(nn.Linear(16, 64), nn.Dropout(0.2, True), nn.Linear(64, 2)),
    "F": lambda: Called("F"),
    "F in place": lambda: Called("F in place"),
    "torch": lambda: Called("torch"),
}


def made(make: Any) -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = make()
    return model


def inputs() -> Tensor:
    return torch.randn(2048, 16, generator=torch.Generator().manual_seed(1))


def losses(model: nn.Module, steps: int = 4) -> list[float]:
    torch.manual_seed(5)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    found = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(inputs()) - 1).square().mean()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


@needs_native
@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("with_example", [True, False], ids=["example", "no example"])
def test_same_losses_fewer_bytes_and_undone(make: Any, with_example: bool) -> None:
    plain, x = made(make), inputs()
    model = copy.deepcopy(plain)
    before = saved_bytes(lambda: model(x), model)
    report = leaky.lean(model, x if with_example else None)
    assert [site.became for site in report.changed] == ["one bit per element"], report
    assert saved_bytes(lambda: model(x), model) < before - 3 * 2048 * 64
    assert losses(model) == losses(copy.deepcopy(plain))
    assert torch.equal(model.eval()(x), model(x))
    leaky.unlean(model.train())
    assert saved_bytes(lambda: model(x), model) == before


def test_a_dropout_of_nothing_is_no_site_and_in_evaluation_nothing_is_kept() -> None:
    model = nn.Sequential(nn.Linear(16, 64), nn.Dropout(0.0), nn.ReLU6(), nn.Dropout(0.2), nn.Linear(64, 2))
    assert {site.name for site in leaky.lean(model, dry_run=True).sites} == {"2", "3"}
    (left,) = leaky.lean(model.eval(), inputs()).left
    assert (left.name, left.reason) == ("3", "on the example it keeps nothing")


@needs_native
def test_a_transformer_layer() -> None:
    plain = made(lambda: nn.TransformerEncoderLayer(32, 4, 128, batch_first=True))
    x = torch.randn(16, 128, 32)
    model = copy.deepcopy(plain)
    report = leaky.lean(model, x)
    assert {site.name for site in report.changed} == {"", "dropout", "dropout1", "dropout2"}
    results = []
    for each in (model, plain):
        torch.manual_seed(2)
        each.zero_grad()
        y = each(x)
        y.square().mean().backward()
        results.append([y.detach(), *(p.grad for p in each.parameters())])
    for ours, theirs in zip(*results, strict=True):
        assert torch.equal(ours, theirs)
