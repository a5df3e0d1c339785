"""Overlaps and suppression against numbers worked out by hand."""

from __future__ import annotations

import pytest
import torch

from leaky.lab.vision.boxes import corners, generalised_iou, iou, suppress

UNIT = [0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("other", "overlap", "generalised"),
    [
        (UNIT, 1.0, 1.0),
        ([0.5, 0.0, 1.5, 1.0], 1 / 3, 1 / 3),  # the box around both has nothing else in it
        ([0.5, 0.5, 1.5, 1.5], 1 / 7, 1 / 7 - 0.5 / 2.25),
        ([2.0, 0.0, 3.0, 1.0], 0.0, -1 / 3),  # a gap of one between two of one
        ([0.25, 0.25, 0.75, 0.75], 0.25, 0.25),
        ([0.5, 0.5, 0.5, 0.5], 0.0, 0.0),
    ],
)
def test_overlap_of_two_boxes(other: list[float], overlap: float, generalised: float) -> None:
    first, second = torch.tensor([UNIT]), torch.tensor([other])
    assert iou(first, second).item() == pytest.approx(overlap)
    assert iou(second, first).item() == pytest.approx(overlap)
    assert generalised_iou(first, second).item() == pytest.approx(generalised)


def test_overlap_is_of_every_pair_in_every_image() -> None:
    first, second = torch.rand(2, 3, 4), torch.rand(2, 5, 4)
    first[..., 2:] += first[..., :2]
    second[..., 2:] += second[..., :2]
    found = iou(first, second)
    assert found.shape == (2, 3, 5)
    assert torch.allclose(found[1, 2, 4], iou(first[1, 2:3], second[1, 4:5])[0, 0])


def test_generalised_overlap_has_a_gradient_where_boxes_do_not_meet() -> None:
    box = torch.tensor([2.0, 0.0, 3.0, 1.0], requires_grad=True)
    generalised_iou(torch.tensor(UNIT), box).backward()
    assert box.grad is not None
    assert box.grad[0] < 0  # to the left is nearer


def test_corners_of_centre_and_size() -> None:
    assert corners(torch.tensor([0.5, 0.25, 0.5, 0.5])).tolist() == [0.25, 0.0, 0.75, 0.5]


def test_a_box_goes_only_for_a_better_one_that_stays() -> None:
    # Each overlaps its neighbour by 3/5; the third overlaps the first by 1/3 only.
    boxes = torch.tensor([[[0, 0, 1.0, 1], [0.25, 0, 1.25, 1], [0.5, 0, 1.5, 1], [0, 0, 1, 1]]])
    classes = torch.tensor([[0, 0, 0, 1]])
    assert suppress(boxes, classes, 0.5).tolist() == [[True, False, True, True]]
    assert suppress(boxes, classes, 0.3).tolist() == [[True, False, False, True]]
    assert suppress(boxes.repeat(2, 1, 1), classes.repeat(2, 1), 0.7).all()
