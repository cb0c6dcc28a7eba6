"""Each rule on a small graph with random weights, in ONNX Runtime, against the graph as it was."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from vae_export.formats.onnx.passes.lowering import lower_onnx

RNG = np.random.default_rng(0)
BATCHES = (1, 3)


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def model_of(shape, nodes, constants, outputs=("y",)):
    """A model of x ``[N, *shape]``, its nodes in ONNX' textual syntax."""
    sizes = ", ".join(["N", *map(str, shape)])
    results = ", ".join(f"float[?] {name}" for name in outputs)
    text = f'<ir_version: 8, opset_import: ["" : 17]> m (float[{sizes}] x) => ({results}) {{ {nodes} }}'
    model = onnx.parser.parse_model(text)
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in constants.items())
    return onnx.shape_inference.infer_shapes(model)


def outputs_of(model, arrays):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return [session.run(None, {"x": x}) for x in arrays]


def lower(shape, nodes, constants, outputs=("y",)):
    """(kinds of nodes afterwards, largest difference in the range of the outputs, the constants' bytes)."""
    model = model_of(shape, nodes, constants, outputs)
    arrays = [normal(batch, *shape) for batch in BATCHES]
    expected = outputs_of(model, arrays)
    lower_onnx(model)
    onnx.checker.check_model(model)
    difference = 0.0
    for one, other in zip(expected, outputs_of(model, arrays), strict=True):
        for before, after in zip(one, other, strict=True):
            assert before.shape == after.shape
            assert before.std() > 0.01
            difference = max(difference, np.abs(before - after).max() / np.ptp(before))
    return sorted(node.op_type for node in model.graph.node), difference, model.graph.initializer


CONV = "Conv <pads = [1, 1, 1, 1]>"


@pytest.mark.parametrize(
    ("shape", "nodes", "constants", "kinds"),
    [
        pytest.param(
            (4, 3, 5),
            "t = Transpose <perm = [0, 2, 3, 1]> (x) r = Reshape (t, s) y = MatMul (r, w)",
            {"s": ints(-1, 60), "w": normal(60, 7)},
            ["MatMul", "Reshape"],
            id="transpose, flatten, matmul",
        ),
        pytest.param(
            (6, 5),
            "t = Transpose <perm = [0, 2, 1]> (x) r = Reshape (t, s) a = MatMul (r, w) b = MatMul (r, v) y = Add (a, b)",
            {"s": ints(0, -1), "w": normal(30, 7), "v": normal(30, 7)},
            ["Add", "MatMul", "MatMul", "Reshape"],
            id="several matmuls, one axis",
        ),
        pytest.param(
            (6,),
            "a = MatMul (x, w) b = Add (a, c) d = Relu (b) r = Reshape (d, s) y = Transpose <perm = [0, 3, 1, 2]> (r)",
            {"w": normal(6, 60), "c": normal(60), "s": ints(-1, 3, 5, 4)},
            ["Add", "MatMul", "Relu", "Reshape"],
            id="matmul, unflatten, transpose",
        ),
        pytest.param(
            (6,),
            "a = MatMul (x, w) b = LeakyRelu (a) r = Reshape (b, s) t = Transpose <perm = [0, 3, 1, 2]> (r) y = Relu (t)",
            {"w": normal(6, 60), "s": ints(0, 3, 5, 4)},
            ["LeakyRelu", "MatMul", "Relu", "Reshape"],
            id="no bias, something behind",
        ),
    ],
)
def test_values_are_moved_in_the_weights(shape, nodes, constants, kinds):
    found, difference, _ = lower(shape, nodes, constants)
    assert found == kinds
    assert difference < 1e-6


