"""A script: agreement with torchlens, which keeps every tensor of a forward pass. Run by test_torchlens.py."""

from __future__ import annotations

import torch
import torchlens
from torch import Tensor, nn
from torch.nn import functional as F

import leaky


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.second = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 6, 3)
        self.act, self.hidden, self.head = nn.ReLU(), nn.Linear(6, 12), nn.Linear(12, 2)
        with torch.no_grad():
            self.norm.bias[2] = -100.0  # dead
            self.norm.weight[3] = 1e-5  # dormant

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.norm(self.first(x)))
        x = F.leaky_relu(self.second(x), 0.1).mean((2, 3))
        return self.head(self.act(self.hidden(x)))


def agree(layout: torch.memory_format) -> None:
    """Statistics per unit are those of what torchlens keeps."""
    torch.manual_seed(0)
    model = Net().eval()
    batches = [torch.randn(5, 3, 10, 10).contiguous(memory_format=layout) for _ in range(3)]
    diagnosis = leaky.diagnose(model, batches)
    kept: dict[str, list[tuple[Tensor, Tensor]]] = {}
    for batch in batches:
        trace = torchlens.trace(model, batch)
        found = [op for op in trace.ops if op.func_name in ("relu", "leaky_relu")]
        assert len(found) == 3
        for op, name in zip(found, ("act", "leaky_relu", "act:2"), strict=True):
            (parent,) = op.parents
            kept.setdefault(name, []).append((trace[parent].out, op.out))
    assert diagnosis.names == ("act", "leaky_relu", "act:2")
    for name, pairs in kept.items():
        x, h = (
            torch.cat([t.detach().movedim(1, -1).flatten(0, -2) for t in side]).double()
            for side in zip(*pairs, strict=True)
        )
        site = diagnosis[name]
        assert (site.units, site.values) == (x.shape[1], x.shape[0])
        of_unit = site.per_unit
        for measured, expected in (
            (of_unit.positive, (x > 0).double().mean(0)),
            (of_unit.negative, (x < 0).double().mean(0)),
            (of_unit.input_mean, x.mean(0)),
            (of_unit.mean, h.mean(0)),
            (of_unit.magnitude, h.abs().mean(0)),
            (of_unit.dormancy, h.abs().mean(0) / h.abs().mean()),
            (of_unit.scale, h.var(0, correction=0).sqrt()),
        ):
            torch.testing.assert_close(torch.from_numpy(measured), expected, rtol=1e-4, atol=1e-6)
        assert site.never_active.units == tuple((x <= 0).all(0).nonzero().flatten().tolist())
        dormant = (h.abs().mean(0) <= 0.025 * h.abs().mean()).nonzero().flatten().tolist()
        assert site.dormant.units == tuple(dormant)
    assert diagnosis["act"].never_active.units == (2,)
    assert set(diagnosis["act"].dormant.units) >= {2, 3}


if __name__ == "__main__":
    agree(torch.contiguous_format)
    agree(torch.channels_last)
    print("agreed")
