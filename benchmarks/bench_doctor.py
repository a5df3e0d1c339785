"""What the doctor costs a training step: at every step, and at the default cadence.

    python benchmarks/bench_doctor.py [--network cnn ...] [--rounds 15]

Per network, three loops of the same 20 steps (zero_grad, forward, loss, backward, SGD with momentum) take turns:
without the doctor, watched at the default cadence (one step of 20 is measured), and watched at every step. Before
anything is timed, a watched and an unwatched training must agree in every bit. The goals: 1.02 at the default
cadence, 1.10 at every step.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

import leaky
import measure
from measure import Row, WrongResultError, against, quoted

STEPS = 20
GOALS = {"without": None, "every=20": 1.02, "every=1": 1.10}


class Block(nn.Module):
    """Two 3x3 convolutions and a way around them (He et al. 2016)."""

    def __init__(self, channels: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2))
        self.norm_first, self.norm_second = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.act = activation()

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.norm_first(self.first(x)))
        return self.act(x + self.norm_second(self.second(y)))


def resnet(activation: Callable[[], nn.Module], channels: int = 64) -> nn.Module:
    blocks = [Block(channels, activation) for _ in range(3)]
    stem = [nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), activation()]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def mlp(activation: Callable[[], nn.Module], width: int = 1024) -> nn.Module:
    hidden = [layer for _ in range(3) for layer in (nn.Linear(width, width), activation())]
    return nn.Sequential(nn.Linear(784, width), activation(), *hidden, nn.Linear(width, 10))


@dataclass(frozen=True)
class Network:
    """A network, and the shape of a batch."""

    title: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]


LEAKY = partial(leaky.nn.LeakyReLU, 0.1)
NETWORKS = {
    "cnn": Network("ResNet-like CNN, ReLU, 16x3x32x32", partial(resnet, nn.ReLU), (16, 3, 32, 32)),
    "cnn_leaky": Network("the same, leaky.nn.LeakyReLU", partial(resnet, LEAKY), (16, 3, 32, 32)),
    "mlp": Network("MLP 784-1024x4-10, ReLU, batch 128", partial(mlp, nn.ReLU), (128, 784)),
    "mlp_leaky": Network("the same, leaky.nn.LeakyReLU", partial(mlp, LEAKY), (128, 784)),
    "mlp_elu": Network("the same, ELU", partial(mlp, nn.ELU), (128, 784)),
}


class Training:
    """One model that trains on, with or without the doctor."""

    def __init__(
        self, model: nn.Module, shape: tuple[int, ...], every: int | None, optimizer: torch.optim.Optimizer
    ) -> None:
        generator = torch.Generator().manual_seed(1)
        self.model = model.train()
        self.x = torch.randn(shape, generator=generator)
        self.target = torch.randint(10, (shape[0],), generator=generator)
        self.optimizer = optimizer
        self.watch = None if every is None else leaky.watch(model, every=every)

    def steps(self) -> None:
        for _ in range(STEPS):
            self.optimizer.zero_grad()
            nn.functional.cross_entropy(self.model(self.x), self.target).backward()
            self.optimizer.step()
            if self.watch is not None:
                self.watch.step()


def trainings_of(model: nn.Module, shape: tuple[int, ...], *, shared: bool) -> dict[str, Training]:
    """The same training three times; `shared`: of the same parameters, whose place in memory costs time too."""
    made: dict[str, Training] = {}
    first = copy.deepcopy(model)
    optimizer = torch.optim.SGD(first.parameters(), lr=1e-3, momentum=0.9)
    for label, every in (("without", None), ("every=20", 20), ("every=1", 1)):
        other = copy.deepcopy(model)
        if shared:
            for own, one in zip(other.modules(), first.modules(), strict=True):
                own._parameters.update(one._parameters)
        else:
            optimizer = torch.optim.SGD(other.parameters(), lr=1e-3, momentum=0.9)
        made[label] = Training(other, shape, every, optimizer)
    return made


def rows_of(name: str, rounds: int) -> list[Row]:
    network = NETWORKS[name]
    torch.manual_seed(0)
    model = network.build()
    trainings = trainings_of(model, network.shape, shared=True)

    def check() -> None:
        apart = list(trainings_of(model, network.shape, shared=False).values())
        for training in apart:
            training.steps()
        states = [training.model.state_dict().values() for training in apart]
        if not all(torch.equal(a, b) and torch.equal(a, c) for a, b, c in zip(*states, strict=True)):
            raise WrongResultError(f"{name}: training is another with the doctor")

    timings = measure.interleaved(
        {label: training.steps for label, training in trainings.items()}, check=check, rounds=rounds, warmup=1
    )
    return measure.timing_rows(timings, "without", network=name, title=network.title, steps=STEPS)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", action="append", choices=NETWORKS)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    measure.print_machine()
    rows = [row for name in options.network or NETWORKS for row in rows_of(name, options.rounds)]
    measure.print_table(
        f"{STEPS} steps of training, and the ratio to training without the doctor [20th, 80th percentile]",
        [
            (str(row["title"]), str(row["candidate"]), quoted(row, "ms", "{:.0f}"), quoted(row, "ratio", "{:.3f}"),
             against(float(str(row["ratio"])), GOALS[str(row["candidate"])]))
            for row in rows
        ],
        ("network", "doctor", "ms", "ratio", "goal"),
    )  # fmt: skip
    measure.keep("bench_doctor", rows)


if __name__ == "__main__":
    main()
