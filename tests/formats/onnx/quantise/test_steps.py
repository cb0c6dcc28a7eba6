import keras
import numpy as np
import onnx
import pytest

from tests.formats.onnx.quantise.figures import domains_of, kl, psnr, quantise_onnx, run, weights_of
from tests.gallery import conditional_label
from tests.tiny_models import LATENT, samples
from vae_export.core.artifact import TensorSpec
from vae_export.errors import ConversionError, InputError
from vae_export.formats.onnx.convert import convert_to_onnx
from vae_export.formats.onnx.quantise.steps import quantisable_tensors
from vae_export.io.quiet import quiet
from vae_export.runtime.python import vae_runtime
from vae_export.sources.keras_loading import load_model
from vae_export.sources.reference_models import reference_models
from vae_export.split.split_vae import split

PRECISIONS = ("float16", "dynamic-int8", "int8")
# What both reference models stay within, with room: measured were, of the worse of the two,
#                 KL mean, worst     PSNR of posterior and prior, worst picture      bytes, of float32
# float16         3e-5, 5e-4         82.0, 76                                        0.50
# dynamic-int8    0.014, 0.23        48.1, 45                                        0.31
# int8            0.014, 0.11        37.6, 34                                        0.35
KL = {"float16": (1e-3, 1e-2), "dynamic-int8": (0.05, 0.6), "int8": (0.05, 0.4)}
PSNR = {"float16": (75, 70), "dynamic-int8": (45, 40), "int8": (35, 31)}
SIZE = {"float16": 0.52, "dynamic-int8": 0.34, "int8": 0.38}


class Reference:
    """A trained model, with rows to calibrate on and others to measure on."""

    def __init__(self, name):
        path = reference_models()[name]
        with quiet():
            halves = split(load_model(path), name)
            self.encoder = convert_to_onnx(halves.encoder, name=name)
            self.decoder = convert_to_onnx(halves.decoder, name=name)
        pictures = np.load(path.with_name("samples.npz"))["x"].reshape(256, 28, 28, 1) / np.float32(255)
        self.x, self.other_x = pictures[:128], pictures[128:]
        (self.latent,) = self.decoder.inputs[0].shape[1:]
        self.z = np.concatenate([self.posterior(self.x, 1), self.prior(128, 2), self.axes()])
        self.quantised = {
            (half.role, precision): quantise_onnx(half, precision, {name: rows})
            for half, name, rows in ((self.encoder, "x", self.x), (self.decoder, "z", self.z))
            for precision in PRECISIONS
        }

    def posterior(self, x, seed):
        out = run(self.encoder, {"x": x})
        return vae_runtime.sample(out["mu"], out["logvar"], seed=seed)

    def prior(self, rows, seed):
        return vae_runtime.normal(seed, 0, 0, rows * self.latent).reshape(rows, self.latent)

    def axes(self):
        return np.concatenate([4 * np.eye(self.latent), -4 * np.eye(self.latent)]).astype(np.float32)

    def decoder_figures(self, quantised):
        """PSNR over all, and of the worst picture, of the worse of posterior and prior."""
        both = [self.posterior(self.other_x, 3), self.prior(128, 4)]
        figures = [
            psnr(*(run(half, {"z": z})["reconstruction"] for half in (self.decoder, quantised))) for z in both
        ]
        return tuple(map(min, zip(*figures, strict=True)))

    def encoder_figures(self, quantised):
        return kl(*(run(half, {"x": self.other_x}) for half in (self.encoder, quantised)))


@pytest.fixture(scope="module", params=["fashion-mnist-dense", "fashion-mnist-conv"])
def reference(request):
    return Reference(request.param)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_reference_models_stay_what_they_are(reference, precision):
    mean, worst = reference.encoder_figures(reference.quantised["encoder", precision])
    assert (mean <= KL[precision][0], worst <= KL[precision][1]) == (True, True), (mean, worst)
    mean, worst = reference.decoder_figures(reference.quantised["decoder", precision])
    assert (mean >= PSNR[precision][0], worst >= PSNR[precision][1]) == (True, True), (mean, worst)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("role", ["encoder", "decoder"])
