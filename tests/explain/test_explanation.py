import dataclasses
import shutil

import flatbuffers
import msgspec
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from vae_export.bundle.reader import Bundle, read_bundle
from vae_export.core.trace import INPUT
from vae_export.errors import InputError
from vae_export.explain import explanation
from vae_export.explain.explanation import explain_artifact, load_trace
from vae_export.explain.layer_errors import LARGEST_LOGIT
from vae_export.private.litert import schema
from vae_export.verify.vae_metrics import gaussian_kl


@pytest.fixture(scope="module", autouse=True)
def few_rows():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explanation, "PRIOR_ROWS", 8)
        yield


FILES = [f"{role}.int8.{format}" for role in ("encoder", "decoder") for format in ("onnx", "tflite")]


@pytest.fixture(scope="module", params=["dense", "conv"])
def bundle(request):
    return read_bundle(request.getfixturevalue(f"{request.param}_int8_bundle"))


@pytest.fixture(scope="module")
def dense(dense_int8_bundle):
    return read_bundle(dense_int8_bundle)


@pytest.fixture(scope="module")
def conv(conv_int8_bundle):
    return read_bundle(conv_int8_bundle)


def altered(bundle, folder, file, change):
    """A bundle one of whose files was changed; its hashes are not looked at again."""
    path = shutil.copytree(bundle.path, folder / "bundle")
    (path / file).write_bytes(change((path / file).read_bytes()))
    return Bundle(path, bundle.manifest)


def change_onnx(change):
    """Change initializers: called with the model, gives name -> values."""

    def apply(data):
        model = onnx.load_from_string(data)
        stored = {one.name: one for one in model.graph.initializer}
        for name, values in change(model, {k: numpy_helper.to_array(v) for k, v in stored.items()}).items():
            stored[name].CopyFrom(numpy_helper.from_array(values, name))
        return model.SerializeToString()

    return apply


def change_tflite(change):
    def apply(data):
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
        change(model, {t.name.decode(): t for t in model.subgraphs[0].tensors})
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    return apply


@pytest.mark.parametrize("file", FILES)
def test_every_layer_is_real_and_the_worst_comes_first(bundle, file):
    found = explain_artifact(bundle, file, 3)
    entries = {entry.file: entry for entry in bundle.artifacts}
    quantised, exact = (
        {layer.name: layer for layer in load_trace(bundle, entries[name]).outline.layers}
        for name in (file, found.against)
    )
    assert found.against == file.replace(".int8", "")
    for error in found.layers:
        assert error.operator == quantised[error.layer].kind
        assert quantised[error.layer].shape == exact[error.float_layer].shape
    assert len({error.float_layer for error in found.layers}) == len(found.layers)
    own = [error.own_sqnr_db for error in found.layers]
    known = [value for value in own if value is not None]
    assert own == [*sorted(known), *[None] * (len(own) - len(known))]
    # All that computes is in the table, and nothing is as bad as a layer that is wrong.
    assert {kind for error in found.layers if (kind := error.operator) != INPUT} >= {
        "onnx": {"Gemm", "Relu"},
        "tflite": {"FULLY_CONNECTED"},
    }[file.rpartition(".")[2]]
    assert min(known) > 20
    assert all(error.sqnr_db > 25 for error in found.layers)
    assert found.rows == (8 if "encoder" in file else 16)
    assert found.unmatched == ()


def test_what_has_no_counterpart_is_counted(conv, dense):
    """The last convolution is two operators in the float file, one in the file of integers."""
    found = explain_artifact(conv, "decoder.int8.tflite", 1)
    assert (found.unmatched, found.unmatched_float) == ((), ("depthwise_conv_2d_20",))
    assert {e.layer: e.float_layer for e in found.layers}["conv_2d_20"] == "conv_2d_21"
    for file in FILES:
        assert explain_artifact(dense, file, 1).unmatched_float == ()


