"""Files in every precision, in LiteRT, against Keras on real samples and draws."""

import re
import warnings
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from tests.formats.tflite.quantise import files
from tests.formats.tflite.quantise.files import quantise_tflite
from tests.gallery import conditional_label, softplus_in_the_layer, strange_names
from tests.gallery.parts.styles import peak
from tests.tiny_models import half_of
from vae_export.core.artifact import Quantisation
from vae_export.errors import ConversionError, DataError
from vae_export.formats.oldest_runtimes import oldest_for_tflite
from vae_export.formats.tflite.convert import convert_to_tflite
from vae_export.formats.tflite.passes.graph import KINDS
from vae_export.formats.tflite.quantise.layers import quantisable_tensors
from vae_export.io.quiet import quiet
from vae_export.private.litert import schema
from vae_export.split.split_vae import split
from vae_export.verify.metrics import sqnr_db

MODELS = ("dense", "conv")
ROLES = ("encoder", "decoder")
QUANTISERS = {
    "float16": r"litert-quantizer \d+\.\d+\.\d+ float_casting",
    "dynamic-int8": r"litert-quantizer \d+\.\d+\.\d+ dynamic_legacy_wi8_afp32",
    "int8": r"tensorflow \d+\.\d+\.\d+ mlir_quantize, ranges by minimum and maximum",
    "int16x8": r"litert-quantizer \d+\.\d+\.\d+ static_wi8_ai16, ranges by minimum and maximum",
}


def tree_of(artifact):
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(artifact.data, 0))


def versions(artifact):
    return {KINDS[code.builtinCode]: code.version for code in tree_of(artifact).operatorCodes}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("precision", "kl", "psnr", "part"),
    [
        ("float16", 1e-3, 70, 0.55),
        ("dynamic-int8", 0.05, 45, 0.45),
        # Without the logits cut, or lowered for floats, 33 to 37 dB.
        ("int8", 0.05, 38, 0.45),
        ("int16x8", 0.05, 45, 0.5),
    ],
)
def test_what_it_costs_and_gains(model, precision, kl, psnr, part):
    bounds = {"encoder": -kl, "decoder": psnr}
    for role in ROLES:
        artifact, float_file = files.quantised(model, role, precision), files.float_file(model, role)
        assert files.figure(model, role, artifact) > bounds[role]
        assert len(artifact.data) < part * len(float_file.data)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("precision", QUANTISERS)
def test_all_signatures_compute_the_same(model, precision):
    """Converters that quantise all signatures at once were seen to make noise of all but one."""
    for role in ROLES:
        artifact = files.quantised(model, role, precision)
        inputs, expected = files.computed(model, role)
        rows = {name: array[:70] for name, array in inputs.items()}
        single, *others = (files.run(artifact, rows, batch) for batch in files.BATCHES)
        for name, values in expected.items():
            # A step of 8 bits is four times as much, and more.
            for other in others:
                np.testing.assert_allclose(other[name], single[name], rtol=0, atol=1e-3)
            assert single[name].std() > 0.5 * values[:70].std()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("precision", QUANTISERS)
def test_what_the_artifact_says(role, precision):
    artifact, float_file = files.quantised("dense", role, precision), files.float_file("dense", role)
    assert artifact.file == f"{role}.{precision}.tflite"
    # Neither interface nor batches change.
    assert (artifact.inputs, artifact.outputs) == (float_file.inputs, float_file.outputs)
    assert artifact.batches == files.BATCHES
    assert artifact.preferred_batch in files.BATCHES
    assert set(float_file.operators) <= set(artifact.operators)
    assert "CUSTOM" not in artifact.operators
    assert re.fullmatch(QUANTISERS[precision], artifact.quantiser)
    tree = tree_of(artifact)
    (entry,) = tree.metadata
    stored = bytes(tree.buffers[entry.buffer].data).rstrip(b"\0").decode()
    assert (entry.name, oldest_for_tflite(stored)) == (b"min_runtime_version", artifact.oldest_runtime)


@pytest.mark.parametrize("precision", QUANTISERS)
def test_tensors_have_the_names_of_the_float_file(precision):
    float_names = [
        tensor.name for tensor in tree_of(files.float_file("conv", "decoder")).subgraphs[0].tensors
    ]
    tree = tree_of(files.quantised("conv", "decoder", precision))
    assert [graph.name for graph in tree.subgraphs] == [b"batch_1", b"batch_16", b"batch_64"]
    for graph, signature in zip(tree.subgraphs, tree.signatureDefs, strict=True):
        names = [tensor.name for tensor in graph.tensors]
        assert len(set(names)) == len(names)
        assert not [name for name in names if b"#" in name or b"added" in name]
        (end,) = signature.outputs
        assert graph.tensors[end.tensorIndex].name == end.name == b"reconstruction"
        assert {b"z", b"fully_connected_0", b"conv_2d_3"} <= set(names)
    assert len(set(float_names) & {tensor.name for tensor in tree.subgraphs[0].tensors}) > 15


