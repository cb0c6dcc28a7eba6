import numpy as np
import onnx
import pytest

from tests.formats.onnx.quantise.figures import decoder_of
from vae_export.formats.onnx.passes.graph import OnnxGraph
from vae_export.formats.onnx.quantise.weighted import eight_bits, weighted_nodes


def test_weights_by_channel():
    weights = np.float32([[127, -0.5], [-63.4, 0.25]])
    got = eight_bits(weights, axis=1)
    np.testing.assert_array_equal(got.values, np.uint8([[255, 1], [65, 192]]))
    np.testing.assert_array_equal(got.scales, np.float32([1, 0.5 / 127]))
    np.testing.assert_array_equal(eight_bits(weights.T, axis=0).values, got.values.T)


def test_channels_of_nothing_are_exactly_zero():
    weights = np.float32([[0, 1e-42], [0, 0]])
    got = eight_bits(weights, axis=1)
    np.testing.assert_array_equal(got.values, np.full((2, 2), 128, np.uint8))
    np.testing.assert_array_equal(got.scales, np.float32([1, 1]))


def test_scales_have_a_smallest_value():
    got = eight_bits(np.float32([[127, 1e-3]]), axis=1, least=np.float32([0, 0.1]))
    np.testing.assert_array_equal(got.scales, np.float32([1, 0.1]))
    np.testing.assert_array_equal(got.values, np.uint8([[255, 128]]))


def test_every_weight_is_within_half_a_step():
    weights = np.random.default_rng(0).standard_normal((5, 7, 3, 3)).astype(np.float32)
    got = eight_bits(weights, axis=0)
    back = (got.values - 128.0) * got.scales[:, None, None, None]
    assert (np.abs(back - weights) <= 0.5001 * got.scales[:, None, None, None]).all()


@pytest.mark.parametrize(
    ("node", "weights", "axis"),
    [
        ("MatMul (z, w)", (4, 5), 1),
        ("Gemm (z, w)", (4, 5), 1),
        ("Gemm <alpha = 1.0, beta = 1.0, transB = 1> (z, w)", (5, 4), 0),
        # Of several matrices, scaled, transposed, and what is no constant.
        ("MatMul (z, w)", (2, 4, 5), None),
        ("Gemm <alpha = 0.5> (z, w)", (4, 5), None),
        ("Gemm <transA = 1> (z, w)", (4, 5), None),
        ("MatMul (z, z)", (4, 5), None),
        ("Add (z, w)", (4, 5), None),
    ],
)
def test_what_has_weights(node, weights, axis):
    text = f"m (float[N, 4] z) => (float[N, 5] reconstruction) {{ reconstruction = {node} }}"
    decoder = decoder_of(text, w=np.ones(weights, np.float32))
    found = weighted_nodes(OnnxGraph.of(onnx.load_from_string(decoder.data)))
    assert [(weighted.name, weighted.axis) for weighted in found] == (
        [] if axis is None else [("reconstruction", axis)]
    )


def test_weights_that_are_not_finite_have_no_scale():
    text = "m (float[N, 4] z) => (float[N, 5] reconstruction) { reconstruction = MatMul (z, w) }"
    decoder = decoder_of(text, w=np.full((4, 5), np.inf, np.float32))
    assert weighted_nodes(OnnxGraph.of(onnx.load_from_string(decoder.data))) == []
