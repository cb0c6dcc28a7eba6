import os

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers, ops

from tests.tiny_models import LATENT, X_SHAPE, ListSampler, half_of, samples
from vae_export.core.artifact import TensorSpec
from vae_export.errors import ConversionError, InputError
from vae_export.formats.onnx.convert import convert_to_onnx
from vae_export.formats.onnx.opsets import DEFAULT_OPSET, OPSETS
from vae_export.formats.onnx.passes.canonical import all_nodes


@pytest.fixture(scope="module")
def encoder(tiny_split):
    return convert_to_onnx(tiny_split.encoder, name="tiny")


def test_tensors_have_the_fields_names(encoder, tiny_split):
    assert encoder.inputs == (TensorSpec("x", (None, *X_SHAPE), "float32"),)
    assert sorted(spec.name for spec in encoder.outputs) == ["logvar", "mu"]
    assert {spec.shape for spec in encoder.outputs} == {(None, LATENT)}
    decoder = convert_to_onnx(tiny_split.decoder, name="tiny")
    assert decoder.inputs == (TensorSpec("z", (None, LATENT), "float32"),)
    assert decoder.outputs == (TensorSpec("reconstruction", (None, *X_SHAPE), "float32"),)
    assert decoder.file == "decoder.onnx"


def test_metadata(encoder):
    model = onnx.load_from_string(encoder.data)
    assert {entry.key: entry.value for entry in model.metadata_props} == {
        "name": "tiny",
        "role": "encoder",
        "format_version": "1",
    }
    assert (encoder.details, encoder.oldest_runtime) == ({"opset": 17, "ir_version": 8}, "onnxruntime 1.15.1")
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
    onnx.checker.check_model(model, full_check=True)


@pytest.mark.parametrize("opset", OPSETS)
def test_every_opset_offered_loads_and_computes(tiny_split, opset):
    artifact = convert_to_onnx(tiny_split.decoder, name="tiny", opset=opset)
    assert artifact.details["opset"] == opset
    z = np.float32([[0.5, -1, 2], [0, 1, -1]])
    (got,) = onnxruntime.InferenceSession(artifact.data).run(["reconstruction"], {"z": z})
    expected = tiny_split.decoder.run({"z": z})["reconstruction"]
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("opset", [12, 19])
def test_other_opsets_are_refused(tiny_split, opset):
    with pytest.raises(
        InputError, match=rf"^opset: got {opset}, expected 13 to 18 \(default {DEFAULT_OPSET}\)$"
    ):
        convert_to_onnx(tiny_split.decoder, name="tiny", opset=opset)


def test_a_fixed_batch(tiny_split):
    artifact = convert_to_onnx(tiny_split.encoder, name="tiny", batch=4)
    assert artifact.inputs[0].shape == (4, *X_SHAPE)
    assert {spec.shape for spec in artifact.outputs} == {(4, LATENT)}
    outputs = onnxruntime.InferenceSession(artifact.data).run(["mu"], {"x": samples(4)})
    assert outputs[0].shape == (4, LATENT)


def test_converting_twice_gives_the_same_bytes(encoder, tiny_split):
    assert convert_to_onnx(tiny_split.encoder, name="tiny").data == encoder.data


def sequence_half(layer):
    z = keras.Input((4, LATENT), name="z")
    return half_of(keras.Model(z, {"reconstruction": layer(z)}))


def test_names_and_order_come_from_the_model_alone():
    # Attention: tf2onnx names what it makes of einsum by addresses.
    attention = layers.MultiHeadAttention(2, 2)
    half = sequence_half(lambda z: attention(z, z))
    assert len({convert_to_onnx(half, name="m").data for _ in range(4)}) == 1


class Doubling(layers.Layer):
    """Doubles in a loop until the largest value is above 100."""

    def call(self, x):
        return ops.while_loop(lambda y: ops.max(y) < 100, lambda y: (y * 2,), (x + 1,))[0]