def test_logits_that_were_cut_on_purpose_are_no_culprit(conv, dense):
    for bundle in (conv, dense):
        found = explain_artifact(bundle, "decoder.int8.tflite", 1)
        (cut,) = [error for error in found.layers if error.cut]
        assert cut.range == pytest.approx((-LARGEST_LOGIT, LARGEST_LOGIT), abs=0.05, rel=0)
        assert (cut.clipped, cut.sqnr_db > 30) == (0, True)
        # Taken as they are they are not, and the float file has far larger ones.
        graph = load_trace(bundle, next(e for e in bundle.artifacts if e.file == "decoder.tflite"))
        logits = next(layer.key for layer in graph.outline.layers if layer.sigmoid_alone)
        assert graph.run({"z": bundle.golden("z")[:1]})[logits].min() < -2 * LARGEST_LOGIT


def scale_of_weights(kind, number):
    """The scale of the weights of a node, 1.2 times as large."""

    def change(model, stored):
        node = [node for node in model.graph.node if node.op_type == kind][number]
        maker = next(one for one in model.graph.node if node.input[1] in one.output)
        return {maker.input[1]: stored[maker.input[1]] * np.float32(1.2)}

    return change_onnx(change)


def smaller_weights(output):
    """Integers of the weights of an operator, 0.8 times as large."""

    def change(model, tensors):
        graph = model.subgraphs[0]
        operator = next(o for o in graph.operators if graph.tensors[o.outputs[0]].name.decode() == output)
        buffer = model.buffers[graph.tensors[operator.inputs[1]].buffer]
        integers = np.asarray(buffer.data, np.uint8).view(np.int8)
        buffer.data = np.rint(integers * 0.8).astype(np.int8).view(np.uint8)

    return change_tflite(change)


@pytest.mark.parametrize(
    ("model", "file", "change", "culprit"),
    [
        ("conv", "decoder.int8.onnx", scale_of_weights("ConvTranspose", 0), "ConvTranspose_27"),
        ("conv", "decoder.int8.onnx", scale_of_weights("ConvTranspose", 2), "ConvTranspose_51"),
        ("conv", "encoder.int8.onnx", scale_of_weights("Conv", 1), "Conv_26"),
        ("dense", "encoder.int8.onnx", scale_of_weights("Gemm", 2), "mu"),
        ("conv", "decoder.int8.tflite", smaller_weights("fully_connected_0"), "fully_connected_0"),
        ("conv", "decoder.int8.tflite", smaller_weights("conv_2d_16"), "conv_2d_16"),
        ("conv", "encoder.int8.tflite", smaller_weights("conv_2d_0"), "conv_2d_0"),
        ("dense", "decoder.int8.tflite", smaller_weights("fully_connected_1"), "fully_connected_1"),
    ],
)
def test_a_planted_culprit_is_found(request, tmp_path, model, file, change, culprit):
    bundle = request.getfixturevalue(model)
    before = {error.layer: error for error in explain_artifact(bundle, file, 1).layers}
    wrong = altered(bundle, tmp_path, file, change)
    found = explain_artifact(wrong, file, 1).layers
    assert found[0].layer == culprit
    assert found[0].own_sqnr_db < 20 < before[culprit].own_sqnr_db
    entry = next(entry for entry in bundle.artifacts if entry.file == file)
    after = {error.layer: error for error in found}
    for layer in load_trace(wrong, entry).outline.layers:
        if layer.name == culprit:
            assert after[culprit].sqnr_db < before[culprit].sqnr_db - 5
            break
        if layer.name in after:
            assert after[layer.name].sqnr_db == before[layer.name].sqnr_db


def test_a_narrow_range_clips(conv, tmp_path):
    def narrow(model, stored):
        node = [node for node in model.graph.node if node.op_type == "QuantizeLinear"][2]
        assert node.input[0] == "Relu_28"
        return {node.input[1]: stored[node.input[1]] / np.float32(8)}

    file = "decoder.int8.onnx"
    errors = [
        {error.layer: error for error in explain_artifact(bundle, file, 1).layers}["Relu_28"]
        for bundle in (conv, altered(conv, tmp_path, file, change_onnx(narrow)))
    ]
    assert [error.clipped > 0.001 for error in errors] == [False, True]
    assert errors[1].range[1] == pytest.approx(errors[0].range[1] / 8)
    assert errors[1].own_sqnr_db < errors[0].own_sqnr_db - 3


