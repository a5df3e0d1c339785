"""torch.jit.trace takes leaky's modules with gradients on: its check, a run without, finds the same graph."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

import leaky
from leaky import nn as ours

MODULES: dict[str, Callable[[], nn.Module]] = {
    "leaky_relu": lambda: ours.LeakyReLU(0.1),
    "leaky_relu in place": lambda: ours.LeakyReLU(0.1, inplace=True),
    "leaky_relu below 0 in place": lambda: ours.LeakyReLU(-0.1, inplace=True),
    "relu6": ours.ReLU6,
    "hardtanh in place": lambda: ours.Hardtanh(inplace=True),
    "elu": ours.ELU,
    "celu": ours.CELU,
    "selu": ours.SELU,
    "softplus": ours.Softplus,
    "prelu": lambda: ours.PReLU(8),
    "bias_act": lambda: ours.BiasAct(8, activation="leaky_relu"),
    "batch norm": lambda: ours.BatchNormAct2d(8),
    "batch norm and elu": lambda: ours.BatchNormAct2d(8, activation="elu"),
    "batch norm and relu": lambda: ours.BatchNormAct2d(8, activation="relu"),
    "group norm": lambda: ours.GroupNormAct(2, 8),
    "instance norm": lambda: ours.InstanceNormAct2d(8),
}


@pytest.mark.filterwarnings("ignore")  # torch calls its own tracing deprecated
@pytest.mark.parametrize("make", MODULES.values(), ids=MODULES)
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_traced_with_gradients(make: Callable[[], nn.Module], training: bool) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), make()).train(training)
    x = torch.randn(2, 3, 18, 18)
    traced = torch.jit.trace(model, x)
    results = []
    for function in (traced, model):
        leaf = x.clone().requires_grad_()
        y = function(leaf)
        y.square().sum().backward()
        results.append((y.detach(), leaf.grad))
    for found, wanted in zip(*results, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_convolution_takes_in_a_norm_whose_activation_is_put_behind_it() -> None:
    """What torch.nn.utils.fuse_conv_bn_eval makes has no activation: it takes the norm for BatchNorm2d."""
    conv, norm = nn.Conv2d(3, 8, 3).eval(), ours.BatchNormAct2d(8).train()
    norm(torch.randn(4, 8, 9, 9))
    norm.eval()
    x = torch.randn(2, 3, 9, 9)
    fused = nn.Sequential(torch.nn.utils.fuse_conv_bn_eval(conv, norm), leaky.nn.activation(norm.activation))
    torch.testing.assert_close(fused(x), norm(conv(x)), rtol=1e-4, atol=1e-5)