def test_the_bodies_of_loops_follow_the_names():
    half = sequence_half(Doubling())
    artifact = convert_to_onnx(half, name="m")
    assert "Loop" in artifact.operators
    z = np.random.default_rng(0).normal(size=(2, 4, LATENT)).astype(np.float32)
    (got,) = onnxruntime.InferenceSession(artifact.data).run(None, {"z": z})
    np.testing.assert_allclose(got, half.run({"z": z})["reconstruction"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("layer", [layers.GRU, layers.LSTM, layers.SimpleRNN])
def test_recurrent_layers_are_unrolled(layer):
    layer = layer(3, return_sequences=True)
    half = sequence_half(layer)
    artifact = convert_to_onnx(half, name="m")
    assert "Loop" not in artifact.operators
    # As often as it is done: of loops the converter makes other bytes each time.
    assert {convert_to_onnx(half, name="m").data for _ in range(3)} == {artifact.data}
    assert layer.unroll is False
    z = np.random.default_rng(0).normal(size=(2, 4, LATENT)).astype(np.float32)
    (got,) = onnxruntime.InferenceSession(artifact.data).run(None, {"z": z})
    np.testing.assert_allclose(got, half.run({"z": z})["reconstruction"], rtol=0, atol=1e-5)


def test_what_layers_hold_besides_weights_is_in_the_file():
    """Normalization has tensors that are no weights, which the converter takes for inputs."""
    layer = layers.Normalization()
    layer.adapt(np.random.default_rng(0).normal(3, 2, (50, LATENT)).astype(np.float32))
    half = half_with(layer)
    artifact = convert_to_onnx(half, name="m")
    assert [spec.name for spec in artifact.inputs] == ["z"]
    z = np.random.default_rng(1).normal(size=(4, LATENT)).astype(np.float32)
    (got,) = onnxruntime.InferenceSession(artifact.data).run(None, {"z": z})
    np.testing.assert_allclose(got, half.run({"z": z})["reconstruction"], rtol=0, atol=1e-6)


def test_a_random_operator_inside_of_a_branch_is_found():
    inner = onnx.parser.parse_graph("branch () => (float[1] y) { y = RandomNormal <shape = [1]> () }")
    graph = onnx.parser.parse_graph("main (bool c) => (float[1] y) { y = If (c) }")
    for name in ("then_branch", "else_branch"):
        graph.node[0].attribute.append(onnx.helper.make_attribute(name, inner))
    assert [node.op_type for node in all_nodes(graph)] == [
        "If",
        "RandomNormal",
        "RandomNormal",
    ]


def half_with(layer):
    z = keras.Input((LATENT,), name="z")
    return half_of(keras.Model(z, {"reconstruction": layer(z)}))


class UnseededNoise(layers.Layer):
    def call(self, x):
        import tensorflow as tf

        return x + tf.random.normal(tf.shape(x))


class SeededNoise(ListSampler):
    def call(self, x):
        return super().call([x, x])


class StringHash(layers.Layer):
    def call(self, x):
        import tensorflow as tf

        hashed = tf.strings.to_hash_bucket_fast(tf.strings.as_string(x), 10)
        return ops.cast(hashed, "float32")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            UnseededNoise,
            r"^decoder\.onnx: holds the random operator RandomNormalLike, expected a deterministic graph",
        ),
        (
            SeededNoise,
            r"^decoder\.onnx: holds StatelessRandomNormalV2, which is no standard operator and no",
        ),
        (
            StringHash,
            r"^decoder\.onnx: holds StringToHashBucketFast, which is no standard operator",
        ),
    ],
)
def test_operators_no_device_has_are_named(layer, message):
    with pytest.raises(ConversionError, match=message):
        convert_to_onnx(half_with(layer()), name="m")


class Fails(layers.Layer):
    def call(self, x):
        if not isinstance(x, keras.KerasTensor):
            raise ValueError("no\ngraph")
        return x

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)


def test_what_the_converter_raises_is_told():
    with pytest.raises(ConversionError, match=r"^decoder\.onnx: tf2onnx cannot convert it \(.*no graph.*\)$"):
        convert_to_onnx(half_with(Fails()), name="m")


@pytest.mark.parametrize("before", [None, "TRUE"])
def test_the_environment_is_left_as_it_was(tiny_split, monkeypatch, before):
    monkeypatch.delenv("TF2ONNX_CATCH_ERRORS", raising=False)
    if before is not None:
        monkeypatch.setenv("TF2ONNX_CATCH_ERRORS", before)
    convert_to_onnx(tiny_split.decoder, name="tiny")
    assert os.environ.get("TF2ONNX_CATCH_ERRORS") == before