@pytest.mark.parametrize(
    ("shape", "nodes", "constants", "kinds"),
    [
        pytest.param(
            (4, 5, 5),
            f"a = {CONV} (x, w) y = Add (a, c)",
            {"w": normal(6, 4, 3, 3), "c": normal(1, 6, 1, 1)},
            ["Conv"],
            id="bias of a convolution",
        ),
        pytest.param(
            (4, 5, 5),
            "a = ConvTranspose <strides = [2, 2]> (x, w, b) d = Mul (m, a) y = Add (d, c)",
            {"w": normal(4, 6, 3, 3), "b": normal(6), "m": normal(6, 1, 1), "c": normal(1)},
            ["ConvTranspose"],
            id="normalisation behind a transposed convolution",
        ),
        pytest.param(
            (5,),
            "a = MatMul (x, w) b = Add (a, c) d = Mul (b, m) y = Add (d, e)",
            {"w": normal(5, 7), "c": normal(7), "m": normal(7), "e": normal(7)},
            ["Add", "MatMul"],
            id="normalisation behind a dense layer",
        ),
        pytest.param(
            (5,),
            "a = Sub (x, c) d = Div (a, m) y = MatMul (d, w)",
            {"w": normal(5, 7), "c": normal(5), "m": normal(5)},
            ["Add", "MatMul"],
            id="normalisation before a dense layer",
        ),
        pytest.param(
            (6, 6, 1),
            f"a = Mul (x, m) r = Reshape (a, s) y = {CONV} (r, w)",
            {"w": normal(8, 1, 3, 3), "m": normal(1) / 255, "s": ints(-1, 1, 6, 6)},
            ["Conv", "Reshape"],
            id="rescaling before a reshape and a convolution",
        ),
        pytest.param(
            (6, 6, 3),
            "a = Mul (x, m) b = Add (a, c) t = Transpose <perm = [0, 3, 1, 2]> (b) y = Conv (t, w)",
            {"w": normal(8, 3, 3, 3), "m": normal(3), "c": normal(1, 1, 1, 3)},
            ["Conv", "Transpose"],
            id="normalisation by channel before a transpose and a convolution",
        ),
        pytest.param(
            (4, 5, 5),
            "a = Mul (x, m) y = ConvTranspose (a, w)",
            {"w": normal(4, 6, 3, 3), "m": normal(4, 1, 1)},
            ["ConvTranspose"],
            id="scale before a transposed convolution",
        ),
        pytest.param(
            (4, 5, 5),
            'a = Add (x, c) y = Conv <auto_pad = "VALID"> (a, w, b)',
            {"w": normal(6, 4, 3, 3), "b": normal(6), "c": normal(4, 1, 1)},
            ["Conv"],
            id="offset before a convolution without padding",
        ),
    ],
)
def test_scales_and_offsets_are_folded(shape, nodes, constants, kinds):
    found, difference, kept = lower(shape, nodes, constants)
    assert found == kinds
    assert difference < 1e-6
    assert not {"m", "c", "e"} & {initializer.name for initializer in kept}


@pytest.mark.parametrize(
    ("shape", "nodes", "constants", "outputs"),
    [
        pytest.param(
            (4, 3, 5),
            "t = Transpose <perm = [0, 2, 3, 1]> (x) r = Reshape (t, s) y = MatMul (r, w)",
            {"s": ints(-1, 60), "w": normal(60, 7)},
            ("y", "t"),
            id="a transposed output",
        ),
        pytest.param(
            (4, 3, 5),
            "t = Transpose <perm = [0, 2, 3, 1]> (x) r = Reshape (t, s) a = MatMul (r, w) b = Relu (r) y = MatMul (b, w)",
            {"s": ints(-1, 60), "w": normal(60, 7)},
            ("y", "a"),
            id="rows that others take too",
        ),
        pytest.param(
            (4, 3, 5),
            "t = Transpose <perm = [0, 2, 3, 1]> (x) r = Reshape (t, s) y = MatMul (r, w)",
            {"s": ints(-1, 12), "w": normal(12, 7)},
            ("y",),
            id="shorter rows",
        ),
        pytest.param(
            (6,),
            "a = MatMul (x, w) b = Softmax (a) r = Reshape (b, s) y = Transpose <perm = [0, 3, 1, 2]> (r)",
            {"w": normal(6, 60), "s": ints(-1, 3, 5, 4)},
            ("y",),
            id="a function of several values",
        ),
        pytest.param(
            (4, 5, 5),
            f"a = Add (x, c) y = {CONV} (a, w)",
            {"w": normal(6, 4, 3, 3), "c": normal(4, 1, 1)},
            ("y",),
            id="an offset that the padding has not",
        ),
        pytest.param(
            (4, 5, 5),
            "a = Add (x, c) y = ConvTranspose (a, w)",
            {"w": normal(4, 6, 3, 3), "c": normal(4, 1, 1)},
            ("y",),
            id="an offset that borders have less of",
        ),
        pytest.param(
            (4, 5, 5),
            f"a = {CONV} (x, w) y = Mul (a, m)",
            {"w": normal(6, 4, 3, 3), "m": normal(1, 1, 5)},
            ("y",),
            id="a factor for each column",
        ),
        pytest.param(
            (4, 5, 5),
            f"a = {CONV} (x, w) b = Mul (a, m) y = Relu (a)",
            {"w": normal(6, 4, 3, 3), "m": normal(1)},
            ("y", "b"),
            id="an output that is taken before it is scaled",
        ),
        pytest.param(
            (4, 5, 5),
            "a = Conv <group = 2> (x, w) y = Mul (a, m)",
            {"w": normal(6, 2, 3, 3), "m": normal(6, 1, 1)},
            ("y",),
            id="groups",
        ),
        pytest.param(
            (5,),
            "a = Sub (x, c) d = Mul (a, m) y = MatMul (d, w)",
            {"w": normal(5, 7), "c": np.full(5, 1000, np.float32), "m": np.ones(5, np.float32) * 2},
            ("y",),
            id="an offset whose subtraction would lose digits",
        ),
    ],
)
def test_what_is_left_as_it_is(shape, nodes, constants, outputs):
    before = sorted(node.op_type for node in model_of(shape, nodes, constants, outputs).graph.node)
    found, _, _ = lower(shape, nodes, constants, outputs)
    # A multiplication right before the weights is folded without harm.
    assert found in (before, [kind for kind in before if kind != "Mul"])
    assert {"Transpose", "Add", "Sub"} & set(before) == {"Transpose", "Add", "Sub"} & set(found)
