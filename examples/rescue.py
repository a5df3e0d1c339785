"""A ReLU network dies while it trains; the doctor says what happened, and following it saves the network.

    python examples/rescue.py [--plot rescue.png]

Eight hidden layers of 32 units learn scikit-learn's scanned digits with Adam at a learning rate that is too high, and
most units die. A lower rate then trains what is left; with the prescription followed as well (leaky ReLUs, dormant
units started anew) the same weights go on to a network that is as good as one that never died.
"""

from __future__ import annotations

import argparse
import copy
import itertools
from collections.abc import Callable
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

import leaky
from leaky.doctor import verdicts

FAST, SLOW = 0.05, 0.01
BEFORE, AFTER = 10, 20


def data() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pixels in 0..1 and labels, for training and for validation."""
    pixels, labels = load_digits(return_X_y=True)
    parts = train_test_split(pixels / 16, labels, test_size=0.25, random_state=0, stratify=labels)
    x, x_validation, y, y_validation = (torch.tensor(part) for part in parts)
    return x.float(), y, x_validation.float(), y_validation


def build() -> nn.Sequential:
    """A deep, narrow network with He's initialisation."""
    torch.manual_seed(1)
    widths = [64, *[32] * 8]
    layers: list[nn.Module] = []
    for fan_in, width in itertools.pairwise(widths):
        layers += [nn.Linear(fan_in, width), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(32, 10))
    leaky.initialise_(model, "he")
    return model


def train(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    after_step: Callable[[], None] = lambda: None,
) -> list[float]:
    """Accuracy on the validation data after each epoch."""
    x, y, x_validation, y_validation = data()
    generator = torch.Generator().manual_seed(0)
    scores = []
    for _ in range(epochs):
        for batch in torch.randperm(len(x), generator=generator).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
            after_step()
        with torch.no_grad():
            scores.append((model(x_validation).argmax(1) == y_validation).float().mean().item())
    return scores


def main() -> None:
    """Let a network die, ask the doctor, follow it, and compare with going on as before."""
    parser = argparse.ArgumentParser(description="A dying ReLU network and its rescue.")
    parser.add_argument("--plot", type=Path, help="where the picture goes")
    plot = parser.parse_args().plot

    torch.set_num_threads(1)  # as many numbers in the same order on every machine; they are few
    model = build()
    optimizer = torch.optim.Adam(model.parameters(), lr=FAST)
    with leaky.watch(model, every=1) as watch:
        dying = train(model, optimizer, BEFORE, watch.step)
    print(f"After {BEFORE} epochs {dying[-1]:.1%} of the validation data are right.")

    left_alone = copy.deepcopy(model)
    diagnosis = watch.diagnosis()
    names = {"leaky": leaky, "model": model, "optimizer": optimizer, "diagnosis": diagnosis}
    for verdict in verdicts(diagnosis):
        print(f"- {verdict}")
        for call in verdict.calls:
            eval(call, names)  # verdicts name their calls word for word: you would type them
    optimizer.param_groups[0]["lr"] = SLOW

    rescued = train(model, optimizer, AFTER)
    alone = train(left_alone, torch.optim.Adam(left_alone.parameters(), lr=SLOW), AFTER)
    print(
        f"{AFTER} epochs later: {rescued[-1]:.1%}; at the same lower rate, but still ReLUs: {alone[-1]:.1%}."
    )
    if plot:
        draw(plot, dying, alone, rescued)


def draw(path: Path, dying: list[float], alone: list[float], rescued: list[float]) -> None:
    """Both curves."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    axes = figure.subplots()
    epochs = range(BEFORE, BEFORE + AFTER + 1)
    axes.plot(range(1, BEFORE + 1), dying, color="#52514e", label="ReLU, rate 0.05")
    axes.plot(epochs, [dying[-1], *alone], color="#e34948", label="the same ReLUs, rate 0.01")
    axes.plot(epochs, [dying[-1], *rescued], color="#2a78d6", label="prescription followed, rate 0.01")
    axes.axvline(BEFORE, color="#c3c2b7", linewidth=1, zorder=0)
    axes.annotate(
        "swap, recycle", (BEFORE, 1), xytext=(4, -4), textcoords="offset points", va="top", color="#52514e"
    )
    axes.set(xlabel="epoch", ylabel="validation accuracy", ylim=(0, 1), xlim=(1, BEFORE + AFTER))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="center right")
    figure.savefig(path, dpi=200)


if __name__ == "__main__":
    main()
