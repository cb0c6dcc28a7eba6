import keras
import numpy as np
import onnx
import pytest
from keras import layers
from onnx import numpy_helper

from tests.formats.onnx.quantise.figures import decoder_of, quantise_onnx, run, sqnr, weights_of
from tests.tiny_models import half_of, randomise
from vae_export.errors import ConversionError
from vae_export.formats.onnx.convert import convert_to_onnx

RNG = np.random.default_rng(0)


def nodes_of(artifact):
    return [node.op_type for node in onnx.load_from_string(artifact.data).graph.node]


def makers_of(artifact, kind):
    """Kinds of the nodes that make what nodes of a kind take first."""
    graph = onnx.load_from_string(artifact.data).graph
    makers = {name: node.op_type for node in graph.node for name in node.output}
    return [makers.get(node.input[0]) for node in graph.node if node.op_type == kind]


@pytest.fixture(scope="module")
def convolutions():
    """Convolutions with all that may lie between them."""
    z = keras.Input((8, 8, 3), name="z")
    h = layers.Conv2D(8, 3, padding="same", activation="relu")(z)
    h = layers.MaxPooling2D()(h)
    h = layers.DepthwiseConv2D(3, padding="same")(h)
    h = layers.LeakyReLU()(h)
    h = layers.Conv2D(6, 3, padding="same", activation="relu6")(h)
    h = layers.Conv2DTranspose(5, 3, strides=2, padding="same", activation="relu")(h)
    h = layers.Conv2D(4, 3, padding="same")(h)
    model = randomise(keras.Model(z, {"reconstruction": layers.ELU()(h)}), 2)
    return convert_to_onnx(half_of(model), name="m")


def test_convolutions_with_all_between_them(convolutions):
    z = RNG.standard_normal((64, 8, 8, 3)).astype(np.float32)
    quantised = quantise_onnx(convolutions, "int8", {"z": z})
    before, after = (run(half, {"z": z})["reconstruction"] for half in (convolutions, quantised))
    # Five layers of 8 bits, one upon the other.
    assert sqnr(before, after) > 20
    # Every convolution takes integers, and those that others follow give integers.
    assert makers_of(quantised, "Conv") == ["DequantizeLinear"] * 4
    assert makers_of(quantised, "ConvTranspose") == ["DequantizeLinear"]
    assert makers_of(quantised, "Elu") == ["Conv"]
    assert makers_of(quantised, "MaxPool") == ["DequantizeLinear"]


def test_integers_are_moved_with_the_scale_they_have():
    """What is behind MaxPool has the scale of what is before: else it would be rounded twice."""
    text = """m (float[N, 2, 6, 6] z) => (float[N, 2, 3, 3] reconstruction) {
        a = Conv <pads = [1, 1, 1, 1]> (z, w)
        b = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (a)
        reconstruction = Conv <pads = [1, 1, 1, 1]> (b, w)
    }"""
    w, z = (RNG.standard_normal(shape).astype(np.float32) for shape in ((2, 2, 3, 3), (20, 2, 6, 6)))
    graph = onnx.load_from_string(quantise_onnx(decoder_of(text, w=w), "int8", {"z": z}).data).graph
    makers = {name: node for node in graph.node for name in node.output}
    (pool,) = [node for node in graph.node if node.op_type == "MaxPool"]
    (behind,) = [node for node in graph.node if node.input[0] in pool.output]
    assert (behind.op_type, makers[pool.input[0]].op_type) == ("QuantizeLinear", "DequantizeLinear")
    assert list(makers[pool.input[0]].input[1:]) == list(behind.input[1:])


@pytest.mark.parametrize("weight", [0, 1e-12, 1e-30], ids=["zeros", "small", "tiny"])
def test_a_bias_beside_next_to_no_weights(weight):
    """Scaled by such weights, the bias would not fit in 32 bits, and be cut without a word."""
    text = "m (float[N, 4] z) => (float[N, 3] reconstruction) { reconstruction = Gemm (z, w, b) }"
    w, b = RNG.standard_normal((4, 3)).astype(np.float32), np.float32([3.25, -2, 0])
    w[:, 0] = weight
    decoder = decoder_of(text, w=w, b=b)
    z = RNG.standard_normal((20, 4)).astype(np.float32)
    quantised = quantise_onnx(decoder, "int8", {"z": z})
    before, after = (run(half, {"z": z})["reconstruction"] for half in (decoder, quantised))
    np.testing.assert_allclose(after[:, 0], 3.25, rtol=0, atol=1e-5)
    np.testing.assert_allclose(after, before, rtol=0, atol=0.1)


def test_weights_that_lie_the_other_way_around():
    text = (
        "m (float[N, 9] z) => (float[N, 3] reconstruction) { reconstruction = Gemm <transB = 1> (z, w, b) }"
    )
    w, b, z = (RNG.standard_normal(shape).astype(np.float32) for shape in ((3, 9), 3, (20, 9)))
    decoder = decoder_of(text, w=w * np.float32([[1], [100], [1000]]), b=b)
    quantised = quantise_onnx(decoder, "int8", {"z": z})
    before, after = (run(half, {"z": z})["reconstruction"] for half in (decoder, quantised))
    assert min(sqnr(before[:, i], after[:, i]) for i in range(3)) > 35


