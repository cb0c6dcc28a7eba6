import numpy as np
import onnx
import pytest

from tests.formats.onnx.quantise.figures import decoder_of, quantise_onnx, run, sqnr, weights_of

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "node",
    ["MatMul (z, w)", "Gemm (z, w)", "Gemm (z, w, b)", "Gemm <transB = 1> (z, w, b)"],
    ids=["MatMul", "Gemm", "Gemm and bias", "transposed"],
)
def test_long_rows_are_multiplied_in_integers(node):
    text = f"m (float[N, 64] z) => (float[N, 8] reconstruction) {{ reconstruction = {node} }}"
    w, b, z = (RNG.standard_normal(shape).astype(np.float32) for shape in ((64, 8), 8, (50, 64)))
    # Channels of different sizes have scales of their own.
    w *= 10.0 ** np.arange(-4, 4, dtype=np.float32)
    decoder = decoder_of(text, w=w.T if "trans" in node else w, **({"b": b} if "b)" in node else {}))
    quantised = quantise_onnx(decoder, "dynamic-int8", {})
    assert "MatMulInteger" in quantised.operators
    assert weights_of(quantised)["uint8"] == w.size + 1
    before, after = (run(half, {"z": z})["reconstruction"] for half in (decoder, quantised))
    errors = np.abs(after - before).max(axis=0)
    # Of an output about 8 times its weights, 100th parts.
    assert (errors <= 0.25 * np.abs(w).max(axis=0)).all()


@pytest.mark.parametrize("node", ["MatMul (z, w)", "Gemm <transB = 1> (z, v)"])
def test_short_rows_are_multiplied_in_float(node):
    text = f"m (float[N, 63] z) => (float[N, 8] reconstruction) {{ reconstruction = {node} }}"
    w, z = (RNG.standard_normal(shape).astype(np.float32) for shape in ((63, 8), (50, 63)))
    decoder = decoder_of(text, **({"w": w} if "w)" in node else {"v": np.ascontiguousarray(w.T)}))
    quantised = quantise_onnx(decoder, "dynamic-int8", {})
    assert "MatMulInteger" not in quantised.operators
    assert weights_of(quantised)["uint8"] == w.size
    before, after = (run(half, {"z": z})["reconstruction"] for half in (decoder, quantised))
    assert sqnr(before, after) > 40


def test_an_activation_is_quantised_once():
    text = """m (float[N, 64] z) => (float[N, 8] reconstruction) {
        a = MatMul (z, w)
        b = MatMul (z, v)
        reconstruction = Add (a, b)
    }"""
    w, v = RNG.standard_normal((2, 64, 8)).astype(np.float32)
    quantised = quantise_onnx(decoder_of(text, w=w, v=v), "dynamic-int8", {})
    kinds = [node.op_type for node in onnx.load_from_string(quantised.data).graph.node]
    assert kinds.count("DynamicQuantizeLinear") == 1


def test_convolutions_compute_in_float():
    text = """m (float[N, 2, 6, 6] z) => (float[N, 3, 6, 6] reconstruction) {
        a = Conv <pads = [1, 1, 1, 1]> (z, w, b)
        reconstruction = ConvTranspose <pads = [1, 1, 1, 1]> (a, v)
    }"""
    w, v, b, z = (
        RNG.standard_normal(shape).astype(np.float32)
        for shape in ((4, 2, 3, 3), (4, 3, 3, 3), 4, (9, 2, 6, 6))
    )
    decoder = decoder_of(text, w=w, v=v, b=b)
    quantised = quantise_onnx(decoder, "dynamic-int8", {})
    assert not {"ConvInteger", "DynamicQuantizeLinear"} & set(quantised.operators)
    assert weights_of(quantised)["uint8"] == w.size + v.size
    before, after = (run(half, {"z": z})["reconstruction"] for half in (decoder, quantised))
    assert sqnr(before, after) > 40
    # So a row does not depend on those beside it.
    alone = run(quantised, {"z": z[:1]})["reconstruction"]
    np.testing.assert_allclose(alone, after[:1], rtol=0, atol=1e-5)
