import keras
import numpy as np
import pytest
from keras import layers

from tests.formats.tflite.quantise import files
from tests.tiny_models import half_of
from vae_export.errors import ConversionError
from vae_export.formats.tflite.convert import convert_to_tflite
from vae_export.formats.tflite.flatbuffer import to_bytes
from vae_export.formats.tflite.passes.graph import kind_of
from vae_export.formats.tflite.quantise.ranges import cut_logits, measure_ranges, outputs_of, widen
from vae_export.private.litert import read_model

LOGIT = np.log(511)


def file_of(output, z):
    """A float file of a decoder with these tensors."""
    outputs = output if isinstance(output, dict) else {"reconstruction": output}
    return convert_to_tflite(half_of(keras.Model(z, outputs)), batches=(1,), for_integers=True)


def named(model, ranges, subgraph=0):
    tensors = model.subgraphs[subgraph].tensors
    return {
        tensors[index].name.decode(): ends for (other, index), ends in ranges.items() if other == subgraph
    }


def test_extremes_in_every_signature():
    artifact, z = files.float_file("dense", "decoder"), files.draws("dense", 1)[:70]
    model = read_model(artifact.data)
    ranges = measure_ranges(artifact.data, {"z": z}, "decoder.int8.tflite")
    first = named(model, ranges)
    assert set(first) == {"z", "fully_connected_0", "fully_connected_1", "logistic_2", "reconstruction"}
    assert named(model, ranges, 1) == named(model, ranges, 2) == first
    pixels = files.computed("dense", "decoder")[1]["reconstruction"][:70]
    for name, values in (("z", z), ("reconstruction", pixels), ("logistic_2", pixels)):
        low, high = first[name]
        assert values.max() <= high <= values.max() * (1 + 2e-3)
        # Zero is in every range.
        assert min(0, values.min()) * (1 + 2e-3) <= low <= min(0, values.min())


def test_values_that_are_not_finite():
    z = keras.Input((4,), name="z")
    artifact = file_of(layers.Dense(3)(keras.ops.log(z)), z)
    rows = {"z": np.array([[1, 2, 3, 4], [1, 2, 0, 4]], np.float32)}
    message = (
        r"^decoder\.int8\.tflite: log_0 goes from -inf to \S+ on the calibration rows, expected finite values; "
        r"look for samples on which the model itself is not finite$"
    )
    with pytest.raises(ConversionError, match=message):
        measure_ranges(artifact.data, rows, "decoder.int8.tflite")
    rows["z"][0, 0] = -1
    with pytest.raises(ConversionError, match=r"log_0 goes from nan to nan on the calibration rows"):
        measure_ranges(artifact.data, rows, "decoder.int8.tflite")


def test_loops_have_no_ranges():
    model = read_model(files.float_file("dense", "decoder", batches=(1,)).data)
    model.subgraphs.append(model.subgraphs[0])
    message = (
        r"^d: 2 subgraphs for 1 signatures, expected one each: loops and branches have no ranges; use float16"
    )
    with pytest.raises(ConversionError, match=message):
        measure_ranges(to_bytes(model), {"z": np.zeros((1, 2), np.float32)}, "d")


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_logits_of_trained_decoders_are_cut(kind):
    artifact = files.float_file(kind, "decoder", for_integers=True)
    model = read_model(artifact.data)
    ranges = measure_ranges(artifact.data, {"z": files.draws(kind, 0)[:64]}, "d")
    cut = cut_logits(model, ranges)
    changed = [tensor for tensor in ranges if cut[tensor] != ranges[tensor]]
    # One in each signature.
    assert [subgraph for subgraph, _ in changed] == [0, 1, 2]
    for tensor in changed:
        assert ranges[tensor][0] < -30
        assert cut[tensor] == pytest.approx((-LOGIT, min(LOGIT, ranges[tensor][1])))


def big(layer):
    """Weights that make large logits."""
    layer.build((None, 4, 4, 6) if isinstance(layer, layers.Conv2DTranspose) else (None, 4))
    layer.kernel.assign(np.random.default_rng(0).normal(0, 20, layer.kernel.shape))
    return layer


def cut_names(artifact):
    rows = {"z": np.random.default_rng(1).normal(size=(16, 4)).astype(np.float32)}
    model, ranges = read_model(artifact.data), measure_ranges(artifact.data, rows, "d")
    cut = cut_logits(model, ranges)
    changed = [tensor for tensor in ranges if cut[tensor] != ranges[tensor]]
    kinds = {int(operator.outputs[0]): kind_of(model, operator) for operator in model.subgraphs[0].operators}
    return sorted(kinds[index] for subgraph, index in changed if subgraph == 0)


def test_logits_that_are_moved_are_cut_everywhere():
    z = keras.Input((4,), name="z")
    hidden = layers.Reshape((4, 4, 6))(layers.Dense(96)(z))
    picture = big(layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="sigmoid"))(hidden)
    assert cut_names(file_of(picture, z)) == ["CONV_2D", "DEPTH_TO_SPACE"]


def test_logits_that_are_left_as_they_are():
    z = keras.Input((4,), name="z")
    logits = big(layers.Dense(4))(z)
    pixels = layers.Activation("sigmoid")(logits)
    assert cut_names(file_of(pixels, z)) == ["FULLY_CONNECTED"]
    # What else takes them needs all of them.
    assert cut_names(file_of({"reconstruction": pixels, "logits": logits}, z)) == []
    assert cut_names(file_of({"reconstruction": pixels, "hidden": layers.Dense(3)(logits)}, z)) == []
    # In the midst of a graph a sigmoid is a gate.
    assert cut_names(file_of(layers.Dense(3)(pixels), z)) == []
    assert cut_names(file_of(layers.Activation("tanh")(logits), z)) == []


def test_room_at_the_outputs():
    model = read_model(files.float_file("dense", "encoder", batches=(1,)).data)
    ranges = measure_ranges(
        files.float_file("dense", "encoder", batches=(1,)).data, {"x": files.samples("dense")[0][:16]}, "e"
    )
    before, after = named(model, ranges), named(model, widen(ranges, 0.5, outputs_of(model)))
    for name, (low, high) in before.items():
        room = (high - low) / 4 if name in ("mu", "logvar") else 0
        assert after[name] == pytest.approx((low - room, high + room))
