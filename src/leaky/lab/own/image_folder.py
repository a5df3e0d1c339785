"""`leaky.lab.task_from_images`: a task from a folder with a folder of images for every class."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leaky.errors import ArgumentError, one_line
from leaky.extras import require
from leaky.lab.definition import ModelFunction, Task
from leaky.lab.metrics import MetricFunction, NamedMetric
from leaky.lab.own.assemble import Samples, assemble
from leaky.lab.own.grids import grid
from leaky.lab.own.targets import targets

_PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    "test": "test",
}
"""Names of folders that hold a part of the data each, with the classes inside."""
_LARGEST, _USUAL = 64, 32
"""Images of one size keep it up to 64 pixels; otherwise they are made 32 x 32."""


def task_from_images(
    folder: str | Path,
    *,
    size: int | tuple[int, int] | None = None,
    name: str | None = None,
    model: str | ModelFunction | None = None,
    metric: str | MetricFunction | NamedMetric | None = None,
    **fields: Any,
) -> Task:
    """A task from images on disk: `folder/cats/*.jpg`, `folder/dogs/*.jpg`, ...

    Every format that Pillow reads. Images are grey where all of them are, otherwise in colour; turned as their EXIF
    data say; as large as they are where all have one size of at most 64 pixels, otherwise 32 x 32. Files that cannot
    be read are left out and told in the study's notes. Folders named train, val (or valid, validation) and test are
    parts of the data; without a test folder a quarter of each class is split off.

    Args:
        folder: with a folder for every class, at any depth the images of it.
        size: of the images in pixels, one number or (height, width).
        name: how tables and reports call it; by default the folder's name.
        model: "vgg" (default), "vgg_norm", "resnet8", or a function as in `Task`.
        metric: as in `leaky.lab.task`; of classes.
        fields: any other field of `Task`.

    Raises:
        ArgumentError: no such folder, fewer than two classes, no image that can be read; and what `leaky.lab.task`
            refuses.

    Example:
        >>> import leaky
        >>> task = leaky.lab.task_from_images("photos", size=48)      # doctest: +SKIP
    """
    require("PIL", "lab", "leaky.lab.task_from_images")
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise ArgumentError(
            f"images: `{folder}` is no folder; give one with a folder of images for every class"
        )
    files = _files(folder)
    sides, channels, readable, notes = _measure(files, size)
    loaded: dict[str, Samples] = {}
    learned = None
    for part in sorted(readable, key="train".__ne__):  # the classes are those of the training part
        pictures = np.stack([_pixels(path, sides, channels) for path, _ in readable[part]])
        learned = targets([label for _, label in readable[part]], metric or "accuracy", like=learned)
        loaded[part] = Samples(grid(pictures, "images"), learned)
    return assemble(
        loaded["train"],
        name=name or folder.resolve().name,
        model=model,
        metric=metric,
        test=loaded.get("test"),
        validation=loaded.get("validation"),
        given=fields,
        notes=notes,
    )


_Files = dict[str, list[tuple[Path, str]]]


def _files(folder: Path) -> _Files:
    """For every part of the data its image files, each with its class, in the order of their names."""
    from PIL import Image

    known = tuple(Image.registered_extensions())
    inside = _folders(folder)
    parts = {_PARTS[path.name.lower()]: path for path in inside if path.name.lower() in _PARTS}
    if "train" not in parts or len(parts) < len(inside):
        parts = {"train": folder}
    found: _Files = {}
    for part, place in parts.items():
        classes = _folders(place)
        found[part] = [
            (path, label.name)
            for label in classes
            for path in sorted(label.rglob("*"))
            if path.is_file() and path.suffix.lower() in known
        ]
        if len({label for _, label in found[part]}) < 2:
            raise ArgumentError(
                f"images: `{place}` must hold a folder of images for every class, two at least; it has "
                f"{', '.join(label.name for label in classes) or 'no folder'}"
            )
    return found


def _folders(place: Path) -> list[Path]:
    return sorted(path for path in place.iterdir() if path.is_dir() and not path.name.startswith("."))


def _measure(
    files: _Files, size: int | tuple[int, int] | None
) -> tuple[tuple[int, int], int, _Files, list[str]]:
    """(height, width) and channels that all images get, those that can be read, and notes."""
    from PIL import Image

    sizes: Counter[tuple[int, int]] = Counter()
    grey = 0
    unread: list[str] = []
    readable: _Files = {part: [] for part in files}
    for part, pairs in files.items():
        for path, label in pairs:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter(
                        "ignore"
                    )  # of very large or oddly saved files: they are read all the same
                    with Image.open(path) as image:
                        image.load()
                        sizes[image.height, image.width] += 1
                        grey += _is_grey(image.mode)
            except Exception as error:
                unread.append(f"{path.name} ({one_line(error)})")
                continue
            readable[part].append((path, label))
    count = sum(sizes.values())
    if not count:
        raise ArgumentError(f"images: none of {len(unread)} files can be read, the first: {unread[0]}")
    notes = []
    if unread:
        notes.append(f"Images left out because they cannot be read: {len(unread)}, the first {unread[0]}.")
    sides = _sides(size, sizes)
    if set(sizes) != {sides}:
        notes.append(
            f"{count - sizes[sides]:,} of {count:,} images are resized to {sides[1]} x {sides[0]} pixels."
        )
    if 0 < grey < count:
        notes.append(f"{grey:,} of {count:,} images are grey; all are read in colour.")
    return sides, 1 if grey == count else 3, readable, notes


def _sides(size: Any, sizes: Counter[tuple[int, int]]) -> tuple[int, int]:
    if size is None:
        (most, _), *others = sizes.most_common()
        return most if not others and max(most) <= _LARGEST else (_USUAL, _USUAL)
    sides = (size, size) if isinstance(size, int) else size
    if (
        not isinstance(sides, Sequence)
        or len(sides) != 2
        or any(isinstance(side, bool) or not isinstance(side, int) or side < 2 for side in sides)
    ):
        raise ArgumentError(
            f"images: `size` must be a number of pixels of at least 2, or two of them, got {size!r}"
        )
    return sides[0], sides[1]


def _is_grey(mode: str) -> bool:
    return mode in ("1", "L", "LA", "F") or mode.startswith("I")


def _pixels(path: Path, sides: tuple[int, int], channels: int) -> npt.NDArray[np.float32]:
    """The image as (channels, height, width), from 0 to 1; 16-bit ones keep their range."""
    from PIL import Image, ImageOps

    with Image.open(path) as opened:
        image: Image.Image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I") or image.mode == "F":
            top = 65535.0 if image.mode.startswith("I") else 1.0
            image = Image.fromarray(np.asarray(image, np.float32) / np.float32(top) * 255)
            image = image.convert("RGB") if channels == 3 else image
        else:
            image = image.convert("L" if channels == 1 else "RGB")
        if (image.height, image.width) != sides:
            image = image.resize((sides[1], sides[0]), Image.Resampling.BILINEAR, reducing_gap=3.0)
        pixels = np.asarray(image, np.float32) / np.float32(255)
    return pixels[None] if channels == 1 else np.ascontiguousarray(np.moveaxis(pixels, 2, 0))