@pytest.mark.parametrize("precision", QUANTISERS)
def test_weights_are_in_the_file_once(precision):
    one = files.float_file("conv", "decoder", for_integers=precision == "int8", batches=(1,))
    rows = {"z": files.draws("conv", 0)[:64]}
    three = files.quantised("conv", "decoder", precision)
    assert len(three.data) < 1.1 * len(quantise_tflite(one, precision, rows).data)


@pytest.mark.parametrize("precision", QUANTISERS)
def test_the_same_bytes_again(precision):
    again = files.quantised.__wrapped__("dense", "decoder", precision)
    assert again == files.quantised("dense", "decoder", precision)
    assert again.data == files.quantised("dense", "decoder", precision).data


@pytest.mark.parametrize(
    ("precision", "oldest", "known"),
    [
        # Runtimes older than these load the file if it does not say so, and compute noise.
        ("dynamic-int8", "ai-edge-litert 1.0.1", {"CONV_2D": 5, "FULLY_CONNECTED": 12}),
        ("int8", "tflite-runtime 2.14.0", {"CONV_2D": 3, "FULLY_CONNECTED": 4, "QUANTIZE": 1}),
        ("float16", "tflite-runtime 2.14.0", {"CONV_2D": 1, "FULLY_CONNECTED": 1, "DEQUANTIZE": 3}),
        # With newer versions 2.14 would refuse what it runs right.
        ("int16x8", "tflite-runtime 2.14.0", {"CONV_2D": 4, "FULLY_CONNECTED": 7, "QUANTIZE": 2}),
    ],
)
def test_versions_of_operators_and_of_the_runtime(precision, oldest, known):
    artifact = files.quantised("conv", "encoder", precision)
    assert artifact.oldest_runtime == oldest
    assert versions(artifact).items() >= known.items()


@pytest.mark.parametrize("role", ROLES)
def test_integer_inputs_and_outputs(role):
    artifact = files.quantised("dense", role, "int8", integer_io=True)
    assert {spec.dtype for spec in (*artifact.inputs, *artifact.outputs)} == {"int8"}
    assert not {"QUANTIZE", "DEQUANTIZE"} & set(artifact.operators)
    if role == "encoder":
        # Pixels from 0 to 1, in 255 steps.
        (x,) = artifact.inputs
        assert (x.name, x.shape, x.quantisation.zero_point) == ("x", (None, 28, 28, 1), -128)
        assert x.quantisation.scale == pytest.approx(1 / 255, rel=2e-3)
    else:
        (reconstruction,) = artifact.outputs
        assert reconstruction.quantisation == Quantisation(1 / 256, -128)
    inputs, _ = files.computed("dense", role)
    expected = files.run(files.quantised("dense", role, "int8"), inputs)
    actual = files.run(artifact, inputs)
    for spec in artifact.outputs:
        np.testing.assert_allclose(actual[spec.name], expected[spec.name], rtol=0, atol=1e-5)


def test_layers_are_kept_in_float_in_every_signature():
    float_file = files.float_file("conv", "decoder", for_integers=True)
    names = quantisable_tensors(float_file)
    # Batches of one need no RESHAPEs between the phases of transposed convolutions: other numbers from there.
    first, second = (
        [tensor.name.decode() for tensor in graph.tensors] for graph in tree_of(float_file).subgraphs[:2]
    )
    assert set(names) <= set(first)
    assert not set(names) <= set(second)
    assert names[0] == "fully_connected_0"
    assert names[-1] == "reconstruction"
    late = names[names.index("conv_2d_12") :]
    rows = {"z": files.draws("conv", 0)}
    artifact = quantise_tflite(float_file, "int8", rows, keep_float=late)
    assert artifact.float_tensors == late
    whole = files.quantised("conv", "decoder", "int8")
    assert whole.float_tensors == ()
    assert len(artifact.data) > 1.2 * len(whole.data)
    for batch in (1, 64):
        gained = files.figure("conv", "decoder", artifact, batch) - files.figure(
            "conv", "decoder", whole, batch
        )
        assert gained > 3