def test_a_narrow_range_clips_integers_too(dense, tmp_path):
    def narrow(_, tensors):
        tensors["fully_connected_0"].quantization.scale = [
            tensors["fully_connected_0"].quantization.scale[0] / 8
        ]

    file = "decoder.int8.tflite"
    errors = [
        {error.layer: error for error in explain_artifact(bundle, file, 1).layers}["fully_connected_0"]
        for bundle in (dense, altered(dense, tmp_path, file, change_tflite(narrow)))
    ]
    assert [error.clipped > 0.001 for error in errors] == [False, True]


def test_worst_samples_of_a_decoder(dense):
    found = explain_artifact(dense, "decoder.int8.onnx", 5)
    psnr = [sample.figures["psnr"] for sample in found.samples]
    assert psnr == sorted(psnr)
    expected, actual = found.images
    assert expected.shape == actual.shape == (5, 28, 28, 1)
    noise = np.square(expected.astype(np.float64) - actual).mean(axis=(1, 2, 3))
    # The peak is what the float file's images span, as for the budgets: of all rows, so of more than these.
    peaks = 10 ** ((psnr + 10 * np.log10(noise)) / 20)
    np.testing.assert_allclose(peaks, peaks[0], rtol=1e-6, atol=0)
    assert np.ptp(expected) <= peaks[0] * (1 + 1e-6) <= 1
    everything = explain_artifact(dense, "decoder.int8.onnx", 1000).samples
    assert {(one.source, one.index) for one in everything} == {
        *(("golden", row) for row in range(8)),
        *(("prior", row) for row in range(8)),
    }
    assert everything[:5] == found.samples


def test_worst_samples_of_an_encoder(dense):
    found = explain_artifact(dense, "encoder.int8.onnx", 8)
    kl = [sample.figures["kl"] for sample in found.samples]
    assert kl == sorted(kl, reverse=True)
    assert found.images is None
    posteriors = []
    for name in (found.against, found.artifact):
        graph = load_trace(dense, next(entry for entry in dense.artifacts if entry.file == name))
        values = graph.run({"x": dense.golden("x")})
        posteriors += [values[graph.outline.outputs[output]] for output in ("mu", "logvar")]
    assert kl[0] == gaussian_kl(*posteriors)[found.samples[0].index]


def test_a_bundle_of_float32_alone(dense_bundle):
    with pytest.raises(
        InputError,
        match=r"bundle: holds no decoder.int8.onnx to explain, and none of a lower precision; export the model "
        r"again with --precision float32,int8$",
    ):
        explain_artifact(read_bundle(dense_bundle), "decoder.int8.onnx", 1)


def test_a_bundle_without_float32(dense):
    entries = [entry for entry in dense.artifacts if entry.precision == "int8"]
    with pytest.raises(
        InputError,
        match=r"bundle: holds no float32 decoder.onnx to compare decoder.int8.onnx with; export the model "
        r"again with --precision float32,int8$",
    ):
        explain_artifact(
            Bundle(dense.path, msgspec.structs.replace(dense.manifest, artifacts=tuple(entries))),
            "decoder.int8.onnx",
            1,
        )


def test_divergences_are_of_what_z_is_drawn_with(dense):
    """A tenth of the noise makes an error of mu a hundred times as far: as `fidelity` has it."""
    (latent,) = dense.manifest.latents
    tenth = msgspec.structs.replace(dense.manifest, latents=(dataclasses.replace(latent, epsilon_scale=0.1),))
    whole, scaled = (
        explain_artifact(Bundle(dense.path, manifest), "encoder.int8.onnx", 8)
        for manifest in (dense.manifest, tenth)
    )
    assert scaled.samples[0].figures["mu_error"] == pytest.approx(10 * whole.samples[0].figures["mu_error"])
    assert scaled.samples[0].figures["kl"] > 20 * whole.samples[0].figures["kl"]
