"""Conventions as data, other frameworks' names as specs, and translation; the contract proves what the rows say."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import leaky
from leaky.catalogue.conventions import CONVENTIONS, FRAMEWORKS, Convention, conventions_of
from leaky.catalogue.conventions.record import REQUIRED
from leaky.errors import ArgumentError, ArgumentTypeError, UnknownNameError

CALLS = sorted({(row.framework, name) for row in CONVENTIONS for name in row.names})


def row_of(entry: str, framework: str, backend: str = "", call: str = "") -> Convention:
    return next(
        row
        for row in leaky.catalogue[entry].conventions
        if (row.framework, row.backend) == (framework, backend) and call in row.call
    )


@pytest.mark.parametrize(
    "row", CONVENTIONS, ids=lambda row: f"{row.framework}-{row.backend}-{row.call}-{row.entry}"
)
def test_a_row_fits_its_entry(row: Convention) -> None:
    entry = leaky.catalogue[row.entry]
    known = {parameter.name for parameter in entry.parameters}
    assert {a.parameter for a in row.arguments if a.parameter} | {name for name, _ in row.fixed} <= known
    defaults = {name: value for name, value in row.defaults.items() if value is not None}
    entry.bind(**defaults)  # in the entry's domain
    assert row.version or row.framework == "leaky"
    assert row.source
    question = row.question
    assert len(row.answers.gradients) in (0, len(question.kinks))
    assert len(row.answers.values) in (0, len(question.points))
    assert {side for _, _, side in row.gradients} <= {"left", "right", "middle", "smooth", "neither"}
    assert list(row.row()) == list(CONVENTIONS[0].row())
    assert all(isinstance(cell, str) for cell in row.row().values())
    again = pickle.loads(pickle.dumps(row))
    assert repr(again) == repr(row)
    assert [a.default is REQUIRED for a in again.arguments] == [a.default is REQUIRED for a in row.arguments]


def test_every_entry_has_rows_and_every_row_an_entry() -> None:
    assert {row.entry for row in CONVENTIONS} <= set(leaky.catalogue)
    for entry in leaky.catalogue.values():
        assert entry.conventions == conventions_of(entry.name)
        assert any(row.framework == "leaky" for row in entry.conventions) == (entry.value_formula is not None)


def test_only_rows_of_frameworks_that_the_contract_calls_are_tested() -> None:
    proved = {(row.framework, row.backend) for row in CONVENTIONS if row.evidence == "tested"}
    assert proved == {
        ("leaky", ""),
        ("torch", ""),
        ("jax", ""),
        ("flax", ""),
        ("keras", "torch"),
        ("keras", "jax"),
        ("keras", "numpy"),
        ("onnx", "onnxruntime"),
    }


def test_five_slopes_at_zero_for_one_name() -> None:
    assert row_of("leaky_relu", "torch").side == "left"
    assert row_of("leaky_relu", "jax").side == "right"
    assert row_of("leaky_relu", "theano").side == "middle"
    assert (row_of("prelu", "keras", "torch").gradient_at_zero, row_of("prelu", "keras", "torch").side) == (
        0,
        "neither",
    )
    assert (row_of("prelu", "mlx").gradient_at_zero, row_of("prelu", "mlx").side) == (1.1, "neither")
    assert row_of("celu", "torch").side == "smooth"
    assert row_of("celu", "keras", "tensorflow").side == "neither"
    assert row_of("gelu", "torch").side is None


def test_a_row_as_text() -> None:
    found = row_of("leaky_relu", "keras", "jax", "LeakyReLU").row()
    assert found["framework"] == "keras on jax"
    assert found["defaults"] == "negative_slope=0.3"
    assert found["f'(0)"] == "1 (right)"
    assert row_of("leaky_relu", "keras", "torch", "LeakyReLU").row()["f'(0)"] == "0.3 (left)"
    assert row_of("prelu", "mlx").row()["f'(0)"] == "1.1 at negative_slope 0.1 (neither side)"
    assert row_of("hardsigmoid", "jax").row()["defaults"] == "slope 0.166667, offset 0.5, fixed"
    assert row_of("relu", "caffe").row()["f(-inf)"] == "NaN"
    assert row_of("leaky_relu", "mxnet").row()["defaults"] == "alpha=required"


@pytest.mark.parametrize(
    ("entry", "framework", "backend", "call", "cells"),
    [
        ("elu", "torch", "", "ELU", ("1 (left)", "1", "-1")),
        ("elu", "leaky", "", "ELU", ("1 (left)", "NaN", "-1")),
        ("celu", "onnx", "onnxruntime", "Celu", ("", "", "-1")),
        ("leaky_relu", "torch", "", "LeakyReLU", ("0.01 (left)", "0.01", "-inf")),
        ("leaky_relu", "keras", "jax", "LeakyReLU", ("1 (right)", "0.3", "-inf")),
        ("leaky_relu", "keras", "torch", "layers.ReLU", ("0 (left)", "1", "0")),
        ("leaky_relu", "keras", "jax", "layers.ReLU", ("0 (left)", "0", "0")),
        ("prelu", "keras", "torch", "PReLU", ("0 (left)", "1", "NaN")),
        ("rrelu", "torch", "", "RReLU", ("0.22917 (left)", "0.22917", "-inf")),
        (
            "leaky_relu",
            "mxnet",
            "",
            "LeakyReLU",
            ("0.1 at negative_slope 0.1 (left)", "0.1 at negative_slope 0.1", "-inf"),
        ),
        ("hardtanh", "onnx", "onnxruntime", "Clip", ("", "", "-1 at min_val -1.0, max_val 1.0")),
    ],
)
def test_cells_are_answers_at_the_defaults_beside_them(
    entry: str, framework: str, backend: str, call: str, cells: tuple[str, str, str]
) -> None:
    """f'(0), f'(NaN) and f(-inf), which were asked at other parameters; the contract asks the frameworks for them."""
    found = row_of(entry, framework, backend, call).row()
    assert (found["f'(0)"], found["f'(NaN)"], found["f(-inf)"]) == cells


def test_answers_say_where_they_were_asked() -> None:
    elu = row_of("elu", "torch")
    assert (elu.answers.at, elu.answers.minus_infinity) == ((("alpha", 2.0),), -2)
    assert (elu.answers_at().at, elu.answers_at().minus_infinity) == ((("alpha", 1.0),), -1)
    assert elu.answers_at(alpha=0.5).gradients == (0.5,)
    assert row_of("hardsigmoid", "onnx", "onnxruntime").answers.at == (("slope", 0.2), ("offset", 0.5))
    assert row_of("prelu", "mlx").answers_at(negative_slope=0.25).gradients == (None,)  # no rule tells
    for row in CONVENTIONS:
        assert [name for name, _ in row.answers.at] == [p.name for p in leaky.catalogue[row.entry].parameters]


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("keras:leaky_relu", "leaky_relu(negative_slope=0.2)"),
        ("keras:LeakyReLU", "leaky_relu(negative_slope=0.3)"),
        ("keras:LeakyReLU(alpha=0.25)", "leaky_relu(negative_slope=0.25)"),
        ("keras:layers.LeakyReLU(1/3)", "leaky_relu(negative_slope=0.3333333333333333)"),
        ("keras2:LeakyReLU(-0.1)", "leaky_relu(negative_slope=-0.1)"),
        (" tf : nn.leaky_relu ", "leaky_relu(negative_slope=0.2)"),
        ("tf:tf.nn.leaky_relu(x, alpha=0.5)", "leaky_relu(negative_slope=0.5)"),
        ("torch:LeakyReLU(0.1)", "leaky_relu(negative_slope=0.1)"),
        ("pytorch:nn.functional.leaky_relu", "leaky_relu(negative_slope=0.01)"),
        ("onnx:LeakyRelu", "leaky_relu(negative_slope=0.01)"),
        ("ort:HardSigmoid", "hardsigmoid(slope=0.2, offset=0.5)"),
        ("torch:Hardsigmoid", "hardsigmoid(slope=0.16666666666666666, offset=0.5)"),
        ("keras:PReLU", "prelu(negative_slope=0.0)"),
        ("flax:PReLU", "prelu(negative_slope=0.01)"),
        ("jax:gelu", "gelu(approximate='tanh')"),
        ("jax:gelu(approximate=False)", "gelu(approximate='none')"),
        ("keras:gelu", "gelu(approximate='none')"),
        ("keras:ops.gelu", "gelu(approximate='tanh')"),
        ("keras:ReLU", "relu"),
        ("keras:ReLU(max_value=6)", "relu6"),
        ("keras:ReLU(max_value=5)", "clipped_relu(ceiling=5.0)"),
        ("keras:ReLU(negative_slope=0.1)", "leaky_relu(negative_slope=0.1)"),
        ("keras:relu(0.1)", "leaky_relu(negative_slope=0.1)"),
        ("keras:ReLU(threshold=1.0)", "thresholded_relu(threshold=1.0)"),
        ("torch:Threshold(0.5, 0)", "thresholded_relu(threshold=0.5)"),
        ("caffe:ReLU", "relu"),
        ("caffe:leaky_relu(0.1)", "leaky_relu(negative_slope=0.1)"),
        ("darknet:leaky", "leaky_relu(negative_slope=0.1)"),
        ("mxnet:rrelu", "rrelu(lower=0.125, upper=0.334, form='multiply')"),
        ("mlpack:leaky_relu", "leaky_relu(negative_slope=0.03)"),
        ("chainer:clipped_relu", "clipped_relu(ceiling=20.0)"),
        ("lasagne:very_leaky_rectify", "very_leaky_relu"),
        ("leaky:leaky_relu", "leaky_relu(negative_slope=0.01)"),
    ],
)
def test_a_call_of_a_framework_is_a_spec(text: str, spec: str) -> None:
    assert str(leaky.parse(text)) == spec
    assert leaky.parse(str(leaky.parse(text))) == leaky.parse(text)


@pytest.mark.parametrize(("framework", "name"), CALLS)
def test_every_name_is_found_whole(framework: str, name: str) -> None:
    """Only an argument that must be given may stand in the way."""
    rows = [row for row in CONVENTIONS if row.framework == framework and name in row.names]
    text = f"{framework}:{name.rpartition('=')[2]}"
    values = {a.name: 0.25 for a in rows[0].arguments if a.default in (REQUIRED, None) and a.parameter}
    values |= {a.name: a.must for a in rows[0].arguments if a.parameter is None and a.default != a.must}
    values |= {"max": 2} if "max" in values else {}
    text += f"({', '.join(f'{key}={value!r}' for key, value in values.items())})" if values else ""
    assert leaky.parse(text).activation.name in {row.entry for row in rows}


HOW = "; write a framework's call, such as keras:LeakyReLU(negative_slope=0.2)"


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("kears:relu", UnknownNameError, "unknown framework `kears`: did you mean `keras`?"),
        (
            "keras:LeakyRelu",
            UnknownNameError,
            "unknown activation of keras `LeakyRelu`: did you mean `leaky_relu`?",
        ),
        ("keras:", ArgumentError, "activation: cannot read `keras:`" + HOW),
        ("keras:relu relu", ArgumentError, "activation: cannot read `keras:relu relu`" + HOW),
        ("keras:relu()()", ArgumentError, "activation: cannot read `keras:relu()()`" + HOW),
        ("keras:elu(**{})", ArgumentError, "activation: cannot read `keras:elu(**{})`" + HOW),
        ("keras:elu(y)", ArgumentError, "elu: parameters must be numbers, got `y` in `keras:elu(y)`"),
        (
            "keras:LeakyReLU(slope=1)",
            ArgumentError,
            "keras:LeakyReLU: takes `negative_slope`, got `LeakyReLU(slope=1)`",
        ),
        (
            "keras:LeakyReLU(0.1, negative_slope=1)",
            ArgumentError,
            "keras:LeakyReLU: `negative_slope` given twice, got `LeakyReLU(0.1, negative_slope=1)`",
        ),
        ("jax:relu(0.1)", ArgumentError, "jax:relu: takes no arguments, got `relu(0.1)`"),
        ("onnx:PRelu", ArgumentError, "onnx:PRelu: `slope` has no default; give it, got `PRelu`"),
        ("torch:LeakyReLU(nan)", ArgumentError, "leaky_relu: `negative_slope` must be finite, got nan"),
        *(
            (
                f"torch:PReLU({count})",
                ArgumentError,
                f"torch:PReLU: `num_parameters` must be a whole number of at least 1, got `PReLU({count})`",
            )
            for count in ("0", "2.5", "True")
        ),
        (
            "torch:LeakyReLU(True)",
            ArgumentTypeError,
            "leaky_relu: `negative_slope` must be a number, got True",
        ),
        (
            "torch:Threshold(1, 2)",
            ArgumentError,
            "torch:Threshold: is an activation of the catalogue only with value=0.0, got `Threshold(1, 2)`",
        ),
    ],
)
def test_what_is_no_call_of_a_framework_is_said(text: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        leaky.parse(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("length", [10, 100, 225])
@pytest.mark.parametrize("inner", ["-", "1/", "-(", "f."])
def test_nesting_never_crashes(inner: str, length: int) -> None:
    with pytest.raises(ArgumentError):
        leaky.parse(f"keras:elu({inner * length}y{')' * length if '(' in inner else ''})"[:500])


@pytest.mark.parametrize(
    ("source", "to", "call"),
    [
        ("keras:LeakyReLU", "torch", "torch.nn.LeakyReLU(negative_slope=0.3)"),
        ("keras:LeakyReLU(negative_slope=0.2)", "jax", "jax.nn.leaky_relu(x, negative_slope=0.2)"),
        ("tf:nn.leaky_relu", "torch", "torch.nn.functional.leaky_relu(x, negative_slope=0.2)"),
        ("torch:LeakyReLU(0.1)", "keras", "keras.layers.LeakyReLU(negative_slope=0.1)"),
        ("torch:LeakyReLU(-0.1)", "keras", "keras.activations.leaky_relu(x, negative_slope=-0.1)"),
        ("torch:LeakyReLU(0.1)", "darknet", "activation=leaky"),
        ("onnx:LeakyRelu", "tf", "tf.nn.leaky_relu(x, alpha=0.01)"),
        ("leaky_relu(0.1)", "onnx", "LeakyRelu(alpha=0.1)"),
        ("leaky_relu(0.1)", "leaky", "leaky.nn.LeakyReLU(negative_slope=0.1)"),
        ("torch:PReLU", "keras", "keras.layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25))"),
        ("keras:PReLU", "torch", "torch.nn.PReLU(init=0.0)"),
        (
            "torch:PReLU(8)",
            "keras",
            "keras.layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25))",
        ),
        ("torch:PReLU(8, init=0.1)", "paddle", "paddle.nn.PReLU(num_parameters=8, init=0.1)"),
        ("mlx:PReLU(num_parameters=4)", "torch", "torch.nn.PReLU(num_parameters=4, init=0.25)"),
        ("torch:PReLU(8)", "leaky", "leaky.prelu(x, negative_slope=0.25)"),
        ("jax:gelu", "torch", "torch.nn.functional.gelu(x, approximate='tanh')"),
        ("torch:GELU", "jax", "jax.nn.gelu(x, approximate=False)"),
        ("thresholded_relu(2)", "torch", "torch.nn.Threshold(threshold=2.0, value=0.0)"),
        ("very_leaky_relu", "torch", "torch.nn.LeakyReLU(negative_slope=0.3333333333333333)"),
        ("clipped_relu(6)", "torch", "torch.nn.ReLU6()"),
        ("clipped_relu(6)", "keras", "keras.layers.ReLU(max_value=6.0)"),
        ("clipped_relu(20)", "torch", "torch.nn.Hardtanh(min_val=0.0, max_val=20.0)"),
        ("relu6", "onnx", "Clip(min=0.0, max=6.0)"),
        ("leaky_relu(0)", "flax", "flax.linen.leaky_relu(x, negative_slope=0.0)"),
        ("elu(1)", "darknet", "activation=elu"),
        ("relu", "mlpack", "mlpack.LeakyReLU(alpha=0.0)"),
    ],
)
def test_translation(source: str, to: str, call: str) -> None:
    found = leaky.translate(source, to=to)
    assert str(found) == found.call == call
    assert found.exists


@pytest.mark.parametrize(
    ("source", "to", "words"),
    [
        ("torch:RReLU", "onnx", f"onnx has no rrelu; in evaluation it is LeakyRelu(alpha={11 / 48!r})"),
        (
            "keras2:hard_sigmoid",
            "keras",
            "keras has no hardsigmoid(slope=0.2, offset=0.5) (keras.activations.hard_sigmoid has slope 0.1667, fixed)"
            "; with other values there is keras.activations.hard_sigmoid(x)",
        ),
        ("crelu", "keras", "keras has no crelu"),
        ("crelu", "jax", "jax has no crelu; leaky.crelu(x, dim=1) computes it on JAX arrays"),
        ("dynamic_relu", "torch", "torch has no dynamic_relu; leaky.nn.DynamicReLU is a module for it"),
        (
            "leaky_relu(0.2)",
            "darknet",
            "darknet has no leaky_relu(negative_slope=0.2) (activation=leaky has negative_slope 0.1, fixed)",
        ),
    ],
)
def test_what_has_no_translation_is_said_in_one_line(source: str, to: str, words: str) -> None:
    found = leaky.translate(source, to=to)
    assert (str(found), found.call, found.exists, found.notes) == (words, "", False, ())


def test_the_nearest_gelu_is_as_near_as_the_words_say() -> None:
    x = [step / 64 for step in range(-640, 641)]
    exact, tanh = leaky.gelu(x), leaky.gelu(x, approximate="tanh")
    assert 0.0004 < max(abs(exact - tanh)) < 0.0005


@pytest.mark.parametrize(
    ("source", "to", "note"),
    [
        ("torch:LeakyReLU(0.2)", "jax", "f'(0) is 0.2 in torch, 1 in jax"),
        (
            "keras:LeakyReLU",
            "torch",
            "f'(0) is 0.3 in keras on torch/tensorflow and torch, 1 in keras on jax",
        ),
        ("torch:LeakyReLU(0)", "paddle", "f(-inf) is NaN in torch, -inf in paddle"),
        ("torch:LeakyReLU(0)", "leaky", "f(-inf) is NaN in torch, 0 in leaky"),
        ("torch:ReLU", "paddle", "f(NaN) is NaN in torch, 0 in paddle"),
        ("caffe:ReLU", "torch", "f(-inf) is NaN in caffe, 0 in torch"),
        ("torch:ReLU6", "tinygrad", "f'(6) is 0 in torch, 1 in tinygrad"),
        ("torch:Hardtanh", "jax", "f'(-1) is 0 in torch, 1 in jax"),
        ("lasagne:very_leaky_rectify", "torch", "f'(0) is 0.66667 in lasagne, 0.33333 in torch"),
        ("torch:CELU", "mlx", "f'(0) is 1 in torch, 0 (neither slope) in mlx"),
        ("torch:PReLU", "mlx", "f'(0) is 0.25 in torch, 1.1 at negative_slope 0.1 (neither slope) in mlx"),
        ("torch:ELU(0.5)", "onnx", "f(-1e-08) is -5e-09 in torch, 0 in onnx"),
        ("torch:Hardtanh(0, 5)", "keras", "f'(5) is 0 in torch, 1 in keras on torch, 0.5 in keras on jax"),
        ("torch:SELU", "onnx", "f(-1e-08) is -1.7581e-08 in torch, 0 in onnx"),
        (
            "torch:PReLU",
            "keras",
            "torch: one slope in all with num_parameters=1, otherwise one per channel (dim 1)",
        ),
    ],
)
def test_what_differs_all_the_same_is_noted(source: str, to: str, note: str) -> None:
    assert note in leaky.translate(source, to=to).notes


@pytest.mark.parametrize(
    ("source", "to"),
    [
        ("torch:LeakyReLU(0.2)", "tf"),
        ("leaky_relu(0.2)", "torch"),
        ("torch:ELU", "leaky"),
        ("jax:relu", "keras"),
        ("torch:Hardsigmoid", "onnx"),  # asked about at ONNX's own slope, 0.2
        ("jax:hard_sigmoid", "onnx"),
        ("torch:Hardtanh(0, 6)", "keras"),  # ReLU(max_value=6) is relu6
        ("keras:PReLU", "torch"),
        ("keras:ReLU(negative_slope=0.0)", "jax"),
        ("chainer:hard_sigmoid", "leaky"),
    ],
)
def test_nothing_is_noted_where_nothing_differs(source: str, to: str) -> None:
    kinks = [note for note in leaky.translate(source, to=to).notes if note.startswith("f")]
    assert kinks == []


def test_translation_refuses_unknown_frameworks() -> None:
    with pytest.raises(UnknownNameError, match=r"^unknown framework `torhc`: did you mean `torch`\?$"):
        leaky.translate("relu", to="torhc")
    assert "matlab" in FRAMEWORKS


@pytest.mark.parametrize("entry", list(leaky.catalogue))
@pytest.mark.parametrize("to", FRAMEWORKS)
def test_a_translation_read_back_is_the_same_function(entry: str, to: str) -> None:
    found = leaky.translate(entry, to=to)
    if not found.exists or to == "leaky" or "Constant(" in found.call:
        assert found.call or found.why_not.startswith(f"{to} has no {entry}") or to == "leaky"
        return
    back = leaky.parse(f"{to}:{found.call.rpartition('activation=')[2]}")
    x = [[-3.0, -0.5], [0.25, 8.0]]
    ours, theirs = found.spec.activation.value(x, *found.spec.values), back.activation.value(x, *back.values)
    assert np.allclose(ours, theirs, rtol=1e-6), (found.call, str(back))


@pytest.mark.parametrize("to", ["keras", "mxnet", "tensorflow", "torch", "onnx"])
def test_what_is_written_can_be_read(to: str) -> None:
    call = leaky.translate("prelu(negative_slope=0.3)", to=to)
    if call.exists:
        assert str(leaky.parse(f"{to}:{call}")) == "prelu(negative_slope=0.3)"


def test_a_modules_repr_can_be_read() -> None:
    text = "torch:LeakyReLU(negative_slope=0.2, inplace=True)"
    assert str(leaky.parse(text)) == "leaky_relu(negative_slope=0.2)"


def test_what_a_framework_refuses_is_refused() -> None:
    with pytest.raises(ArgumentError, match="keras:LeakyReLU: `negative_slope` must be at least 0, got"):
        leaky.parse("keras:LeakyReLU(negative_slope=-1)")
    with pytest.raises(ArgumentTypeError, match="framework: a name such as 'torch' is text, got None"):
        leaky.translate("relu", to=None)
