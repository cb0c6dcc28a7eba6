"""The gate must be able to fail: each fault is planted, converted for real, and caught."""

from __future__ import annotations

import keras
import numpy as np
import onnx
import pytest
from keras import ops
from onnx import numpy_helper

from tests.tiny_models import LATENT, X_SHAPE, half_of, samples, tiny_vae
from vae_export.errors import ParityError
from vae_export.formats.loading import load_artifact
from vae_export.formats.onnx.convert import convert_to_onnx
from vae_export.formats.tflite.convert import convert_to_tflite
from vae_export.split.split_vae import split
from vae_export.verify.end_to_end import end_to_end_name
from vae_export.verify.gate import verify_artifacts
from vae_export.verify.references import compute_reference

SWAPPED, ENCODER, DECODER = ("mu", "logvar"), ("mu",), ("reconstruction",)


class FirstRowOnly(keras.layers.Layer):
    """Right for a batch of one, wrong for the rows behind the first."""

    def call(self, x):
        first = ops.equal(ops.arange(ops.shape(x)[0]), 0)
        return x * ops.cast(ops.reshape(first, (-1, 1, 1, 1)), x.dtype)


class WrongForSixtyFour(keras.layers.Layer):
    """Right for all batches but one, whose signature is a graph of its own."""

    def call(self, x):
        return x * 0.5 if x.shape[0] == 64 else x


def plant_in_encoder(layer, index, function):
    def fault():
        vae = tiny_vae()
        weight = vae.get_layer(layer).weights[index]
        weight.assign(function(weight.numpy().copy()))
        return split(vae).encoder

    return fault


def plant_in_decoder(layer, index, function):
    def fault():
        vae = tiny_vae()
        weight = vae.get_layer("decoder").get_layer(layer).weights[index]
        weight.assign(function(weight.numpy().copy()))
        return split(vae).decoder

    return fault


def swapped_outputs():
    encoder = split(tiny_vae()).encoder
    x = keras.Input(X_SHAPE, name="x")
    outputs = encoder.model({"x": x})
    return half_of(keras.Model(x, {"mu": outputs["logvar"], "logvar": outputs["mu"]}), "encoder")


def wrong_activation():
    return split(tiny_vae(activation="elu")).decoder


def other_decoder():
    return split(tiny_vae(seed=2)).decoder


def broken_batch():
    decoder = split(tiny_vae()).decoder
    z = keras.Input((LATENT,), name="z")
    image = decoder.model({"z": z})["reconstruction"]
    return half_of(keras.Model(z, {"reconstruction": FirstRowOnly()(image)}))


def off_by_a_thousandth(bias):
    bias[1] += 1e-3
    return bias


def with_nan(kernel):
    kernel[0, 0] = np.nan
    return kernel


FAULTS = {
    "mu and logvar swapped": ("encoder", swapped_outputs, SWAPPED),
    "square matrix transposed": ("decoder", plant_in_decoder("square", 0, np.transpose), DECODER),
    "bias of mu off by 1e-3": ("encoder", plant_in_encoder("mu", 1, off_by_a_thousandth), ENCODER),
    "bias of pixels off by 1e-3": ("decoder", plant_in_decoder("pixels", 1, off_by_a_thousandth), DECODER),
    "wrong activation": ("decoder", wrong_activation, DECODER),
    "weights zeroed": ("decoder", plant_in_decoder("widen", 0, np.zeros_like), DECODER),
    "decoder of another model": ("decoder", other_decoder, DECODER),
    "NaN in a weight": ("decoder", plant_in_decoder("square", 0, with_nan), DECODER),
    "batch 2 broken": ("decoder", broken_batch, DECODER),
}


@pytest.fixture(scope="module")
def reference(tiny_split):
    return compute_reference(
        tiny_split.encoder,
        tiny_split.decoder,
        tiny_split.latents,
        {"x": samples()},
        {},
        seed=7,
    )


@pytest.fixture(scope="module", params=["onnx", "tflite"])
def good(request, tiny_split):
    halves = {"encoder": tiny_split.encoder, "decoder": tiny_split.decoder}
    return {role: convert(half, role, request.param) for role, half in halves.items()}


def convert(half, role, format):
    if format == "onnx":
        return convert_to_onnx(half, name="tiny")
    return convert_to_tflite(half)


def verify(artifacts, reference):
    report, runners = verify_artifacts(
        list(artifacts.values()),
        reference,
        value_range=(0.0, 1.0),
        tolerance=1e-5,
        progress=lambda file: None,
    )
    assert set(runners) == {artifact.file for artifact in artifacts.values()}
    return report


def whole_way(format):
    return end_to_end_name(f"encoder.{format}", f"decoder.{format}")


