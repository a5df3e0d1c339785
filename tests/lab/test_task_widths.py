"""Activations that cannot be exchanged for another in any model: what is said of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import leaky  # noqa: E402
from leaky.errors import LeakyError, TaskError  # noqa: E402
from leaky.lab.loading import task_source  # noqa: E402
from leaky.lab.preflight import preflight  # noqa: E402


@pytest.mark.parametrize(("name", "after"), [("crelu", 4), ("maxout", 1)])
def test_an_activation_that_changes_the_width_is_told_so(
    name: str, after: int, tiny_task: str, tmp_path: Path
) -> None:
    message = f"{name} makes 2 channels {after}, which the layers after it must be built for: leave it out"
    with pytest.raises(TaskError, match=re.escape(message)):
        preflight(task_source(tiny_task, None, tmp_path).load(), (name,))


@pytest.mark.parametrize("name", ["dynamic_relu", "funnel_relu"])
def test_an_activation_that_needs_channels_is_told_so(name: str, tiny_task: str, tmp_path: Path) -> None:
    with pytest.raises(LeakyError, match=f"^{name}: needs the number of channels"):
        preflight(task_source(tiny_task, None, tmp_path).load(), (name,))


def test_random_ones_can_be_compared(tiny_task: str, tmp_path: Path) -> None:
    preflight(
        task_source(tiny_task, None, tmp_path).load(),
        ("noisy_relu", "rrelu(form='divide')", "average_biased_relu"),
    )
    assert leaky.parse("noisy_relu").activation.training
