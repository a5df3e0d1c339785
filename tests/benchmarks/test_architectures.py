"""The benchmarks' networks are the published ones: parameters, shapes, and what eager PyTorch keeps for backward."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from architectures import (
    HiFiGANGenerator,
    Pix2PixGenerator,
    PlainConvUNet3d,
    RRDBNet,
    YOLOv3,
    YOLOv5,
    resnet18,
    resnet50,
)
from architectures.pix2pix import Level
from architectures.yolov5 import SPPF
from measure import saved_bytes

Build = Callable[[], nn.Module]


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("build", "count"),
    [
        # yolov3.weights is 248,007,048 bytes: five integers of header, then these and two statistics a channel.
        pytest.param(YOLOv3, (248_007_048 - 5 * 4) // 4 - 2 * 26_304, id="yolov3"),
        pytest.param(lambda: RRDBNet(64, 32, 23), 16_697_987, id="esrgan as published, 16.7 M"),
        pytest.param(HiFiGANGenerator, 1_464_322, id="hifigan v3, 1.46 M in the paper's table"),
        pytest.param(
            Pix2PixGenerator, 54_413_955, id="pix2pix unet_256, 54.414 M as the authors' code prints"
        ),
        pytest.param(resnet18, 11_689_512, id="resnet18, 11.69 M in torchvision's table"),
        pytest.param(resnet50, 25_557_032, id="resnet50, 25.56 M in torchvision's table"),
        pytest.param(YOLOv5, 7_235_389, id="yolov5s, 7.2 M in its authors' table"),
    ],
)
def test_parameters_as_published(build: Build, count: int) -> None:
    with torch.device("meta"):
        assert parameters(build()) == count


def test_yolov3_has_the_layers_of_its_cfg() -> None:
    with torch.device("meta"):
        model = YOLOv3()
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert (len(convolutions), len(norms)) == (75, 72)
    assert sum(norm.num_features for norm in norms) == 26_304


def test_yolov5_has_the_layers_of_its_yaml() -> None:
    with torch.device("meta"):
        model = YOLOv5()
    kinds = [type(module) for module in model.modules()]
    # 5 between the blocks of the backbone and 4 of the neck, SPPF's 2, 3 in each C3, 2 in each bottleneck.
    normalised = 5 + 4 + 2 + 8 * 3 + 11 * 2
    assert [kinds.count(kind) for kind in (nn.BatchNorm2d, nn.SiLU)] == [normalised, normalised]
    assert kinds.count(nn.Conv2d) == normalised + 3
    assert all(module.inplace for module in model.modules() if isinstance(module, nn.SiLU))


def test_yolov5_pools_windows_of_5_9_and_13() -> None:
    pool, x = SPPF(4, 4), torch.randn(1, 4, 16, 16)
    pool.cv1, pool.cv2 = nn.Identity(), nn.Identity()  # type: ignore[assignment]  # of another class
    expected = [nn.functional.max_pool2d(x, size, 1, size // 2) for size in (5, 9, 13)]
    assert torch.equal(pool(x), torch.cat((x, *expected), 1))


def test_nnunet_registers_every_module_twice() -> None:
    model = PlainConvUNet3d(features=(4, 8))
    names = [
        name for name, module in model.named_modules(remove_duplicate=False) if type(module) is nn.LeakyReLU
    ]
    modules = {id(module) for module in model.modules() if type(module) is nn.LeakyReLU}
    # As nonlin and inside all_modules; and the encoder again inside the decoder.
    assert (len(modules), len(names)) == (6, 4 * 4 + 2 * 2)
    assert {"encoder.stages.0.0.convs.0.nonlin", "decoder.encoder.stages.0.0.convs.0.all_modules.2"} <= {
        *names
    }


def test_nnunet_deep_supervision_predicts_every_size() -> None:
    model = PlainConvUNet3d(features=(4, 8, 8), deep_supervision=True)
    assert [tuple(y.shape) for y in model(torch.randn(1, 1, 8, 8, 8))] == [(1, 2, 8, 8, 8), (1, 2, 4, 4, 4)]


@pytest.mark.parametrize(
    ("build", "shape", "expected"),
    [
        pytest.param(YOLOv3, (2, 3, 96, 96), [(2, 255, 3, 3), (2, 255, 6, 6), (2, 255, 12, 12)], id="yolov3"),
        pytest.param(PlainConvUNet3d, (1, 1, 64, 64, 64), [(1, 2, 64, 64, 64)], id="nnunet"),
        pytest.param(HiFiGANGenerator, (1, 80, 32), [(1, 1, 8192)], id="hifigan"),
        pytest.param(RRDBNet, (1, 3, 48, 48), [(1, 3, 192, 192)], id="rrdbnet"),
        pytest.param(Pix2PixGenerator, (2, 3, 256, 256), [(2, 3, 256, 256)], id="pix2pix"),
        pytest.param(resnet18, (2, 3, 96, 96), [(2, 1000)], id="resnet18"),
        pytest.param(resnet50, (2, 3, 224, 224), [(2, 1000)], id="resnet50"),
        pytest.param(YOLOv5, (2, 3, 96, 96), [(2, 255, 12, 12), (2, 255, 6, 6), (2, 255, 3, 3)], id="yolov5"),
    ],
)
def test_output_shapes(build: Build, shape: tuple[int, ...], expected: list[tuple[int, ...]]) -> None:
    with torch.device("meta"):
        y = build()(torch.empty(shape))
    assert [tuple(part.shape) for part in ([y] if isinstance(y, torch.Tensor) else y)] == expected


# What an independent prototype counted when the figures to reach were set; parts of its loss are in it.
@pytest.mark.parametrize(
    ("build", "shape", "mebibytes"),
    [
        pytest.param(YOLOv3, (2, 3, 96, 96), 48.1, id="yolov3"),
        pytest.param(PlainConvUNet3d, (1, 1, 64, 64, 64), 215.7, id="nnunet of 5 stages"),
        pytest.param(
            lambda: PlainConvUNet3d(features=(16, 32, 64)), (1, 1, 48, 48, 48), 87.3, id="nnunet of 3 stages"
        ),
        pytest.param(HiFiGANGenerator, (1, 80, 32), 25.2, id="hifigan"),
        pytest.param(RRDBNet, (1, 3, 48, 48), 46.9, id="rrdbnet"),
    ],
)
def test_bytes_that_eager_keeps(build: Build, shape: tuple[int, ...], mebibytes: float) -> None:
    model, x = build(), torch.randn(shape)
    assert saved_bytes(lambda: model(x), model) / 2**20 == pytest.approx(mebibytes, rel=0.015)


@pytest.mark.parametrize(("build", "weights"), [(resnet18, 18), (resnet50, 50)])
def test_resnet_has_as_many_layers_with_weights(build: Build, weights: int) -> None:
    with torch.device("meta"):
        model = build()
        sizes = []
        model.layers.register_forward_hook(lambda module, inputs, y: sizes.append((inputs[0].shape, y.shape)))
        model(torch.empty(1, 3, 224, 224))
    shortcuts = sum(name.endswith("downsample") for name, _ in model.named_modules())
    layers = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert len(layers) - shortcuts == weights
    assert shortcuts == (3 if build is resnet18 else 4)
    assert sizes == [((1, 64, 56, 56), (1, 512 if build is resnet18 else 2048, 7, 7))]


def test_pix2pix_skips_carry_the_altered_input() -> None:
    torch.manual_seed(0)
    level = Level(8, 16, None).eval()
    x = torch.randn(1, 8, 4, 4)
    expected = torch.nn.functional.leaky_relu(x, 0.2)
    assert torch.equal(level(x)[:, :8], expected)


def test_older_weight_norm_computes_the_same() -> None:
    x = torch.randn(1, 80, 4)
    torch.manual_seed(0)
    new = HiFiGANGenerator()
    torch.manual_seed(0)
    with pytest.warns(FutureWarning, match="weight_norm"):
        old = HiFiGANGenerator(norm=torch.nn.utils.weight_norm)
    torch.testing.assert_close(new(x), old(x))