@pytest.mark.parametrize("precision", QUANTISERS)
def test_mu_in_float(precision):
    float_file = files.float_file("conv", "encoder", for_integers=precision == "int8")
    rows = files.calibration("conv", "encoder")
    artifact = quantise_tflite(float_file, precision, rows, keep_float=["mu"])
    whole = files.quantised("conv", "encoder", precision)
    assert set(artifact.float_tensors) - set(whole.float_tensors) == {"mu"}
    assert len(artifact.data) > 1.2 * len(whole.data)
    better, worse = (files.figure("conv", "encoder", entry) for entry in (artifact, whole))
    assert better > 0.7 * worse


def test_what_is_too_small_to_gain_is_named():
    """Of 32 and 256 weights; those have no eight bits in files of dynamic precision."""
    assert files.quantised("dense", "encoder", "dynamic-int8").float_tensors == ("logvar", "mu")
    assert files.quantised("dense", "decoder", "dynamic-int8").float_tensors == ("fully_connected_0",)


def test_ranges_matter():
    """Of z that is always 0 nothing is learnt; of too small a z too little."""
    float_file = files.float_file("dense", "decoder", for_integers=True)
    good = files.figure("dense", "decoder", files.quantised("dense", "decoder", "int8"))
    z = files.draws("dense", 0)
    for narrow, loss in ((np.zeros_like(z[:3]), 20), (z / 3, 8)):
        artifact = quantise_tflite(float_file, "int8", {"z": narrow})
        assert files.figure("dense", "decoder", artifact) < good - loss


def test_any_number_of_calibration_rows():
    float_file = files.float_file("dense", "decoder", for_integers=True)
    z = files.draws("dense", 0)
    rows = np.concatenate([z[:1], z])
    # 65 and 130 rows with the same extremes.
    extremes = np.unique([z.argmin(axis=0), z.argmax(axis=0)])
    once = np.concatenate([z[extremes], z[:33]])
    assert len(once) % 16
    artifact = quantise_tflite(float_file, "int8", {"z": once})
    assert artifact.data == quantise_tflite(float_file, "int8", {"z": np.concatenate([once, once])}).data
    assert len(quantise_tflite(float_file, "int8", {"z": rows[:1]}).data) < len(float_file.data)


@pytest.mark.parametrize("precision", QUANTISERS)
def test_files_for_any_batch(precision):
    float_file = files.float_file("conv", "encoder", for_integers=precision == "int8", batches=None)
    artifact = quantise_tflite(float_file, precision, files.calibration("conv", "encoder"))
    assert (artifact.inputs, artifact.outputs) == (float_file.inputs, float_file.outputs)
    inputs, expected = files.computed("conv", "encoder")
    assert files.kl(expected, files.run(artifact, inputs, "any")) < 0.1


@pytest.fixture(scope="module")
def labelled():
    keras.utils.set_random_seed(1)
    with quiet():
        cut = split(conditional_label.build(), "labelled")
    return convert_to_tflite(cut.decoder, batches=(1, 16))


@pytest.mark.parametrize("options", [{}, {"integer_io": True}], ids=["float", "integer"])
@pytest.mark.parametrize("precision", QUANTISERS)
def test_labels_stay_integers(labelled, precision, options):
    if options and precision != "int8":
        return
    rng = np.random.default_rng(0)
    rows = {
        "z": rng.normal(size=(20, 3)).astype(np.float32),
        "label": np.arange(20, dtype=np.int32) % 10,
    }
    artifact = quantise_tflite(labelled, precision, rows, **options)
    dtypes = {spec.name: spec.dtype for spec in artifact.inputs}
    assert dtypes == {"z": "int8" if options else "float32", "label": "int32"}
    specs = {spec.name: spec for spec in artifact.inputs}
    assert specs["label"].quantisation is None
    expected, actual = files.run(labelled, rows, 16), files.run(artifact, rows, 16)
    np.testing.assert_allclose(actual["reconstruction"], expected["reconstruction"], rtol=0, atol=0.02)
    swapped = files.run(artifact, {**rows, "label": rows["label"][::-1]}, 16)
    assert np.abs(swapped["reconstruction"] - actual["reconstruction"]).max() > 0.01


def test_names_that_are_no_identifiers():
    keras.utils.set_random_seed(1)
    with quiet():
        cut = split(strange_names.build(), "strange")
    float_file = convert_to_tflite(cut.decoder, batches=(1, 16), for_integers=True)
    rng = np.random.default_rng(0)
    rows = {
        spec.name: rng.normal(size=(16, *spec.shape[1:])).astype(np.float32) for spec in float_file.inputs
    }
    (output,) = (spec.name for spec in float_file.outputs)
    for precision in QUANTISERS:
        if precision == "dynamic-int8":
            with pytest.raises(
                ConversionError,
                match=r"^decoder\.dynamic-int8\.tflite: no layer became integers, expected one with 1,024 weights or",
            ):
                quantise_tflite(float_file, precision, rows)
            continue
        artifact = quantise_tflite(float_file, precision, rows, keep_float=[output])
        assert (artifact.inputs, artifact.outputs) == (float_file.inputs, float_file.outputs)
        assert output in artifact.float_tensors
        files.run(artifact, rows, 16)


