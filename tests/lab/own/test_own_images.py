"""`leaky compare --images`: folders of pictures of any size and format, and one line for what is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import leaky
from leaky.errors import LeakyError

RANDOM = np.random.default_rng(0)


def save(path: Path, value: int, *, mode: str = "RGB", size: tuple[int, int] = (12, 10)) -> None:
    """A noisy picture of about `value`, width and height as in `size`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = RANDOM.integers(-20, 20, (size[1], size[0], 3))
    Image.fromarray((value + noise).clip(0, 255).astype(np.uint8)).convert(mode).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Dark and light pictures, 20 each, all of 12 x 10 pixels in colour."""
    for i in range(20):
        save(tmp_path / "photos" / "dark" / f"{i:02}.png", 60)
        save(tmp_path / "photos" / "light" / f"{i:02}.jpg", 190)
    return tmp_path / "photos"


def inputs(task: Any) -> torch.Tensor:
    return task.train_samples.inputs


def test_a_folder_for_every_class(folder: Path) -> None:
    task = leaky.lab.task_from_images(folder)
    assert task.name == "photos"
    assert (
        "30 training and 10 test rows: colour images of 12 x 10 pixels, 2 classes, a VGG-style"
        in task.description
    )
    assert inputs(task).shape == (30, 3, 10, 12)
    assert task.notes == ()
    (pictures, targets), *_ = task.parts(0)[2].batches()
    assert (
        pictures[targets == 0].mean() < pictures[targets == 1].mean()
    )  # dark, light: in the order of their names


def test_grey_ones_have_one_channel_and_mixed_ones_are_read_in_colour(folder: Path, tmp_path: Path) -> None:
    for path in folder.rglob("*.*"):
        Image.open(path).convert("L").save(tmp_path / "x.png")
        path.unlink()
        (tmp_path / "x.png").rename(path.with_suffix(".png"))
    assert "grey images of 12 x 10" in leaky.lab.task_from_images(folder).description
    save(folder / "dark" / "colour.png", 60)
    task = leaky.lab.task_from_images(folder)
    assert inputs(task).shape[1] == 3
    assert task.notes == ("40 of 41 images are grey; all are read in colour.",)


def test_sixteen_bits_keep_their_range(tmp_path: Path) -> None:
    for label, low in (("a", 0), ("b", 30_000)):
        (tmp_path / "deep" / label).mkdir(parents=True)
        for i in range(12):
            values = RANDOM.integers(low, low + 20_000, (8, 8)).astype(np.uint16)
            Image.fromarray(values).save(tmp_path / "deep" / label / f"{i}.png")
    task = leaky.lab.task_from_images(tmp_path / "deep")
    assert inputs(task).shape[1:] == (1, 8, 8)
    assert inputs(task).unique().numel() > 1000  # cut to 8 bits there would be 256 at most


def test_sizes_that_differ_are_made_one(folder: Path) -> None:
    save(folder / "dark" / "large.png", 60, size=(300, 200))
    task = leaky.lab.task_from_images(folder)
    assert inputs(task).shape[2:] == (32, 32)
    assert task.notes == ("41 of 41 images are resized to 32 x 32 pixels.",)
    assert inputs(leaky.lab.task_from_images(folder, size=(10, 12))).shape[2:] == (10, 12)
    assert leaky.lab.task_from_images(folder, size=(10, 12)).notes == (
        "1 of 41 images are resized to 12 x 10 pixels.",
    )


def test_files_that_cannot_be_read_are_left_out_and_told(folder: Path) -> None:
    (folder / "dark" / "broken.png").write_bytes(b"no picture")
    good = (folder / "light" / "00.jpg").read_bytes()
    (folder / "light" / "truncated.jpg").write_bytes(good[: len(good) // 2])
    (folder / "light" / "readme.txt").write_text("not even meant to be one")
    task = leaky.lab.task_from_images(folder)
    assert len(task.notes) == 1
    assert task.notes[0].startswith(
        "Images left out because they cannot be read: 2, the first broken.png (UnidentifiedImageError: "
    )
    assert task.description.startswith("30 training and 10 test rows")


def test_folders_for_train_and_test_are_the_parts(tmp_path: Path) -> None:
    for part, count in (("train", 12), ("val", 4), ("test", 5)):
        for label, value in (("dark", 60), ("light", 190)):
            for i in range(count):
                save(tmp_path / "split" / part / label / f"{i}.png", value)
    task = leaky.lab.task_from_images(tmp_path / "split")
    assert [len(part) for part in task.parts(seed=0)] == [24, 8, 10]
    assert "24 training and 10 test rows" in task.description


def test_the_same_pictures_are_the_same_task(folder: Path) -> None:
    first = leaky.lab.task_from_images(folder).fingerprint()
    assert leaky.lab.task_from_images(folder).fingerprint() == first
    save(folder / "dark" / "00.png", 61)
    assert leaky.lab.task_from_images(folder).fingerprint() != first


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": 1}, "images: `size` must be a number of pixels of at least 2, or two of them, got 1"),
        (
            {"size": "big"},
            "images: `size` must be a number of pixels of at least 2, or two of them, got 'big'",
        ),
        ({"model": "resnet"}, "unknown model for images: `resnet`: did you mean `resnet8`?"),
        ({"metric": "mse"}, "task: `y` holds words such as 'dark'; give numbers, or a metric of classes"),
    ],
)
def test_arguments_that_do_not_fit_are_told(folder: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(LeakyError, match=re.escape(message)):
        leaky.lab.task_from_images(folder, **given)


def test_folders_that_hold_no_classes_are_told(tmp_path: Path) -> None:
    save(tmp_path / "flat" / "a.png", 60)
    save(tmp_path / "one" / "cats" / "a.png", 60)
    (tmp_path / "broken" / "a").mkdir(parents=True)
    (tmp_path / "broken" / "b").mkdir()
    for label in ("a", "b"):
        (tmp_path / "broken" / label / "x.png").write_bytes(b"no picture")
    for place, message in (
        ("nowhere", "is no folder; give one with a folder of images for every class"),
        ("flat", "must hold a folder of images for every class, two at least; it has no folder"),
        ("one", "must hold a folder of images for every class, two at least; it has cats"),
        ("broken", "images: none of 2 files can be read, the first: x.png (UnidentifiedImageError"),
    ):
        with pytest.raises(LeakyError, match=re.escape(message)) as told:
            leaky.lab.task_from_images(tmp_path / place)
        assert "\n" not in str(told.value)


def test_the_shell_compares_on_a_folder(leaky_shell: Any, folder: Path, tmp_path: Path) -> None:
    short = (
        "--seeds",
        "2",
        "--tuning-seeds",
        "1",
        "--activation",
        "tanh",
        "--learning-rate",
        "0.03",
        "--epochs",
        "8",
    )
    done = leaky_shell("compare", "--images", "photos", *short, "--json")
    assert done.returncode == 0, done.stderr
    study = json.loads(done.stdout)
    assert study["task"] == "photos"
    assert min(arm["score"]["estimate"] for arm in study["arms"]) > study["trivial_score"] == 0.5
    done = leaky_shell("compare", "--images", "photo")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "images: `photo` is no folder" in done.stderr
