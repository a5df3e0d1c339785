"""The detector's outputs, its loss, and what becomes of them."""

from __future__ import annotations

import pytest
import torch

from leaky.lab.factory import ModelFactory
from leaky.lab.vision.average_precision import mean_average_precision
from leaky.lab.vision.boxes import corners, iou
from leaky.lab.vision.detector import DetectionLoss, Detector, Grid, detect

GRID = Grid(height=3, width=4, anchors=((0.2, 0.2), (0.5, 0.5)))
TRUTH = torch.tensor(
    [[[0, 0.1, 0.1, 0.3, 0.3], [1, 0.3, 0.4, 0.9, 0.9]], [[1, 0.5, 0.2, 1, 0.8], [-1, 0, 0, 0, 0]]]
)


@pytest.fixture
def detector() -> Detector:
    torch.manual_seed(0)
    return Detector((8, 16, 16), 2, GRID, ModelFactory("leaky_relu(negative_slope=0.1)"))


def test_outputs_are_boxes_that_start_at_the_anchors_in_their_cells(detector: Detector) -> None:
    with torch.no_grad():
        detector.head.weight.zero_()
        outputs = detector(torch.randn(2, 3, 12, 16))
    assert outputs.shape == (2, 3 * 4 * 2, 5 + 2)
    cell = outputs[0].unflatten(0, (3, 4, 2))
    assert torch.allclose(cell[..., :2][1, 2, 0], torch.tensor([2.5 / 4, 1.5 / 3]))
    assert torch.allclose(cell[2, 3, :, 2:4], torch.tensor(GRID.anchors))


def test_an_object_is_answered_for_by_the_cell_of_its_centre_and_the_anchor_of_its_shape() -> None:
    loss = DetectionLoss(GRID)
    boxes = torch.tensor([[0.1, 0.1, 0.3, 0.3], [0.3, 0.4, 0.9, 0.9], [0.9, 0.9, 1.1, 1.1]])
    # Centres (0.2, 0.2), (0.6, 0.65) and (1, 1) in 4 columns and 3 rows.
    assert loss.responsible(boxes).tolist() == [(0 * 4 + 0) * 2 + 0, (1 * 4 + 2) * 2 + 1, (2 * 4 + 3) * 2 + 0]


def test_the_loss_is_low_for_the_truth_and_grows_with_every_kind_of_mistake() -> None:
    loss = DetectionLoss(GRID)
    outputs = torch.zeros(2, 24, 7)
    outputs[..., :4] = torch.tensor([0.5, 0.5, 1e-3, 1e-3])
    outputs[..., 4] = -20
    for image, objects in enumerate(TRUTH):
        for label, *box in objects[objects[:, 0] >= 0].tolist():
            place = loss.responsible(torch.tensor([box])).item()
            x1, y1, x2, y2 = box
            outputs[image, place] = torch.tensor([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, 20, 0, 0])
            outputs[image, place, 5 + int(label)] = 20
    best = loss(outputs, TRUTH).item()
    assert best == pytest.approx(0, abs=1e-3)
    assert mean_average_precision(detect(outputs), TRUTH, 2) == pytest.approx(1.0)
    place = loss.responsible(TRUTH[0, :1, 1:]).item()
    for column, value in ((0, 0.5), (2, 0.5), (4, -5.0), (6, 25.0)):
        worse = outputs.clone()
        worse[0, place, column] = value
        assert loss(worse, TRUTH).item() > best + 0.05
    alarm = outputs.clone()
    alarm[1, 3, 4] = 5.0
    assert loss(alarm, TRUTH).item() > best + 0.5


def test_a_cell_that_meets_an_object_for_another_is_left_in_peace() -> None:
    loss, outputs = DetectionLoss(GRID), torch.zeros(1, 24, 7)
    outputs[..., 4] = -20
    outputs[0, 5] = torch.tensor(
        [0.2, 0.2, 0.2, 0.2, 5, 0, 0]
    )  # it meets the first object, another answers for it
    one = TRUTH[:1, :1]
    silent = outputs.clone()
    silent[0, 5, 4] = -20
    assert loss(outputs, one).item() == pytest.approx(loss(silent, one).item())


def test_images_without_objects_and_gradients(detector: Detector) -> None:
    loss = DetectionLoss(GRID)
    outputs = detector(torch.randn(2, 3, 12, 16))
    empty = torch.tensor([[[-1.0, 0, 0, 0, 0]]]).expand(2, -1, -1)
    assert loss(outputs, empty).isfinite()
    loss(outputs, TRUTH).backward()
    for parameter in detector.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
    assert detector.head.weight.grad is not None
    assert detector.head.weight.grad.abs().sum() > 0


def test_of_detections_of_one_class_that_overlap_the_best_stays() -> None:
    outputs = torch.zeros(1, 3, 7)
    outputs[0, :, :4] = torch.tensor([[0.5, 0.5, 0.2, 0.2], [0.51, 0.5, 0.2, 0.2], [0.5, 0.5, 0.2, 0.2]])
    outputs[0, :, 4] = torch.tensor([1.0, 2.0, 0.5])
    outputs[0, :, 5:] = torch.tensor([[9.0, 0], [9, 0], [0, 9]])
    found = detect(outputs)[0]
    assert found[:, 0].tolist() == [0, -1, 1]
    assert torch.allclose(found[:, 1], torch.tensor([2.0, 1.0, 0.5]).sigmoid(), atol=1e-3)
    assert torch.allclose(iou(found[:1, 2:], corners(outputs[0, 1:2, :4])), torch.ones(1))
