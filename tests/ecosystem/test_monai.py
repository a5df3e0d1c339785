"""MONAI's networks train the same, lean."""

from __future__ import annotations

import pytest
from side_by_side import follows, images, made, needs_native, trained
from torch import nn

pytest.importorskip("monai", reason="MONAI is not installed: pip install 'leaky[dev]'")

from monai.networks.nets import BasicUNet, DynUNet, ResNet, SegResNet, UNet

import leaky

BATCHES = images(3, 1, 1, 32, 32, 32)
LEAKY = ("leakyrelu", {"negative_slope": 0.1, "inplace": True})


def basic_unet(dropout: float = 0.0) -> nn.Module:
    return BasicUNet(3, 1, 2, features=(4, 4, 4, 8, 8, 4), dropout=dropout)


def leaky_resnet() -> nn.Module:
    model = ResNet("basic", [1, 1, 1, 1], [4, 8, 8, 8], n_input_channels=1, num_classes=2, act=LEAKY)
    leaky.swap(model, "relu", "leaky_relu(negative_slope=0.1)")  # its blocks have ReLU whatever `act` says
    return model


def unet() -> nn.Module:
    return UNet(3, 1, 2, (4, 8, 8), (2, 2), act="LEAKYRELU", norm="batch")


def dynunet() -> nn.Module:
    return DynUNet(3, 1, 2, [3, 3, 3], [1, 2, 2], [2, 2], filters=[4, 8, 8])


def resnet() -> nn.Module:
    return ResNet("basic", [1, 1, 1, 1], [4, 8, 8, 8], n_input_channels=1, num_classes=2)


def segresnet() -> nn.Module:
    return SegResNet(3, 8, 1, 2, blocks_down=(1, 1), blocks_up=(1,))


@pytest.mark.parametrize(
    ("make", "at_most"),
    [(resnet, 0.7), (segresnet, 0.6), (basic_unet, 0.68), (leaky_resnet, 0.75), (unet, 0.7), (dynunet, 0.65)],
)
def test_networks_train_the_same(make: object, at_most: float) -> None:
    follows(make, BATCHES, at_most=at_most, rel=2e-4)


@needs_native
def test_norms_are_fused_through_a_dropout_of_nothing() -> None:
    report = leaky.lean(made(basic_unet))
    assert [site.became for site in report.sites] == ["one tensor for both"] * 18
    dropping = leaky.lean(made(lambda: basic_unet(dropout=0.1)), BATCHES[0])
    assert {site.was for site in dropping.changed} == {"Dropout(p=0.1, inplace=False)"}
    assert dropping.ratio == pytest.approx(0.78, abs=0.02)


@needs_native
def test_a_dropout_that_drops_later_is_between_the_two_again() -> None:
    model, plain = made(basic_unet), made(basic_unet)
    leaky.lean(model, BATCHES[0])
    for one in (model, plain):
        for module in one.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.5
    assert trained(model, BATCHES) == pytest.approx(trained(plain, BATCHES), rel=1e-5)
