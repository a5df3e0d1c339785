"""Swap one site, after `swap` has found it, or say why it is left."""

from __future__ import annotations

from typing import Any

import torch

from leaky import nn
from leaky.catalogue import Spec
from leaky.models import patch
from leaky.models.swap_calls import Match, SwapForward
from leaky.models.swap_report import SwapSite
from leaky.models.swap_sites import LAYERS, Site, rules_of, swapped


def operate(model: torch.nn.Module, site: Site, match: Match, after: Spec) -> SwapSite:
    """Swap one site, or say why not."""
    learned = any(parameter.learned for parameter in after.activation.parameters)
    reason, note = site.problem, ""
    if not reason and site.spec == after:
        reason = f"it is {after} already"
    if not reason and learned and site.kind == "calls":
        reason = f"{after} learns, and a call has nowhere to keep a parameter; make it a module"
    if not reason and learned and site.kind == "norm":
        reason = f"{after} learns, which a norm does not apply; use a norm and leaky.nn.PReLU"
    if reason:
        return SwapSite(site.name, site.text, None, reason, site.also, site.kind)
    like = patch.like(model, site.path)
    match site.kind:
        case "module":
            note = _swap_module(model, site, after, like)
        case "norm":
            patch.change(site.module, like, attributes={"activation": after})
        case "attribute":
            made = nn.activation(after).to(*like)
            made.training = site.module.training
            patch.change(
                site.module, like, attributes={"activation": patch.MISSING}, modules={"activation": made}
            )
            _leave_fast_path(model, site.module)
        case "calls":
            _swap_calls(site, match, after, like)
            note = (
                ""
                if site.spec is not None
                else "its forward does not trace: calls that match are swapped as they come"
            )
    return SwapSite(site.name, site.text, str(after), note, site.also, site.kind)


def _swap_module(model: torch.nn.Module, site: Site, after: Spec, like: patch.Like) -> str:
    """Make an activation module another; what there is to know of it."""
    assert site.spec is not None
    module = site.module
    old, new = nn.activation(site.spec), nn.activation(after).to(*like)
    attributes: dict[str, Any] = dict.fromkeys(_own(old), patch.MISSING) | _own(new)
    if "inplace" in attributes:
        attributes["inplace"] = site.inplace if hasattr(new, "inplace") else patch.MISSING
    parameters: dict[str, Any] = dict.fromkeys(module._parameters, patch.MISSING) | new._parameters
    patch.change(module, like, type(new), attributes=attributes, parameters=parameters)
    for layer in model.modules():
        if isinstance(layer, LAYERS) and layer.activation is module:
            _leave_fast_path(model, layer)
    if site.inplace and not hasattr(new, "inplace"):
        return "not in place any more: what reads its input afterwards finds it unchanged"
    return ""


def _own(module: torch.nn.Module) -> dict[str, Any]:
    """The attributes that an activation's own class has set."""
    internal = vars(torch.nn.Module())
    return {name: value for name, value in vars(module).items() if name not in internal}


def _swap_calls(site: Site, match: Match, after: Spec, like: patch.Like) -> None:
    rules = rules_of(site.module)
    if rules[-1:] == ((match, after),):
        return  # for another call in the same forward
    before = swapped(site.module)
    forward = SwapForward(site.module, (*rules, (match, after)), before.replaced if before else None)
    attributes = {"forward": forward, "_replicate_for_data_parallel": forward.replicate}
    patch.change(site.module, like, attributes=attributes)


def _leave_fast_path(model: torch.nn.Module, layer: torch.nn.Module) -> None:
    """torch's fused path of a Transformer layer knows ReLU and GELU only, and goes by a note made at construction."""
    like = patch.like(model, "")
    if "activation_relu_or_gelu" in vars(layer):
        patch.change(layer, like, attributes={"activation_relu_or_gelu": 0})
    for encoder in model.modules():
        if isinstance(encoder, torch.nn.TransformerEncoder) and any(
            inner is layer for inner in encoder.layers
        ):
            patch.change(encoder, like, attributes={"use_nested_tensor": False})
