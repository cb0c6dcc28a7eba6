"""Canonical bytes, of small graphs in ONNX' textual syntax."""

import random

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from vae_export.formats.onnx.passes.canonical import all_nodes, canonicalise, outer_inputs
from vae_export.formats.onnx.passes.lowering import lower_onnx

BRANCH = (
    "r = If (c) <then_branch = t () => (float[N, 4] u) { p = Mul (x, k) u = Relu (p) }, "
    "else_branch = e () => (float[N, 4] v) { v = Neg (a) }>"
)


def model_of(nodes, **constants):
    text = f'<ir_version: 8, opset_import: ["" : 17]> m (float[N, 4] x) => (float[N, 4] y) {{ {nodes} }}'
    model = onnx.parser.parse_model(text)
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(values), name) for name, values in constants.items()
    )
    return model


def canonical(model):
    canonicalise(model, {"x": "z"}, {"role": "decoder"})
    return model.SerializeToString(deterministic=True)


def shuffled(model, seed):
    """Another order in which the nodes can run."""
    left, known = list(model.graph.node), {"", "x", *(one.name for one in model.graph.initializer)}
    order, generator = [], random.Random(seed)
    while left:
        ready = [node for node in left if known.issuperset(outer_inputs(node))]
        node = generator.choice(ready)
        left.remove(node)
        known.update(node.output)
        order.append(onnx.NodeProto.FromString(node.SerializeToString()))
    result = onnx.ModelProto.FromString(model.SerializeToString())
    del result.graph.node[:]
    result.graph.node.extend(order)
    return result


@pytest.mark.parametrize(
    "nodes",
    [
        pytest.param(
            "a = Neg (x) b = Relu (x) d = Tanh (x) f = Add (d, b) y = Add (f, a)", id="parallel nodes"
        ),
        pytest.param(
            f"a = Neg (x) b = Tanh (x) {BRANCH} y = Add (r, b)", id="a branch that reads outer tensors"
        ),
    ],
)
def test_bytes_do_not_depend_on_the_order_of_nodes(nodes):
    model = model_of(nodes, c=True, k=np.arange(4, dtype=np.float32))
    models = [shuffled(model, seed) for seed in range(20)]
    assert len({tuple(node.op_type for node in one.graph.node) for one in models}) > 1
    assert len({canonical(one) for one in models}) == 1


def test_nodes_without_use_are_dropped():
    model = model_of("a = Neg (x) b = Relu (x) y = Tanh (a)")
    canonical(model)
    assert [node.op_type for node in model.graph.node] == ["Neg", "Tanh"]


def test_omitted_inputs_have_no_producer():
    """Here the TopK, with an omitted output, comes after the Clip, with an omitted input."""
    model = model_of(
        "a = Clip (x, , h) p, i = TopK (a, n) y = Cast <to = 1> (i)", h=np.float32(1), n=np.array([4])
    )
    model.graph.node[1].output[0] = ""
    canonical(model)
    assert [node.op_type for node in model.graph.node] == ["Clip", "TopK", "Cast"]


def test_nodes_without_inputs_are_no_transposes():
    model = model_of("k = Constant <value_float = 2.0> () y = Mul (x, k)")
    lower_onnx(model)
    assert [node.op_type for node in model.graph.node] == ["Constant", "Mul"]


def test_outer_inputs():
    model = model_of(f"a = Neg (x) {BRANCH} y = Add (r, a)", c=True, k=np.zeros(4, np.float32))
    (branch,) = (node for node in all_nodes(model.graph) if node.op_type == "If")
    assert outer_inputs(branch) == ["c", "x", "k", "a"]
