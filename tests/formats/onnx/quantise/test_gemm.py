import numpy as np
import onnx
import pytest

from tests.formats.onnx.quantise.figures import decoder_of
from vae_export.formats.onnx.passes.graph import OnnxGraph
from vae_export.formats.onnx.quantise.gemm import join_biases
from vae_export.formats.onnx.quantise.weighted import weighted_nodes


def joined(text, **weights):
    """(kind and number of inputs of every node, the biases) after biases were joined."""
    weights = {name: np.ones(shape, np.float32) for name, shape in weights.items()}
    model = onnx.load_from_string(decoder_of(text, **weights).data)
    graph = OnnxGraph.of(model)
    chosen = join_biases(graph, weighted_nodes(graph))
    onnx.checker.check_model(model, full_check=True)
    return [(node.op_type, len(node.input)) for node in model.graph.node], [
        None if weighted.bias is None else weighted.bias.shape for weighted in chosen
    ]


ROWS = "m (float[N, 4] z) => (float[N, 5] reconstruction) { a = MatMul (z, w) reconstruction = Add (%s) }"
SEQUENCES = "m (float[N, 2, 4] z) => (float[N, 2, 5] reconstruction) { a = MatMul (z, w) reconstruction = Add (a, b) }"


@pytest.mark.parametrize("order", ["a, b", "b, a"])
@pytest.mark.parametrize("bias", [(5,), (1, 5)])
def test_a_bias_is_joined(order, bias):
    assert joined(ROWS % order, w=(4, 5), b=bias) == ([("Gemm", 3)], [(5,)])


@pytest.mark.parametrize(
    ("text", "bias"),
    [
        (ROWS % "a, b", (1,)),
        (ROWS % "a, b", (1, 1, 5)),
        (ROWS % "a, a", (5,)),
        (ROWS.replace("Add", "Mul") % "a, b", (5,)),
    ],
    ids=["one for all", "another axis", "itself", "a factor"],
)
def test_what_is_no_bias_is_left(text, bias):
    text = text.replace("float[N, 5] rec", "float[1, N, 5] rec") if len(bias) == 3 else text
    nodes, biases = joined(text, w=(4, 5), b=bias)
    assert (nodes[0], len(nodes), biases) == (("Gemm", 2), 2, [None])


def test_what_others_need_too_is_left():
    text = ROWS.replace("}", "second = Relu (a) }").replace(
        "reconstruction) {", "reconstruction, float[N, 5] second) {"
    )
    nodes, biases = joined(text % "a, b", w=(4, 5), b=(5,))
    assert (nodes, biases) == ([("Gemm", 2), ("Add", 2), ("Relu", 1)], [None])


def test_sequences_stay_matrix_products():
    assert joined(SEQUENCES, w=(4, 5), b=(5,)) == ([("MatMul", 2), ("Add", 2)], [None])