def test_files_are_smaller_and_plain(reference, role, precision):
    before, after = getattr(reference, role), reference.quantised[role, precision]
    assert len(after.data) <= SIZE[precision] * len(before.data)
    assert domains_of(after) == {""}
    assert "int8" not in weights_of(after)
    assert weights_of(after)["float16" if precision == "float16" else "uint8"] > 90_000
    assert (after.inputs, after.outputs, after.batches) == (before.inputs, before.outputs, None)
    assert (after.details, after.oldest_runtime) == ({"opset": 17, "ir_version": 8}, "onnxruntime 1.15.1")
    assert (after.file, after.float_tensors) == (f"{role}.{precision}.onnx", ())
    model = onnx.load_from_string(after.data)
    assert [value.name for value in model.graph.output] == [spec.name for spec in before.outputs]
    assert {entry.key for entry in model.metadata_props} == {"name", "role", "format_version"}
    assert {node.op_type for node in model.graph.node} == set(after.operators)
    onnx.checker.check_model(model, full_check=True)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_batches_stay_of_any_size(reference, precision):
    quantised = reference.quantised["decoder", precision]
    z = reference.prior(64, 5)
    whole = run(quantised, {"z": z})["reconstruction"]
    for rows in (1, 7):
        part = run(quantised, {"z": z[:rows]})["reconstruction"]
        # Activations that are quantised as they come have the scale of the whole batch.
        atol = 0.1 if precision == "dynamic-int8" else 2e-6
        np.testing.assert_allclose(part, whole[:rows], rtol=0, atol=atol)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_quantising_again_gives_the_same_bytes(reference, precision):
    again = quantise_onnx(reference.encoder, precision, {"x": reference.x})
    assert again == reference.quantised["encoder", precision]


def test_what_was_calibrated_on_too_little_is_bad(reference):
    """The planted fault: one z, which a decoder's ranges cannot come from."""
    narrow = quantise_onnx(reference.decoder, "int8", {"z": np.zeros_like(reference.z)})
    mean, worst = reference.decoder_figures(narrow)
    assert mean < PSNR["int8"][0] - 10
    assert worst < PSNR["int8"][1] - 10


def test_outputs_that_are_float_have_no_steps(reference):
    """mu and logvar of an int8 encoder are not of 256 values."""
    out = run(reference.quantised["encoder", "int8"], {"x": reference.other_x})
    assert min(len(np.unique(values)) for values in out.values()) > 0.95 * out["mu"].size


@pytest.mark.parametrize("precision", PRECISIONS)
def test_what_is_kept_in_float_brings_back_what_was_lost(reference, precision):
    _, *others = quantisable_tensors(reference.decoder)
    whole = reference.quantised["decoder", precision]
    # In any order, and any number of times.
    kept = quantise_onnx(
        reference.decoder, precision, {"z": reference.z}, keep_float=[*others[::-1], *others]
    )
    assert kept.float_tensors == tuple(others)
    assert len(kept.data) > len(whole.data)
    assert reference.decoder_figures(kept)[0] > reference.decoder_figures(whole)[0] + 0.4


def test_what_may_be_kept_in_float(reference):
    names = quantisable_tensors(reference.decoder)
    expected = {
        2: ("MatMul_2", "MatMul_7"),
        16: ("MatMul_2", "ConvTranspose_10", "ConvTranspose_14", "ConvTranspose_18"),
    }
    assert names == expected[reference.latent]
    assert quantisable_tensors(reference.quantised["decoder", "int8"]) == ()


def test_quantisers_tell_their_recipe(reference):
    assert {p: reference.quantised["decoder", p].quantiser.split(", ", 1)[1] for p in PRECISIONS} == {
        "float16": "weights as float16, computed in float32",
        "dynamic-int8": "weights uint8, per channel, long rows by DynamicQuantizeLinear and MatMulInteger",
        "int8": "QDQ, U8U8, per channel, minimum and maximum",
    }
    assert reference.quantised["decoder", "int8"].quantiser.startswith("vae-export ")


