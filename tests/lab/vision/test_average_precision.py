"""Average precision against cases small enough for a pencil, and against a slow version in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from leaky.lab.vision.average_precision import average_precision, mean_average_precision

A, B, C = [0.0, 0.0, 0.2, 0.2], [0.4, 0.4, 0.6, 0.6], [0.7, 0.0, 0.9, 0.2]
NEAR_A = [0.0, 0.0, 0.2, 0.15]  # IoU 0.75 with A
FAR_A = [0.0, 0.0, 0.2, 0.09]  # IoU 0.45
ELSEWHERE = [0.0, 0.8, 0.1, 0.9]


def detections(*images: list[tuple[int, float, list[float]]]) -> torch.Tensor:
    most = max(map(len, images))
    rows = [[[c, s, *b] for c, s, b in image] + [[-1, 0.99, *A]] * (most - len(image)) for image in images]
    return torch.tensor(rows, dtype=torch.float32)


def truth(*images: list[tuple[int, list[float]]]) -> torch.Tensor:
    most = max(map(len, images))
    rows = [[[c, *b] for c, b in image] + [[-1, 0, 0, 0, 0]] * (most - len(image)) for image in images]
    return torch.tensor(rows, dtype=torch.float32)


@pytest.mark.parametrize(
    ("found", "objects", "expected"),
    [
        pytest.param([(0, 0.9, A), (0, 0.8, B)], [A, B], 1.0, id="all found, nothing else"),
        pytest.param([(0, 0.9, A)], [A, B], 0.5, id="one of two"),
        pytest.param([(0, 0.9, ELSEWHERE), (0, 0.8, A)], [A], 0.5, id="a wrong alarm before"),
        pytest.param([(0, 0.8, ELSEWHERE), (0, 0.9, A)], [A], 1.0, id="a wrong alarm after costs nothing"),
        pytest.param(
            [(0, 0.9, A), (0, 0.8, NEAR_A), (0, 0.7, B)], [A, B], 0.5 + 0.5 * 2 / 3, id="found twice"
        ),
        pytest.param([(0, 0.9, NEAR_A)], [A], 1.0, id="an overlap of 0.75"),
        pytest.param([(0, 0.9, FAR_A)], [A], 0.0, id="an overlap of 0.45"),
        pytest.param([(1, 0.9, A)], [A], 0.0, id="another class"),
        # Right, wrong, right, right of three: precision 1, 2/3, 3/4, of which 3/4 holds at recall 2/3 as well.
        pytest.param(
            [(0, 0.9, A), (0, 0.8, ELSEWHERE), (0, 0.7, B), (0, 0.6, C)],
            [A, B, C],
            (1 + 0.75 + 0.75) / 3,
            id="precision at a recall is the best at that or a higher one",
        ),
    ],
)
def test_cases_worked_out_by_hand(
    found: list[tuple[int, float, list[float]]], objects: list[list[float]], expected: float
) -> None:
    value = average_precision(detections(found), truth([(0, box) for box in objects]), 0)
    assert value == pytest.approx(expected)


def test_images_are_ranked_together_and_matched_apart() -> None:
    """The wrong alarm of the second image stands before the right answer of the first; A is not B's neighbour."""
    found = detections([(0, 0.6, A)], [(0, 0.8, A)])
    assert average_precision(found, truth([(0, A)], [(0, B)]), 0) == pytest.approx(0.5 * 0.5)


def test_padding_and_suppressed_detections_count_for_nothing() -> None:
    found = detections([(0, 0.5, A), (-1, 0.9, ELSEWHERE)], [])
    assert average_precision(found, truth([(0, A)], []), 0) == 1.0


def test_a_class_without_objects_is_left_out_of_the_mean() -> None:
    found, objects = detections([(0, 0.9, A), (2, 0.9, B)]), truth([(0, A), (1, B)])
    assert math.isnan(average_precision(found, objects, 2))
    assert mean_average_precision(found, objects, 3) == pytest.approx(0.5)
    assert math.isnan(mean_average_precision(found, truth([(-1, A)]), 3))


def slow(found: np.ndarray, objects: np.ndarray, label: int) -> float:
    """PASCAL VOC's rules, step by step."""

    def overlap(a: np.ndarray, b: np.ndarray) -> float:
        sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
        both = sides.prod()
        return both / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - both)

    ranked = sorted(
        ((row[1], image, row[2:]) for image, rows in enumerate(found) for row in rows if row[0] == label),
        key=lambda item: -item[0],
    )
    taken, hits, curve = set(), 0, []
    count = int((objects[..., 0] == label).sum())
    for rank, (_, image, box) in enumerate(ranked, 1):
        best = max(
            ((overlap(box, row[1:]), i) for i, row in enumerate(objects[image]) if row[0] == label),
            default=(0, 0),
        )
        if best[0] >= 0.5 and (image, best[1]) not in taken:
            taken.add((image, best[1]))
            hits += 1
        curve.append((hits / count, hits / rank))
    area, reached = 0.0, 0.0
    for recall, _ in curve:
        area += (recall - reached) * max(p for r, p in curve if r >= recall)
        reached = recall
    return area


@pytest.mark.parametrize("seed", range(5))
def test_random_detections_score_as_the_slow_version_says(seed: int) -> None:
    random = np.random.default_rng(seed)
    corner, side = random.random((4, 6, 2)) * 0.7, 0.1 + 0.2 * random.random((4, 6, 2))
    objects = np.concatenate((random.integers(-1, 2, (4, 6, 1)), corner, corner + side), -1)
    near = objects[:, random.integers(6, size=20), 1:] + random.normal(0, 0.015, (4, 20, 4))
    found = np.concatenate((random.integers(-1, 2, (4, 20, 1)), random.random((4, 20, 1)), near), -1)
    for label in (0, 1):
        value = average_precision(torch.from_numpy(found), torch.from_numpy(objects), label)
        assert value == pytest.approx(slow(found, objects, label))
        assert 0.05 < value < 0.95  # neither all right nor all wrong
