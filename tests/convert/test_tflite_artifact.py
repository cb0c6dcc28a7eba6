import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tests.convert.test_onnx_artifact import Fails, SeededNoise, StringHash, UnseededNoise, half_with
from tests.tiny_models import LATENT, X_SHAPE, samples
from vae_export.artifact import TensorSpec
from vae_export.convert.tflite_artifact import convert_to_tflite
from vae_export.errors import ConversionError


@pytest.fixture(scope="module")
def encoder(tiny_split):
    return convert_to_tflite(tiny_split.encoder, "encoder")


def test_signature_and_tensors_have_the_fields_names(encoder):
    interpreter = Interpreter(model_content=encoder.data)
    assert interpreter.get_signature_list() == {
        "serving_default": {"inputs": ["x"], "outputs": ["logvar", "mu"]}
    }
    assert [entry["name"] for entry in interpreter.get_input_details()] == ["x"]
    assert sorted(entry["name"] for entry in interpreter.get_output_details()) == ["logvar", "mu"]
    assert encoder.inputs == (TensorSpec("x", (None, *X_SHAPE), "float32"),)
    assert {spec.shape for spec in encoder.outputs} == {(None, LATENT)}
    assert encoder.file == "encoder.tflite"


def test_names_stand_at_the_tensors_they_belong_to(encoder, tiny_split):
    interpreter = Interpreter(model_content=encoder.data)
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], (3, *X_SHAPE))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], samples(3))
    interpreter.invoke()
    expected = tiny_split.encoder({"x": samples(3)})
    for entry in interpreter.get_output_details():
        np.testing.assert_allclose(
            interpreter.get_tensor(entry["index"]), expected[entry["name"]], rtol=0, atol=1e-5
        )


def test_weights_are_in_the_file(encoder, tiny_split):
    weights = sum(weight.numpy().nbytes for weight in tiny_split.encoder.weights)
    assert len(encoder.data) > weights


def test_only_builtin_operators(encoder):
    assert "FULLY_CONNECTED" in encoder.operators
    assert "CUSTOM" not in encoder.operators
    assert encoder.oldest_runtime.startswith("tflite 1.")


def test_a_fixed_batch(tiny_split):
    artifact = convert_to_tflite(tiny_split.decoder, "decoder", batch=4)
    assert artifact.inputs == (TensorSpec("z", (4, LATENT), "float32"),)
    assert artifact.outputs == (TensorSpec("reconstruction", (4, *X_SHAPE), "float32"),)
    # No shape has to be computed at run time.
    assert "SHAPE" not in artifact.operators


def test_converting_twice_gives_the_same_bytes(encoder, tiny_split):
    assert convert_to_tflite(tiny_split.encoder, "encoder").data == encoder.data


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            UnseededNoise,
            r"^decoder\.tflite: holds the random operator RANDOM_STANDARD_NORMAL, expected a determ",
        ),
        (
            SeededNoise,
            r"^decoder\.tflite: needs the TensorFlow operator StatelessRandomGetKeyCounter, "
            r"StatelessRandomNormalV2 \(a Flex operator\), which no plain runtime has; replace",
        ),
        (
            StringHash,
            r"^decoder\.tflite: needs the TensorFlow operator AsString, StringToHashBucketFast",
        ),
        (Fails, r"^decoder\.tflite: the TFLite converter cannot convert it \(.*no graph.*\)$"),
    ],
)
def test_what_no_device_has_is_named(layer, message):
    with pytest.raises(ConversionError, match=message):
        convert_to_tflite(half_with(layer()), "decoder")
