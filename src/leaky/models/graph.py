"""What a traced graph says about one value: who reads it, who changes it in place, who keeps it for backward."""

from __future__ import annotations

import operator
from collections.abc import Iterator

import torch
from torch import fx

from leaky import nn
from leaky.models.functions import read_node
from leaky.models.trace import Region, is_leaf, join

# A result that may be the argument itself or a view of it.
_VIEWS = frozenset(
    [
        "view",
        "view_as",
        "view_as_real",
        "view_as_complex",
        "real",
        "imag",
        "reshape",
        "reshape_as",
        "ravel",
        "flatten",
        "unflatten",
        "permute",
        "transpose",
        "t",
        "T",
        "mT",
        "movedim",
        "moveaxis",
        "swapaxes",
        "swapdims",
        "adjoint",
        "mH",
        "H",
        "as_strided",
        "einsum",
        "squeeze",
        "unsqueeze",
        "expand",
        "expand_as",
        "broadcast_to",
        "broadcast_tensors",
        "atleast_1d",
        "atleast_2d",
        "atleast_3d",
        "narrow",
        "select",
        "chunk",
        "split",
        "split_with_sizes",
        "tensor_split",
        "hsplit",
        "vsplit",
        "dsplit",
        "unbind",
        "unfold",
        "diagonal",
        "detach",
        "contiguous",
        "to",
        "type",
        "type_as",
        "positive",
        "float",
        "double",
        "half",
        "bfloat16",
        "getitem",
        "getattr",
        "dropout",
        "dropout1d",
        "dropout2d",
        "dropout3d",
        "alpha_dropout",
        "feature_dropout",
        "adaptive_avg_pool2d",
        "channels_last",
        "cpu",
        "cuda",
    ]
)
_VIEW_MODULES = (torch.nn.Identity, torch.nn.Flatten, torch.nn.Unflatten, torch.nn.modules.dropout._DropoutNd)
_IN_PLACE_OPERATORS = frozenset(
    {operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ifloordiv, operator.ipow}
    | {operator.imod, operator.iand, operator.ior, operator.ixor, operator.setitem}
)
_METADATA = frozenset(
    [
        "size",
        "dim",
        "ndimension",
        "numel",
        "nelement",
        "is_contiguous",
        "stride",
        "dtype",
        "shape",
        "device",
        "ndim",
    ]
)
# Operations whose backward does not need this argument's values.
_FORGETS = frozenset(
    [
        "cat",
        "concat",
        "concatenate",
        "stack",
        "add",
        "sub",
        "rsub",
        "iadd",
        "isub",
        "mean",
        "sum",
        "interpolate",
        "upsample",
        "pixel_shuffle",
        "pixel_unshuffle",
        "neg",
        "roll",
        "flip",
    ]
)
_FORGETFUL_MODULES = (
    torch.nn.Upsample,
    torch.nn.PixelShuffle,
    torch.nn.PixelUnshuffle,
    torch.nn.ConstantPad2d,
)


DROPOUTS = frozenset({nn.Dropout}) | frozenset(
    getattr(torch.nn, name)
    for name in ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")
)


def readers(node: fx.Node, region: Region) -> Iterator[fx.Node]:
    """Nodes that read the value, through modules that hand it on; not those that ask for its shape and the like."""
    for user in node.users:
        if hands_on(region.module(user)):
            yield from readers(user, region)
        elif not _is_metadata(user):
            yield user


def handed_on(node: fx.Node, region: Region) -> Iterator[fx.Node]:
    """The calls of modules through which `readers` get the value."""
    for user in node.users:
        if hands_on(region.module(user)):
            yield user
            yield from handed_on(user, region)


def hands_on(module: torch.nn.Module | None) -> bool:
    """Whether a module's output is the very tensor that it is given: Identity, and a dropout of nothing."""
    return isinstance(module, torch.nn.Identity) or (
        type(module) in DROPOUTS and getattr(module, "p", 1) == 0
    )


def changed_later(node: fx.Node, region: Region) -> tuple[str | None, str | None]:
    """Who changes a value in place after it was made, and who may, for all the graph can tell."""
    unknown: str | None = None
    waiting, seen = [node], {node}
    while waiting:
        value = waiting.pop()
        for user in value.users:
            if _changes(user, value, region):
                return f"`{_told(user, region)}` changes its output in place", unknown
            module = region.module(user)
            if module is not None and not is_leaf(module):
                unknown = (
                    f"its output goes into `{join(region.name, str(user.target))}`, which does not trace"
                )
            if user.op == "output" and not region.whole:
                unknown = f"its output leaves `{region.name}`, around which the model does not trace"
            if _may_alias(user, value, region) and user not in seen:
                seen.add(user)
                waiting.append(user)
    return None, unknown


def kept_by(node: fx.Node, region: Region) -> str | None:
    """Who keeps the value for backward anyway, as far as the graph tells; None where surely nobody does."""
    for user in keepers(node, region):
        return "whoever reads the output of the model" if user.op == "output" else f"`{_told(user, region)}`"
    return None


def keepers(node: fx.Node, region: Region) -> Iterator[fx.Node]:
    """All that may keep the value for backward, or give it to others (the output)."""
    waiting, seen = [node], {node}
    while waiting:
        value = waiting.pop()
        for user in value.users:
            if _is_metadata(user) or user in seen:
                continue
            seen.add(user)
            module = region.module(user)
            if _may_alias(user, value, region):
                waiting.append(user)
            elif not (isinstance(module, _FORGETFUL_MODULES) or _name(user) in _FORGETS):
                yield user


def _name(node: fx.Node) -> str:
    if node.op == "call_module":
        return ""
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")


def _is_metadata(node: fx.Node) -> bool:
    if node.op == "call_function" and node.target is getattr:
        return node.args[1] in _METADATA
    return node.op == "call_method" and node.target in _METADATA


def _changes(user: fx.Node, value: fx.Node, region: Region) -> bool:
    first = user.args[0] if user.args else user.kwargs.get("input", user.kwargs.get("self"))
    if user.kwargs.get("out") is value:
        return True
    if first is not value:
        return False
    if user.op == "call_module":
        return bool(getattr(region.module(user), "inplace", False))
    name = _name(user)
    if user.target in _IN_PLACE_OPERATORS or user.kwargs.get("inplace"):
        return True
    if (call := read_node(user)) is not None:
        return call.inplace
    return name.endswith("_") and not name.endswith("__")


def _may_alias(user: fx.Node, value: fx.Node, region: Region) -> bool:
    if _is_metadata(user):
        return False
    module = region.module(user)
    if module is not None:
        return isinstance(module, _VIEW_MODULES) or _changes(user, value, region)
    return _name(user) in _VIEWS or _changes(user, value, region)


def _told(node: fx.Node, region: Region) -> str:
    return join(region.name, str(node.target)) if node.op == "call_module" else _name(node)
