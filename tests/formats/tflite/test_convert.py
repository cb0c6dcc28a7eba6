import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tests.formats.onnx.test_convert import Fails, SeededNoise, StringHash, UnseededNoise, half_with
from tests.tiny_models import LATENT, X_SHAPE, samples
from vae_export.core.artifact import TensorSpec
from vae_export.errors import ConversionError
from vae_export.formats.tflite.convert import convert_to_tflite
from vae_export.private.litert import schema


@pytest.fixture(scope="module")
def encoder(tiny_split):
    return convert_to_tflite(tiny_split.encoder)


def test_signatures_and_tensors_have_the_fields_names(encoder):
    interpreter = Interpreter(model_content=encoder.data)
    assert interpreter.get_signature_list() == {
        f"batch_{size}": {"inputs": ["x"], "outputs": ["logvar", "mu"]} for size in (1, 16, 64)
    }
    assert [entry["name"] for entry in interpreter.get_input_details()] == ["x"]
    assert sorted(entry["name"] for entry in interpreter.get_output_details()) == ["logvar", "mu"]
    assert encoder.inputs == (TensorSpec("x", (None, *X_SHAPE), "float32"),)
    assert {spec.shape for spec in encoder.outputs} == {(None, LATENT)}
    assert (encoder.batches, encoder.file) == ((1, 16, 64), "encoder.tflite")


@pytest.mark.parametrize("size", [1, 16, 64])
def test_names_stand_at_the_tensors_they_belong_to(encoder, tiny_split, size):
    run = Interpreter(model_content=encoder.data).get_signature_runner(f"batch_{size}")
    got, expected = run(x=samples(size)), tiny_split.encoder.run({"x": samples(size)})
    for name in ("mu", "logvar"):
        np.testing.assert_allclose(got[name], expected[name], rtol=0, atol=1e-5)


def test_every_tensor_has_a_name_of_its_own(encoder):
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(encoder.data, 0))
    for graph in model.subgraphs:
        names = [tensor.name.decode() for tensor in graph.tensors]
        assert len(set(names)) == len(names)
        assert any(name.startswith("conv_2d_") for name in names)
        assert any(name.startswith("w") for name in names)
    assert [graph.name for graph in model.subgraphs] == [b"batch_1", b"batch_16", b"batch_64"]


def test_weights_are_stored_once_and_aligned(tiny_split):
    """Signatures share the weights, which vector instructions read where they lie."""
    one, three = (convert_to_tflite(tiny_split.decoder, batches=b) for b in ((1,), (1, 16, 64)))
    weights = sum(weight.numpy().nbytes for weight in tiny_split.decoder.model.weights)
    assert weights < len(one.data) < len(three.data) < weights + 8192
    model = schema.Model.GetRootAs(three.data, 0)
    large = 0
    for buffer in map(model.Buffers, range(model.BuffersLength())):
        if buffer.DataLength():
            place = buffer._tab.Vector(buffer._tab.Offset(4))
            assert place % 16 == 0
            large += buffer.DataLength() > 100
    assert large >= 2


@pytest.mark.parametrize("role", ["encoder", "decoder"])
def test_the_delegate_takes_the_graph_as_one(tiny_split, role):
    """With static shapes XNNPACK has one partition; with a free batch shapes are computed in between."""

    def partitions(batches):
        artifact = convert_to_tflite(getattr(tiny_split, role), batches=batches)
        interpreter = Interpreter(model_content=artifact.data)
        interpreter.allocate_tensors()
        return [entry["op_name"] for entry in interpreter._get_ops_details()].count("DELEGATE")

    assert [partitions((size,)) for size in (1, 16)] == [1, 1]
    assert "SHAPE" in convert_to_tflite(tiny_split.decoder, batches=None).operators


def test_weights_are_in_the_file(encoder, tiny_split):
    weights = sum(weight.numpy().nbytes for weight in tiny_split.encoder.model.weights)
    assert len(encoder.data) > weights


def test_only_builtin_operators(encoder):
    assert "FULLY_CONNECTED" in encoder.operators
    assert "CUSTOM" not in encoder.operators
    assert encoder.oldest_runtime == "tflite-runtime 2.14.0"


def test_a_fixed_batch(tiny_split):
    artifact = convert_to_tflite(tiny_split.decoder, batches=(4,))
    assert artifact.inputs == (TensorSpec("z", (4, LATENT), "float32"),)
    assert artifact.outputs == (TensorSpec("reconstruction", (4, *X_SHAPE), "float32"),)
    # No shape has to be computed at run time.
    assert "SHAPE" not in artifact.operators


def test_any_batch(tiny_split):
    artifact = convert_to_tflite(tiny_split.decoder, batches=None)
    assert (artifact.batches, artifact.inputs[0].shape) == (None, (None, LATENT))
    assert list(Interpreter(model_content=artifact.data).get_signature_list()) == ["batch_any"]


def test_converting_twice_gives_the_same_bytes(encoder, tiny_split):
    assert convert_to_tflite(tiny_split.encoder).data == encoder.data


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
        convert_to_tflite(half_with(layer()))