@pytest.fixture(scope="module")
def conditional():
    keras.utils.set_random_seed(1)
    with quiet():
        halves = split(conditional_label.build(), "m")
        return convert_to_onnx(halves.decoder, name="m")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_conditions_of_integers(conditional, precision):
    rng = np.random.default_rng(0)
    rows = {
        "z": rng.standard_normal((50, 3), np.float32),
        "label": np.arange(50, dtype=np.int32) % 10,
    }
    quantised = quantise_onnx(conditional, precision, rows)
    assert TensorSpec("label", (None,), "int32") in quantised.inputs
    before, after = (run(half, rows)["reconstruction"] for half in (conditional, quantised))
    assert psnr(before, after)[0] > 45
    other = run(quantised, {**rows, "label": rows["label"][::-1].copy()})["reconstruction"]
    assert np.abs(other - after).max() > 0.01


@pytest.fixture(scope="module")
def tiny_decoder(tiny_split):
    return convert_to_onnx(tiny_split.decoder, name="tiny")


@pytest.mark.parametrize("precision", ["int16x8", "int4", "float32"])
def test_precisions_that_are_not_for_onnx(tiny_decoder, precision):
    message = (
        rf"^decoder\.onnx: ONNX has no lower precision {precision}, expected float16, dynamic-int8, int8$"
    )
    with pytest.raises(ConversionError, match=message):
        quantise_onnx(tiny_decoder, precision, {})


def test_only_files_of_float32_are_taken(tiny_decoder):
    half = quantise_onnx(tiny_decoder, "float16", {})
    with pytest.raises(
        InputError, match=r"^decoder\.float16\.onnx: got precision float16, expected a float32 \.onnx file$"
    ):
        quantise_onnx(half, "int8", {})


def test_tensors_to_keep_that_are_not_there(tiny_decoder):
    with pytest.raises(
        InputError,
        match=r"^decoder\.int8\.onnx: keep_float: got mu, expected names out of MatMul_2, MatMul_7, MatMul_12$",
    ):
        quantise_onnx(tiny_decoder, "int8", {}, keep_float=["mu", "MatMul_7"])


@pytest.mark.parametrize(
    ("precision", "message"),
    [
        (
            "float16",
            r"^decoder\.float16\.onnx: no constants are left to store in 16 bits, expected one of ",
        ),
        ("dynamic-int8", r"^decoder\.dynamic-int8\.onnx: no weights are left to quantise, expected some of "),
        ("int8", r"^decoder\.int8\.onnx: no weights are left to quantise, expected some of MatMul, Gemm, "),
    ],
)
def test_nothing_is_left_to_quantise(tiny_decoder, precision, message):
    with pytest.raises(ConversionError, match=message):
        quantise_onnx(tiny_decoder, precision, {}, keep_float=quantisable_tensors(tiny_decoder))


def test_a_fixed_batch(tiny_split):
    encoder = convert_to_onnx(tiny_split.encoder, name="tiny", batch=4)
    quantised = quantise_onnx(encoder, "int8", {"x": samples(7)})
    assert (quantised.batches, quantised.inputs) == ((4,), encoder.inputs)
    assert kl(*(run(half, {"x": samples(4)}) for half in (encoder, quantised)))[0] < 0.05
    # As many weights as with any batch: the converter makes other nodes of them.
    free = quantise_onnx(convert_to_onnx(tiny_split.encoder, name="m"), "int8", {"x": samples(7)})
    assert len(quantisable_tensors(encoder)) == 3
    assert weights_of(quantised)["uint8"] == weights_of(free)["uint8"]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("opset", [13, 18])
def test_every_opset_has_every_precision(tiny_split, precision, opset):
    decoder = convert_to_onnx(tiny_split.decoder, name="tiny", opset=opset)
    z = np.random.default_rng(0).standard_normal((40, LATENT), np.float32)
    quantised = quantise_onnx(decoder, precision, {"z": z})
    assert quantised.details["opset"] == opset
    assert onnx.load_from_string(quantised.data).opset_import[0].version == opset
    assert psnr(*(run(half, {"z": z})["reconstruction"] for half in (decoder, quantised)))[0] > 35


@pytest.mark.parametrize("precision", PRECISIONS)
def test_nothing_is_printed_or_left_behind(tiny_decoder, precision, capfd, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    quantise_onnx(tiny_decoder, precision, {"z": np.ones((3, LATENT), np.float32)})
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