def test_good_artifacts_pass(good, reference):
    report = verify(good, reference)
    assert report.failures == ()
    format = good["encoder"].format
    assert [(row.artifact, row.output) for row in report.rows] == [
        (f"encoder.{format}", "logvar"),
        (f"encoder.{format}", "mu"),
        (f"decoder.{format}", "reconstruction"),
        (whole_way(format), "reconstruction"),
        (whole_way(format), "z"),
    ]
    assert all(row.max_absolute_error < row.tolerance for row in report.rows)


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_caught(fault, good, reference):
    role, plant, outputs = FAULTS[fault]
    format = good[role].format
    report = verify({**good, role: convert(plant(), role, format)}, reference)
    for output in outputs:
        where = f"{role}.{format}: output '{output}'"
        assert any(failure.startswith(where) for failure in report.failures), report.failures
    whole = report.of(whole_way(format))
    assert not all(row.ok for row in whole.values())


def test_nan_is_called_by_its_name(good, reference):
    role, plant, _ = FAULTS["NaN in a weight"]
    report = verify({**good, role: convert(plant(), role, good[role].format)}, reference)
    assert any("values that are not finite" in failure for failure in report.failures)


def test_batch_fault_does_not_show_at_batch_one(good, reference):
    role, plant, _ = FAULTS["batch 2 broken"]
    runner = load_artifact(convert(plant(), role, good[role].format))
    z = reference.z["z"][:1]
    expected = reference.decoder.run({"z": z})["reconstruction"]
    np.testing.assert_allclose(runner.run({"z": z})["reconstruction"], expected, rtol=0, atol=1e-5)


def edited(artifact, edit):
    from dataclasses import replace

    model = onnx.load_from_string(artifact.data)
    edit(model)
    return replace(artifact, files={artifact.file: model.SerializeToString()})


def onnx_artifact(tiny_split, role):
    return convert_to_onnx(getattr(tiny_split, role), name="tiny")


def test_every_signature_is_compared(tiny_split, reference):
    z = keras.Input((LATENT,), name="z")
    image = split(tiny_vae()).decoder.model({"z": z})["reconstruction"]
    broken = half_of(keras.Model(z, {"reconstruction": WrongForSixtyFour()(image)}))
    artifacts = {
        "encoder": convert_to_tflite(tiny_split.encoder),
        "decoder": convert_to_tflite(broken),
    }
    failures = verify(artifacts, reference).of("decoder.tflite")["reconstruction"].failures
    assert len(failures) == 1
    assert "prior, batch of 64: largest error" in failures[0]


def test_a_batch_the_file_refuses(tiny_split, reference):
    def fix_batch(model):
        (shape,) = [i for i in model.graph.initializer if i.data_type == onnx.TensorProto.INT64]
        sizes = numpy_helper.to_array(shape).copy()
        sizes[0] = 1
        shape.CopyFrom(numpy_helper.from_array(sizes, shape.name))

    broken = edited(onnx_artifact(tiny_split, "decoder"), fix_batch)
    report = verify({"encoder": onnx_artifact(tiny_split, "encoder"), "decoder": broken}, reference)
    failures = report.of("decoder.onnx")["reconstruction"].failures
    assert any("output 'reconstruction', prior, batch of 2: the runtime failed: " in f for f in failures)
    assert not any("batch of 1:" in failure for failure in failures)
    (whole,) = report.of(whole_way("onnx")).values()
    assert "encoder.onnx → decoder.onnx: output 'reconstruction': the runtime failed" in whole.failures[0]


def test_renamed_output(tiny_split, reference):
    def rename(model):
        model.graph.output[0].name = "image"
        for node in model.graph.node:
            node.output[:] = ["image" if name == "reconstruction" else name for name in node.output]

    broken = edited(onnx_artifact(tiny_split, "decoder"), rename)
    report = verify({"encoder": onnx_artifact(tiny_split, "encoder"), "decoder": broken}, reference)
    failures = report.of("decoder.onnx")["reconstruction"].failures
    assert any(
        "output 'reconstruction', zeros, batch of 7: missing; the artifact has image" in f for f in failures
    )
    assert any("output 'image', zeros, batch of 7: not expected" in f for f in failures)


def test_a_file_no_runtime_loads(tiny_split, reference):
    def break_operator(model):
        model.graph.node[0].op_type = "NoSuchOperator"

    broken = edited(onnx_artifact(tiny_split, "decoder"), break_operator)
    with pytest.raises(ParityError) as caught:
        verify({"encoder": onnx_artifact(tiny_split, "encoder"), "decoder": broken}, reference)
    (failure,) = caught.value.failures
    assert failure.startswith("decoder.onnx: the runtime refuses to load it: ")
    assert "NoSuchOperator" in failure