def test_a_bias_of_groups():
    text = """m (float[N, 4, 5, 5] z) => (float[N, 6, 7, 7] reconstruction) {
        reconstruction = ConvTranspose <group = 2> (z, w, b)
    }"""
    w, b, z = (RNG.standard_normal(shape).astype(np.float32) for shape in ((4, 3, 3, 3), 6, (9, 4, 5, 5)))
    decoder = decoder_of(text, w=w, b=10 * b)
    quantised = quantise_onnx(decoder, "int8", {"z": z})
    before, after = (run(half, {"z": z})["reconstruction"] for half in (decoder, quantised))
    assert sqnr(before, after) > 40
    # Integer kernels take it that the scale of a bias is that of x times that of its channel.
    graph = onnx.load_from_string(quantised.data).graph
    makers = {name: node for node in graph.node for name in node.output}
    constants = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    (layer,) = [node for node in graph.node if node.op_type == "ConvTranspose"]
    x_scale, scales, bias_scales = (constants[makers[name].input[1]] for name in layer.input)
    np.testing.assert_array_equal(bias_scales, np.concatenate([x_scale * scales] * 2))


def test_sequences():
    text = """m (float[N, 5, 16] z) => (float[N, 5, 8] reconstruction) {
        a = MatMul (z, w)
        c = Add (a, b)
        d = Tanh (c)
        reconstruction = MatMul (d, v)
    }"""
    w, v, b, z = (
        RNG.standard_normal(shape).astype(np.float32) for shape in ((16, 8), (8, 8), 8, (50, 5, 16))
    )
    decoder = decoder_of(text, w=w, v=v, b=b)
    quantised = quantise_onnx(decoder, "int8", {"z": z})
    assert nodes_of(quantised).count("QuantizeLinear") == 2
    before, after = (run(half, {"z": z})["reconstruction"] for half in (decoder, quantised))
    assert sqnr(before, after) > 35


def test_weights_are_in_the_file_once():
    text = """m (float[N, 16] z) => (float[N, 16] reconstruction) {
        a = MatMul (z, w)
        reconstruction = MatMul (a, w)
    }"""
    w, z = (RNG.standard_normal((16, 16)).astype(np.float32) for _ in range(2))
    quantised = quantise_onnx(decoder_of(text, w=w), "int8", {"z": z})
    # The weights, their zero points, and those of two activations.
    assert weights_of(quantised)["uint8"] == 256 + 16 + 2


def test_an_output_that_is_needed_too_stays_float():
    text = """m (float[N, 2, 6, 6] z) => (float[N, 2, 6, 6] reconstruction, float[N, 2, 6, 6] second) {
        reconstruction = Conv <pads = [1, 1, 1, 1]> (z, w)
        second = Conv <pads = [1, 1, 1, 1]> (reconstruction, w)
    }"""
    w, z = (RNG.standard_normal(shape).astype(np.float32) for shape in ((2, 2, 3, 3), (20, 2, 6, 6)))
    decoder = decoder_of(text, w=w)
    quantised = quantise_onnx(decoder, "int8", {"z": z})
    before, after = (run(half, {"z": z}) for half in (decoder, quantised))
    assert min(sqnr(before[name], after[name]) for name in before) > 30
    assert len(np.unique(after["reconstruction"])) > 256


def test_activations_that_are_always_zero():
    text = """m (float[N, 4] z) => (float[N, 4] reconstruction) {
        a = MatMul (z, w)
        b = Relu (a)
        reconstruction = MatMul (b, w)
    }"""
    decoder = decoder_of(text, w=-np.eye(4, dtype=np.float32))
    z = np.ones((3, 4), np.float32)
    quantised = quantise_onnx(decoder, "int8", {"z": z})
    np.testing.assert_array_equal(run(quantised, {"z": z})["reconstruction"], np.zeros((3, 4), np.float32))


def test_the_bodies_of_loops_stay_float():
    text = """m (float[N, 8] z) => (float[N, 8] reconstruction) {
        h = MatMul (z, w)
        largest = ReduceMax <keepdims = 0> (h)
        far = Greater (largest, limit)
        reconstruction = If (far) <
            then_branch = up () => (float[N, 8] r) { r = MatMul (h, w) },
            else_branch = down () => (float[N, 8] s) { s = Neg (h) }
        >
    }"""
    w, z = (RNG.standard_normal(shape).astype(np.float32) for shape in ((8, 8), (20, 8)))
    decoder = decoder_of(text, w=w, limit=np.float32(1))
    quantised = quantise_onnx(decoder, "int8", {"z": z})
    # Once in integers, once in float for the branch.
    assert weights_of(quantised)["float32"] > w.size
    before, after = (run(half, {"z": z})["reconstruction"] for half in (decoder, quantised))
    assert sqnr(before, after) > 30


def test_weights_in_branches_alone_are_none_to_quantise():
    text = """m (float[N, 8] z) => (float[N, 8] reconstruction) {
        largest = ReduceMax <keepdims = 0> (z)
        far = Greater (largest, limit)
        reconstruction = If (far) <
            then_branch = up () => (float[N, 8] r) { r = MatMul (z, w) },
            else_branch = down () => (float[N, 8] s) { s = Neg (z) }
        >
    }"""
    decoder = decoder_of(text, w=np.ones((8, 8), np.float32), limit=np.float32(1))
    with pytest.raises(ConversionError, match=r"^decoder\.int8\.onnx: no weights are left to quantise, "):
        quantise_onnx(decoder, "int8", {"z": np.ones((2, 8), np.float32)})
