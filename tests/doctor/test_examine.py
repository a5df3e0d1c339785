"""What the shell command does with a user's objects: one pass or a training, and one line for every mistake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from leaky.doctor.examine import examine  # noqa: E402
from leaky.errors import ArgumentError  # noqa: E402

loss = torch.nn.functional.cross_entropy


def net() -> Any:
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))


def built() -> tuple[Any, Any, Any]:
    model = net()
    return model, torch.optim.SGD(model.parameters(), lr=0.1), loss


def pairs() -> list[Any]:
    return [(torch.randn(16, 4), torch.zeros(16, dtype=torch.long)) for _ in range(3)]


def raises() -> Iterator[Any]:
    yield torch.randn(3, 4)
    raise RuntimeError("disk gone")


def test_without_steps_nothing_is_trained() -> None:
    model, optimizer, _ = built()
    before = [parameter.clone() for parameter in model.parameters()]
    found = examine((model, optimizer, loss), pairs)
    assert found.gradients
    assert found.samples == 48
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_steps_train_and_call_for_the_batches_again() -> None:
    model, optimizer, _ = built()
    before = model[0].weight.clone()
    rounds = []
    found = examine((model, optimizer, loss), lambda: rounds.append(1) or iter(pairs()), steps=7)
    assert (found.steps, len(rounds)) == (7, 3)
    assert [window.step for window in found["1"].windows] == list(range(7))
    assert not torch.equal(before, model[0].weight)


def test_a_long_training_is_not_measured_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaky.doctor.examine._WINDOWS", 5)
    assert examine(built(), pairs, steps=24).measured == 6


def test_steps_of_a_model_alone_limit_the_batches() -> None:
    assert examine(net(), pairs, steps=2).measured == 2
    assert examine((net(), None, loss), pairs, steps=2).gradients


@pytest.mark.parametrize(
    ("parts", "data", "steps", "message"),
    [
        (net, list, None, "data: gave no batch; return an iterable of at least one"),
        (
            net,
            lambda: torch.randn(3, 4),
            None,
            "data: must return an iterable of batches, got Tensor; put a single",
        ),
        (net, lambda: 5, None, "data: must return an iterable of batches, got int"),
        (net, raises, None, "data: batch 1 raised RuntimeError: disk gone"),
        (built, raises, 9, "data: step 0 of the training failed: TypeError"),
        (built, lambda: [torch.randn(3, 5)], 9, "data: step 0 of the training failed: RuntimeError"),
        (lambda: 5, pairs, None, "model: must be a torch.nn.Module or (model, optimizer, loss), got int"),
        (lambda: built()[1::-1], pairs, None, "got SGD, Sequential"),
        (
            lambda: (net(), loss),
            pairs,
            None,
            "the second of (model, optimizer, loss) must be an optimizer or None",
        ),
        (lambda: (net(), None, "mse"), pairs, None, "must be a function, got 'mse'"),
        (lambda: built()[:2], pairs, 3, "steps: to train, `build` must return (model, optimizer, loss)"),
        (net, pairs, 0, "steps: must be at least 1, got 0"),
    ],
)
def test_a_mistake_is_one_line(parts: Any, data: Any, steps: int | None, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        examine(parts(), data, steps=steps)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