def test_a_softplus_selects_by_its_own_input():
    """TensorFlow's quantiser takes the range of what a SELECT makes for that of what it chooses from: 8 dB."""
    keras.utils.set_random_seed(1)
    model = softplus_in_the_layer.build()
    peak(model)
    with quiet():
        cut = split(model, "softplus")
    float_file = convert_to_tflite(cut.encoder, batches=(16,), for_integers=True)
    names = quantisable_tensors(float_file)
    assert any(name.startswith("select") for name in names)
    (x,) = float_file.inputs
    rows = {"x": np.random.default_rng(0).random((16, *x.shape[1:]), np.float32)}
    expected = files.run(float_file, rows, 16)["logvar"]
    chain = names[names.index("mu") + 1 :]
    for kept, bound in (((), 20), (chain, 38)):
        artifact = quantise_tflite(float_file, "int8", rows, keep_float=kept)
        assert sqnr_db(expected, files.run(artifact, rows, 16)["logvar"]) > bound


def transposed_convolution():
    z = keras.Input((4,), name="z")
    hidden = layers.Reshape((3, 3, 6))(layers.Dense(54, activation="relu")(z))
    # An odd number of outputs is not lowered.
    hidden = layers.Conv2DTranspose(8, 3, strides=2, padding="valid", activation="relu")(hidden)
    picture = layers.Conv2DTranspose(1, 3, strides=2, padding="valid", activation="sigmoid")(hidden)
    model = keras.Model(z, {"reconstruction": picture})
    return convert_to_tflite(half_of(model), batches=(1, 16), for_integers=True)


def test_what_a_quantiser_passes_over():
    """TensorFlow's does not know transposed convolutions by name, and says nothing."""
    float_file = transposed_convolution()
    rows = {"z": np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)}
    message = (
        r"^decoder\.int8\.tflite: the quantiser put transpose_conv_2 into integers, expected float for "
        r"keep_float; name another tensor there, or use another precision$"
    )
    with pytest.raises(ConversionError, match=message):
        quantise_tflite(float_file, "int8", rows, keep_float=["transpose_conv_2", "relu_3"])
    artifact = quantise_tflite(float_file, "int16x8", rows, keep_float=["transpose_conv_2"])
    assert artifact.float_tensors == ("transpose_conv_2",)


@pytest.mark.parametrize(
    ("precision", "options", "message"),
    [
        (
            "int4",
            {},
            r"^decoder\.tflite: TFLite has no lower precision int4, expected float16, dynamic-int8, int8, int16x8$",
        ),
        ("float32", {}, r"^decoder\.tflite: TFLite has no lower precision float32, expected float16, "),
        (
            "int16x8",
            {"integer_io": True},
            r"^decoder\.int16x8\.tflite: TFLite has integer inputs and outputs in files of precision int8; leave them "
            r"float32$",
        ),
        (
            "int8",
            {"keep_float": ["logistic_2", "mu", "reconstruction"]},
            r"^decoder\.int8\.tflite: keep_float: got mu, reconstruction, expected names out of "
            r"fully_connected_0, fully_connected_1, logistic_2$",
        ),
    ],
)
def test_what_does_not_go_together(precision, options, message):
    with pytest.raises(ConversionError, match=message):
        quantise_tflite(
            files.float_file("dense", "decoder"), precision, {"z": files.draws("dense", 0)}, **options
        )


def test_a_file_that_is_quantised_already():
    again = files.quantised("dense", "decoder", "int8")
    message = (
        r"^decoder\.float16\.tflite: made of decoder\.int8\.tflite, expected a float32 \.tflite file; convert "
        r"the half to one first$"
    )
    with pytest.raises(ConversionError, match=message):
        quantise_tflite(again, "float16", {})
    with pytest.raises(ConversionError, match=r"made of decoder\.\w+, expected a float32 \.tflite file"):
        quantise_tflite(replace(files.float_file("dense", "decoder"), format="onnx"), "float16", {})


def test_rows_that_do_not_fit():
    expected = (
        r"^decoder\.int8\.tflite: calibration has rows for nothing, expected z; give an array for each input$"
    )
    with pytest.raises(DataError, match=expected):
        quantise_tflite(files.float_file("dense", "decoder"), "int8", {})


@pytest.mark.parametrize("precision", QUANTISERS)
def test_nothing_is_printed(precision, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        files.quantised.__wrapped__("dense", "encoder", precision)
    assert capfd.readouterr() == ("", "")
