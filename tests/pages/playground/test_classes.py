"""How many classes an input tells apart."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from vae_export.pages.playground.classes import count_classes


def graph(nodes, **stored):
    """A file with the input `label`."""
    made = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("label", TensorProto.INT32, [None, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in stored.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()


def node(kind, inputs, output, **attributes):
    return helper.make_node(kind, inputs.split(), [output], **attributes)


TABLE = np.zeros((10, 4), np.float32)


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (graph([node("Gather", "table label", "y")], table=TABLE), 10),
        (graph([node("Gather", "table label", "y", axis=1)], table=TABLE), 4),
        (
            graph(
                [
                    node("Cast", "label", "a", to=TensorProto.INT64),
                    node("Squeeze", "a", "b"),
                    node("Gather", "table b", "y"),
                ],
                table=TABLE,
            ),
            10,
        ),
        (
            graph(
                [node("DequantizeLinear", "table scale", "t"), node("Gather", "t label", "y")],
                table=TABLE.astype(np.uint8),
                scale=np.float32(0.1),
            ),
            10,
        ),
        (graph([node("OneHot", "label depth values", "y")], depth=np.int64(7), values=np.float32([0, 1])), 7),
        (
            graph(
                [node("Gather", "table label", "a"), node("Gather", "small label", "y")],
                table=TABLE,
                small=TABLE[:3],
            ),
            3,
        ),
        (graph([node("Cast", "label", "y", to=TensorProto.FLOAT)]), None),
        (graph([node("Gather", "label index", "y")], index=np.int64(0)), None),
    ],
    ids=["embedding", "axis", "moved", "quantised", "one-hot", "the least", "a number", "looked up in"],
)
def test_counts(data, count):
    assert count_classes(data, "label") == count


def test_an_embedding_of_keras(style_bundle):
    path = style_bundle("conditional_label", format="onnx")
    for role in ("encoder", "decoder"):
        assert count_classes((path / f"{role}.onnx").read_bytes(), "label") == 10
    onnx.checker.check_model(onnx.load(path / "decoder.onnx"))
