"""What a traced graph says about one value: who reads it, changes it in place, shares its memory, may keep it."""

from __future__ import annotations

import operator
from collections.abc import Iterator

import torch
from torch import fx

from leaky import nn
from leaky.models.functions import read_node
from leaky.models.trace import Region, is_leaf, join

VIEWS = frozenset(
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
"""Operations whose result may be the argument itself or a view of it."""
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
        "sigmoid",
        "tanh",
        "exp",
        "softmax",
        "log_softmax",
    ]
)
_FORGETFUL_MODULES = (
    torch.nn.Upsample,
    torch.nn.PixelShuffle,
    torch.nn.PixelUnshuffle,
    torch.nn.modules.padding._ConstantPadNd,
    torch.nn.Sigmoid,
    torch.nn.Tanh,
    torch.nn.Softmax,
    torch.nn.LogSoftmax,
    torch.nn.ChannelShuffle,
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
        elif not is_metadata(user):
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
                return f"`{told(user, region)}` changes its output in place", unknown
            module = region.module(user)
            if module is not None and not is_leaf(module):
                unknown = (
                    f"its output goes into `{join(region.name, str(user.target))}`, which does not trace"
                )
            if user.op == "output" and not region.whole:
                unknown = f"its output leaves `{region.name}`, around which the model does not trace"
            if may_alias(user, value, region) and user not in seen:
                seen.add(user)
                waiting.append(user)
    return None, unknown


def keepers(node: fx.Node, region: Region) -> Iterator[fx.Node]:
    """All that may keep the value for backward, or give it to others (the output)."""
    waiting, seen = [node], {node}
    while waiting:
        value = waiting.pop()
        for user in value.users:
            if is_metadata(user) or user in seen or drops(user, region):
                continue
            seen.add(user)
            if may_alias(user, value, region):
                waiting.append(user)
            elif not forgets(user, region):
                yield user


def drops(node: fx.Node, region: Region) -> bool:
    """Whether a dropout surely makes a tensor of its own, for which it keeps a mask and no more."""
    module = region.module(node)
    if isinstance(module, torch.nn.modules.dropout._DropoutNd):
        return region.training and module.p > 0 and not module.inplace
    call = read_node(node)
    return call is not None and call.other == "Dropout" and not call.inplace


def forgets(user: fx.Node, region: Region) -> bool:
    """Whether an operation surely does not keep what it reads."""
    return isinstance(region.module(user), _FORGETFUL_MODULES) or name_of(user) in _FORGETS


def name_of(node: fx.Node) -> str:
    """The name of the function or method that a node calls; empty for modules."""
    if node.op == "call_module":
        return ""
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")


def is_metadata(node: fx.Node) -> bool:
    """Whether a node asks for a shape and the like."""
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
    name = name_of(user)
    if user.target in _IN_PLACE_OPERATORS or user.kwargs.get("inplace"):
        return True
    if (call := read_node(user)) is not None:
        return call.inplace
    return name.endswith("_") and not name.endswith("__")


def may_alias(user: fx.Node, value: fx.Node, region: Region) -> bool:
    """Whether what a node makes may be the memory of a value that it reads."""
    if is_metadata(user):
        return False
    module = region.module(user)
    if module is not None:
        return isinstance(module, _VIEW_MODULES) or _changes(user, value, region)
    return name_of(user) in VIEWS or _changes(user, value, region)


def told(node: fx.Node, region: Region) -> str:
    """A node by name."""
    return join(region.name, str(node.target)) if node.op == "call_module" else name_of(node)
