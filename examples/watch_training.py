"""Watch the activations of a network while it trains, in a loop of your own.

    python examples/watch_training.py [--logdir runs] [--report report.html]

Three hidden layers of ReLUs learn scikit-learn's scanned digits with Adam, at a learning rate that is too high. Every
10th step is measured; the others run as if nobody were looking. With `--logdir`, what each measured step showed goes
to TensorBoard (`pip install 'leaky[tensorboard]'`, then `tensorboard --logdir runs`).
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn

import leaky


def main() -> None:
    """Train, and say what became of the units."""
    parser = argparse.ArgumentParser(description="A training loop with the doctor in it.")
    parser.add_argument("--logdir", type=Path, help="where TensorBoard's files go")
    parser.add_argument("--report", type=Path, help="where the doctor's report goes, as one HTML file")
    options = parser.parse_args()

    torch.manual_seed(0)
    pixels, labels = load_digits(return_X_y=True)
    x, y = torch.tensor(pixels / 16).float(), torch.tensor(labels)
    model = nn.Sequential(
        nn.Linear(64, 64), nn.ReLU(),
        nn.Linear(64, 64), nn.ReLU(),
        nn.Linear(64, 64), nn.ReLU(),
        nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)

    with ExitStack() as stack:
        watch = stack.enter_context(leaky.watch(model, every=10))
        board = None
        if options.logdir:
            from torch.utils.tensorboard import SummaryWriter

            from leaky.doctor.integrations.tensorboard import WatchWriter

            board = WatchWriter(stack.enter_context(SummaryWriter(str(options.logdir))), watch)
        for _ in range(10):
            for batch in torch.randperm(len(x)).split(64):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
                optimizer.step()
                watch.step()  # after the optimizer's
                if board:
                    board.write()

    diagnosis = watch.diagnosis()
    print(diagnosis)
    for site in diagnosis:
        if site.life.died:
            first = min(site.life.died.values())
            print(f"`{site.name}`: {len(site.life.died)} units died, the first seen dead at step {first}.")
    if options.report:
        print(f"The report is {diagnosis.report(options.report)}")


if __name__ == "__main__":
    main()
