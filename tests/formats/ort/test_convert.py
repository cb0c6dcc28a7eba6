from dataclasses import replace

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest

from tests.tiny_models import LATENT
from vae_export.errors import ConversionError
from vae_export.formats.onnx.convert import convert_to_onnx
from vae_export.formats.ort.convert import convert_to_ort, required_operators


@pytest.fixture(scope="module")
def decoder(tiny_split):
    return convert_to_onnx(tiny_split.decoder, name="tiny")


def test_it_computes_the_same(decoder):
    converted = convert_to_ort(decoder)
    assert (converted.file, converted.oldest_runtime) == ("decoder.ort", "onnxruntime 1.17.0")
    assert (converted.inputs, converted.outputs) == (decoder.inputs, decoder.outputs)
    z = np.random.default_rng(0).standard_normal((5, LATENT), np.float32)
    got, expected = (
        onnxruntime.InferenceSession(artifact.data).run(["reconstruction"], {"z": z})[0]
        for artifact in (converted, decoder)
    )
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)


def test_converting_again_gives_the_same_bytes(decoder):
    assert len({convert_to_ort(decoder).data for _ in range(5)}) == 1


def test_the_operators_that_a_build_needs(decoder):
    converted = convert_to_ort(decoder)
    assert converted.operators == ("FusedGemm", "Reshape")
    assert required_operators([converted]).decode() == (
        "# decoder.ort\nai.onnx;14;Reshape\ncom.microsoft;1;FusedGemm\n"
    )


def test_operators_in_branches_are_needed_too(decoder):
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["": 17]>
        decoder (float[N, 2] z, bool[1] up) => (float[N, 2] reconstruction) {
            reconstruction = If (up) <
                then_branch = up_branch () => (float[N, 2] r) { r = Exp (z) },
                else_branch = down_branch () => (float[N, 2] r) { r = Tanh (z) }
            >
        }""")
    converted = convert_to_ort(replace(decoder, files={decoder.file: model.SerializeToString()}))
    assert converted.operators == ("Exp", "If", "Tanh")
    assert b"\nai.onnx;13;Exp,Tanh\nai.onnx;16;If\n" in required_operators([converted])


def test_a_broken_file(decoder):
    with pytest.raises(ConversionError, match=r"^decoder\.ort: ONNX Runtime cannot convert it \(.*\)$"):
        convert_to_ort(replace(decoder, files={decoder.file: b"broken"}))
