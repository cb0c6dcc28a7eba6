import numpy as np
import onnx

from tests.formats.onnx.quantise.figures import decoder_of, quantise_onnx, run, weights_of

RNG = np.random.default_rng(0)


def test_small_and_large_values_stay_in_float32():
    text = """m (float[N, 8] z) => (float[N, 8] reconstruction) {
        a = MatMul (z, halved)
        b = MatMul (a, large)
        reconstruction = Add (b, small)
    }"""
    halved, large = RNG.standard_normal((2, 8, 8)).astype(np.float32)
    large[0, 0] = 65536
    decoder = decoder_of(text, halved=halved, large=large, small=np.ones(8, np.float32))
    quantised = quantise_onnx(decoder, "float16", {})
    assert weights_of(quantised) == {"float16": 64, "float32": 72}
    z = RNG.standard_normal((3, 8)).astype(np.float32)
    expected = z @ halved.astype(np.float16).astype(np.float32) @ large + 1
    np.testing.assert_allclose(run(quantised, {"z": z})["reconstruction"], expected, rtol=1e-5, atol=1e-4)


def test_the_bodies_of_branches_find_their_weights():
    text = """m (float[N, 8] z) => (float[N, 8] reconstruction) {
        largest = ReduceMax <keepdims = 0> (z)
        far = Greater (largest, limit)
        reconstruction = If (far) <
            then_branch = up () => (float[N, 8] r) { r = MatMul (z, w) },
            else_branch = down () => (float[N, 8] s) { s = Neg (z) }
        >
    }"""
    w = RNG.standard_normal((8, 8)).astype(np.float32)
    quantised = quantise_onnx(decoder_of(text, w=w, limit=np.float32(1)), "float16", {})
    assert weights_of(quantised) == {"float16": 64, "float32": 1}
    onnx.checker.check_model(onnx.load_from_string(quantised.data), full_check=True)
    z = np.full((2, 8), 2, np.float32)
    expected = z @ w.astype(np.float16).astype(np.float32)
    np.testing.assert_allclose(run(quantised, {"z": z})["reconstruction"], expected, rtol=0, atol=1e-5)
