"""timm's networks train the same, lean.

timm imports torchvision, whose wheel on PyPI is built for CUDA: beside a CPU-only torch its operators do not load, of
which timm's networks use none. So `make` puts the two beside the environment, not into it, where Transformers and
others would find a torchvision that cannot be imported; here the two operators that its import asks for are declared.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from side_by_side import follows, images, made, needs_native
from torch import nn

import leaky

BESIDE = str(Path(sys.prefix) / "timm")
try:
    import timm
except (ImportError, RuntimeError):
    for name in [name for name in sys.modules if name.partition(".")[0] in ("timm", "torchvision")]:
        del sys.modules[name]
    declared = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        declared.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    sys.path.append(BESIDE)
    try:
        import timm
    except ImportError as error:
        pytest.skip(f"timm cannot be imported: {error}; `make test` installs it", allow_module_level=True)
    finally:
        sys.path.remove(BESIDE)

BATCHES = images(3, 4, 3, 64, 64)
leaky_act = partial(nn.LeakyReLU, negative_slope=0.1, inplace=True)
MODELS: dict[str, tuple[dict[str, object], float]] = {
    "resnet10t": ({"act_layer": leaky_act}, 0.75),
    "resnet14t": ({}, 0.8),
    "convnext_atto": ({"act_layer": nn.GELU}, 0.9),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_train_the_same(name: str) -> None:
    options, at_most = MODELS[name]
    make = partial(timm.create_model, name, num_classes=4, **options)
    follows(make, BATCHES, at_most=at_most, rel=1e-3)


@needs_native
def test_norms_and_activations_are_fused() -> None:
    model = made(partial(timm.create_model, "resnet10t", act_layer=leaky_act, num_classes=4))
    became = [site.became for site in leaky.lean(model, BATCHES[0]).changed]
    assert became.count("one tensor for both") >= 4
