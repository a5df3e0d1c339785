"""Frameworks nobody ran for this table: read in their source, or in their vendor's documentation."""

from __future__ import annotations

from typing import Any, Final

from leaky.catalogue.conventions.questions import INF, NAN, Answers
from leaky.catalogue.conventions.record import REQUIRED, Argument, Convention, Default, Evidence, parameter


def _slope(name: str, default: Default = REQUIRED) -> tuple[Argument, ...]:
    return (parameter(name, default, "negative_slope"),)


def _row(
    framework: str, version: str, source: str, entry: str, call: str, evidence: Evidence = "read", **more: Any
) -> Convention:
    return Convention(
        entry=entry, framework=framework, call=call, version=version, source=source, evidence=evidence, **more
    )


def _mxnet(entry: str, call: str, **more: Any) -> Convention:
    return _row(
        "mxnet",
        "master",
        "src/operator/leaky_relu-inl.h, mshadow_op.h",
        entry,
        f"mxnet.gluon.nn.{call}",
        **more,
    )


def _caffe(entry: str, layer: str, file: str, **more: Any) -> Convention:
    return _row("caffe", "master", f"src/caffe/layers/{file}.cpp, caffe.proto", entry, layer, **more)


def _darknet(entry: str, name: str, **more: Any) -> Convention:
    return _row("darknet", "master", "src/activations.h", entry, f"activation={name}", **more)


def _matlab(call: str) -> Convention:
    return _row(
        "matlab",
        "R2021a and later",
        "vendor's page of the function",
        "leaky_relu",
        call,
        "documented",
        arguments=_slope("scale", 0.01),
        remark="x >= 0 in the documentation; the side of the gradient at 0 is not said",
    )


def _nnlib(entry: str, name: str, **more: Any) -> Convention:
    return _row("nnlib", "master", "src/activations.jl", entry, f"NNlib.{name}", **more)


READ: Final = (
    _mxnet(
        "leaky_relu",
        "LeakyReLU",
        arguments=_slope("alpha"),
        answers=Answers((0.1,), NAN, 0.1, -INF, (NAN,)),
        remark="alpha is required; the operator underneath has slope=0.25, and a wrong gradient below a slope of 0",
    ),
    _mxnet(
        "prelu",
        "PReLU",
        arguments=(parameter("alpha_initializer", 0.25, "negative_slope", form="mxnet.init.Constant({})"),),
        answers=Answers((0.1,)),
        remark="`in_channels=1`: one slope in all",
    ),
    _mxnet(
        "elu", "ELU", arguments=(parameter("alpha", 1.0),), remark="the operator underneath has slope=0.25"
    ),
    _mxnet("selu", "SELU", answers=Answers((1.7581,))),
    _row(
        "mxnet",
        "master",
        "src/operator/leaky_relu-inl.h",
        "rrelu",
        "mxnet.nd.LeakyReLU",
        arguments=(
            Argument("act_type", default="leaky", must="rrelu"),
            parameter("lower_bound", 0.125, "lower"),
            parameter("upper_bound", 0.334, "upper"),
        ),
        remark="the upper bound is 0.334, not 1/3",
    ),
    _caffe(
        "relu",
        "ReLU",
        "relu_layer",
        arguments=(Argument("negative_slope", default=0.0, must=0.0),),
        answers=Answers((0.0,), NAN, 0.0, NAN),
        remark="max(x, 0) + negative_slope * min(x, 0): ReLU of -inf is 0 * -inf, NaN",
    ),
    _caffe(
        "leaky_relu",
        "ReLU",
        "relu_layer",
        arguments=_slope("negative_slope", 0.0),
        answers=Answers((0.1,), NAN, 0.0, -INF, (NAN,)),
        remark="in place with a slope below 0 the gradient is wrong",
    ),
    _caffe(
        "prelu",
        "PReLU",
        "prelu_layer",
        arguments=_slope("filler", 0.25),
        answers=Answers((0.1,)),
        remark="one slope per channel unless channel_shared",
    ),
    _darknet(
        "leaky_relu", "leaky", fixed=(("negative_slope", 0.1),), answers=Answers((0.1,), NAN, 0.1, -INF)
    ),
    _darknet("relu", "relu", answers=Answers((0.0,), NAN, None, NAN), remark="x * (x > 0): NaN at -inf"),
    _darknet("elu", "elu", fixed=(("alpha", 1.0),)),
    _darknet("selu", "selu", answers=Answers((1.0507,))),
    _darknet("hardtanh", "hardtan", fixed=(("min_val", -1.0), ("max_val", 1.0)), answers=Answers((0.0, 0.0))),
    _row(
        "mlpack",
        "2 and 3",
        "src/mlpack/methods/ann/layer/leaky_relu.hpp",
        "leaky_relu",
        "mlpack.LeakyReLU",
        arguments=_slope("alpha", 0.03),
        answers=Answers((1.0,), NAN),
        remark="max(x, alpha * x): another function above a slope of 1",
    ),
    _matlab("leakyReluLayer"),
    _matlab("leakyrelu"),
    _row(
        "coreml",
        "iOS 15 and later",
        "coremltools/converters/mil/mil/ops/defs/iOS15/activation.py",
        "leaky_relu",
        "coremltools.mb.leaky_relu",
        arguments=_slope("alpha"),
        answers=Answers((), NAN, None, -INF, (NAN,)),
        remark="no default; inference only",
    ),
    _nnlib("relu", "relu", answers=Answers((0.0,), NAN, 0.0)),
    _nnlib(
        "leaky_relu",
        "leakyrelu",
        arguments=_slope("a", 0.01),
        answers=Answers((0.1,), NAN, 0.1, -INF, (NAN,)),
    ),
    _nnlib("elu", "elu", arguments=(parameter("α", 1.0, "alpha"),)),
    _nnlib("celu", "celu", arguments=(parameter("α", 1.0, "alpha"),), answers=Answers((1.0,))),
    _row(
        "theano",
        "1.0",
        "theano/tensor/nnet/nnet.py",
        "leaky_relu",
        "theano.tensor.nnet.relu",
        arguments=_slope("alpha", 0.0),
        answers=Answers((0.55,), NAN, NAN),
        remark="(1 + a)/2 * x + (1 - a)/2 * |x|; at the default alpha=0, ReLU(-inf) is NaN",
    ),
    *(
        _row(
            "lasagne",
            "0.2",
            "lasagne/nonlinearities.py",
            entry,
            f"lasagne.nonlinearities.{name}",
            fixed=fixed,
            answers=Answers((slope,) if slope else ()),
        )
        for entry, name, fixed, slope in (
            ("relu", "rectify", (), 0.5),
            ("leaky_relu", "leaky_rectify", (("negative_slope", 0.01),), (1 + 0.01) / 2),
            ("very_leaky_relu", "very_leaky_rectify", (), (1 + 1 / 3) / 2),
        )
    ),
    _row(
        "onednn",
        "master",
        "src/common/math_utils.hpp",
        "leaky_relu",
        "eltwise_relu",
        arguments=_slope("alpha", 0.0),
        answers=Answers((0.1,), NAN, 0.1, -INF, (NAN,)),
    ),
    _row(
        "ncnn",
        "master",
        "src/layer/relu.cpp",
        "leaky_relu",
        "ReLU",
        arguments=_slope("slope", 0.0),
        answers=Answers((), NAN, None, -INF, (0.0,)),
        remark="a slope of 0 has a path of its own: 0 at -inf",
    ),
)
