"""One activation as an ONNX file."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from leaky.catalogue import Spec
from leaky.errors import ArgumentError, ArgumentTypeError
from leaky.extras import require
from leaky.nn.modules import activation


def export(
    activation_or_module: str | Spec | torch.nn.Module,
    path: str | os.PathLike[str],
    *,
    example: torch.Tensor | None = None,
    opset_version: int | None = None,
) -> Path:
    """Write an activation, or a model with some, as an ONNX file in evaluation mode, and check it.

    It goes through `torch.onnx.export`, with which any model with leaky's modules exports too. Activations become
    the operators that the catalogue names where the opset has them (LeakyRelu, PRelu, Elu, ThresholdedRelu,
    HardSigmoid, ...), several standard ones otherwise: `leaky.catalogue["leaky_relu"].onnx`. Where those
    are not torch's at the ends, the file is not either: ONNX Runtime's Shrink and ThresholdedRelu (of Hardshrink and
    ThresholdedReLU) make 0 of NaN, and its Gelu is inf at inf, where torch's is NaN.

    Args:
        activation_or_module: a spec such as `elu(alpha=0.5)`, or a module; its mode is left as it was.
        path: the file to write.
        example: an input; the file takes others whose axes have other lengths, but for those on which the
            module insists, such as the channels of learned parameters. By default float32 of shape (2, 4, 6, 6).
        opset_version: of the operators; torch's default otherwise. Below 20 GELU is composed of others.

    Returns:
        The path that was written.

    Raises:
        MissingExtraError: onnx or onnxscript is not installed.
        ArgumentTypeError: the first argument is neither a spec nor a module.
        ArgumentError: the spec is none, or its module needs channels: give leaky.nn.DynamicReLU(C); `path` is no
            file in a folder that is there; `example` does not fit; or torch has no way to that opset.

    Example:
        >>> import leaky.nn, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     leaky.nn.export("leaky_relu(negative_slope=0.2)", f"{folder}/leaky.onnx").name
        'leaky.onnx'
    """
    for needed in ("onnx", "onnxscript"):
        require(needed, "onnx", "leaky.nn.export")
    if isinstance(activation_or_module, torch.nn.Module):
        module = activation_or_module
    elif isinstance(activation_or_module, str | Spec):
        module = activation(activation_or_module)
    else:
        raise ArgumentTypeError(
            "export: the activation must be a spec such as 'elu(alpha=0.5)' or a torch.nn.Module, got "
            f"{type(activation_or_module).__name__}"
        )
    if example is None:
        parameter = next(module.parameters(), torch.empty(0))
        example = torch.zeros(2, 4, 6, 6, dtype=parameter.dtype, device=parameter.device)
    if not isinstance(example, torch.Tensor):
        raise ArgumentTypeError(f"export: `example` must be a tensor, got {type(example).__name__}")
    if opset_version is not None and (isinstance(opset_version, bool) or not isinstance(opset_version, int)):
        raise ArgumentTypeError(f"export: `opset_version` must be an integer, got {opset_version!r}")
    target = Path(path)
    if target.is_dir():
        raise ArgumentError(f"export: `path` is {str(target)!r}, which is a folder; name a file in it")
    if not target.parent.is_dir():
        raise ArgumentError(f"export: `path` is in {str(target.parent)!r}, which is no folder; make it first")
    _write(module, example, target, opset_version)
    return target


def _write(module: torch.nn.Module, example: torch.Tensor, path: Path, opset_version: int | None) -> None:
    import onnx

    modes = [(each, each.training) for each in module.modules()]
    lengths = tuple(torch.export.Dim.AUTO if length > 1 else None for length in example.shape)
    try:
        with torch.no_grad():
            module.eval()(
                example
            )  # what does not fit is told in the module's own words, not in the exporter's
        program = torch.onnx.export(
            module,
            (example,),
            input_names=["x"],
            opset_version=opset_version,
            dynamic_shapes=(lengths,),
            dynamo=True,
            verbose=False,
        )
    finally:
        for each, training in modes:
            each.training = training
    assert program is not None  # the default exporter returns what it made
    made = program.model.opset_imports[""]
    if opset_version not in (None, made):  # a conversion that fails is only logged
        raise ArgumentError(
            f"export: `opset_version` {opset_version} cannot express this module, {made} can; leave it out"
        )
    program.save(path)
    onnx.checker.check_model(str(path), full_check=True)
