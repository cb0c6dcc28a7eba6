"""Bundles for microcontrollers."""

from __future__ import annotations

import keras
import pytest

import vae_export
from tests.runtime.toolchain import need_module
from tests.tiny_models import LATENT, X_SHAPE, decoder_tensors, encoder_tensors, randomise, samples, tiny_vae
from vae_export.bundle.reader import read_bundle
from vae_export.errors import BundleError, ConversionError, InputError, MissingDependencyError
from vae_export.formats.tflm import interpreter as tflm
from vae_export.formats.tflm.deployment import arena_with_margin
from vae_export.split.sampling_layer import SamplingLayer


@pytest.fixture(scope="module")
def tiny_bundles(tmp_path_factory):
    """The same export twice, with integers outside."""
    need_module("tflite_micro")
    folder = tmp_path_factory.mktemp("tiny")
    return [
        vae_export.export(
            tiny_vae(), folder / name, format="tflm", integer_io=True, samples=samples(20), name="tiny"
        ).path
        for name in ("first", "second")
    ]


def test_what_is_in_it(mcu_result):
    bundle = read_bundle(mcu_result.path)
    files = {file.name for file in mcu_result.path.iterdir()}
    for role in ("encoder", "decoder"):
        assert files >= {f"{role}.int8.{suffix}" for suffix in ("tflite", "cc", "h")}
    assert [(entry.precision, entry.batches) for entry in bundle.artifacts] == [("int8", (1,))] * 4
    assert bundle.manifest.to_dict()["tools"]["tflite-micro"] in tflm.tflm_version()
    for entry in bundle.artifacts[2:]:
        assert (entry.format, entry.oldest_runtime) == ("tflm", tflm.tflm_version())
        steps = entry.details["steps_off_litert"]
        assert set(steps) == {tensor.name for tensor in entry.outputs}
        assert all(one["largest"] <= 6 and one["mean"] <= 0.1 for one in steps.values())
        assert entry.details["compared_rows"] == 64


def test_what_runs_in_the_interpreter_is_held_to_the_budget(mcu_result, halves):
    """As good as the file it was made of, measured in TensorFlow Lite Micro itself."""
    for artifact, source in halves.values():
        assert source["budget"] == artifact["budget"]
        if source["role"] == "encoder":
            assert source["fidelity"]["kl_mean"] <= source["budget"]["max_kl"]
        else:
            assert source["fidelity"]["prior"]["psnr"] >= source["budget"]["min_psnr"]
            assert abs(source["fidelity"]["prior"]["psnr"] - artifact["fidelity"]["prior"]["psnr"]) < 1


def test_it_is_verified_in_the_interpreter(mcu_result):
    report = vae_export.verify(mcu_result.path)
    assert report.ok, report.failures
    assert {"encoder.int8.cc", "decoder.int8.cc"} <= {row.artifact for row in report.rows}


def test_arenas_stay_as_small_as_they_are(mcu_result, halves):
    most = {"fashion-mnist-dense": (8_000, 18_000), "fashion-mnist-conv": (15_000, 112_000)}
    for limit, (_, source) in zip(most[mcu_result.manifest.to_dict()["name"]], halves.values(), strict=True):
        assert source["details"]["arena_bytes"] <= limit


def test_the_helper_runs_it(mcu_result):
    vae = vae_export.load(mcu_result.path)
    assert vae.generate(3, seed=7).shape == (3, 28, 28, 1)
    vae.self_test()


def test_integers_outside(tiny_bundles):
    manifest = read_bundle(tiny_bundles[0]).manifest.to_dict()
    assert {tensor["dtype"] for entry in manifest["artifacts"] for tensor in entry["outputs"]} == {"int8"}
    assert "AddQuantize" not in manifest["artifacts"][2]["details"]["resolver"]
    assert "zero point" in (tiny_bundles[0] / "decoder.int8.h").read_text()


def test_the_same_export_gives_the_same_bytes(tiny_bundles):
    first, second = (
        {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}
        for path in tiny_bundles
    )
    assert first == second


def test_altered_source_is_refused(tiny_bundles):
    file = tiny_bundles[1] / "encoder.int8.cc"
    file.write_text(file.read_text().replace("0x00,", "0x01,", 1))
    with pytest.raises(BundleError, match=r"encoder\.int8\.cc: altered, got SHA-256"):
        read_bundle(tiny_bundles[1])


def test_other_bundles_have_none(dense_bundle):
    assert "tflite-micro" not in read_bundle(dense_bundle).manifest.to_dict()["tools"]


def upsampling_decoder(z):
    hidden = keras.layers.Reshape((3, 3, 1))(keras.layers.Dense(9, activation="relu")(z))
    hidden = keras.layers.UpSampling2D(2)(hidden)
    return keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")(hidden)


def vae_with(decoder):
    x, z = keras.Input(X_SHAPE), keras.Input((LATENT,))
    sample = SamplingLayer(seed=1, name="sampling")(list(encoder_tensors(x)))
    return randomise(keras.Model(x, keras.Model(z, decoder(z), name="decoder")(sample), name="tiny"), 1)


def test_upsampling_needs_no_tile(tmp_path):
    need_module("tflite_micro")
    result = vae_export.export(
        vae_with(upsampling_decoder), tmp_path / "b", format="tflm", samples=samples(20)
    )
    assert "AddConcatenation" in result.manifest.to_dict()["artifacts"][3]["details"]["resolver"]


def test_an_operator_that_is_lacking_is_named(tmp_path):
    need_module("tflite_micro")
    with pytest.raises(
        ConversionError, match=r"^decoder\.int8\.tflite: holds GELU, which TensorFlow Lite Micro"
    ):
        vae_export.export(
            vae_with(lambda z: decoder_tensors(z, "gelu")),
            tmp_path / "b",
            format="tflm",
            samples=samples(20),
        )
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"precision": "float32"},
            r"tflm with --precision float32, expected --precision int8, which it implies",
        ),
        ({"precision": "auto"}, r"tflm with --precision auto, expected --precision int8, which it implies"),
        ({"batch": (1, 16)}, r"tflm with --batch 1,16, expected --batch 1, which it implies; leave it out$"),
        ({"batch": "dynamic"}, r"tflm with --batch dynamic, expected --batch 1, which it implies"),
        (
            {"format": "fpga"},
            r"fpga, expected some of onnx, tflite, ort, tflm, or all \(onnx, tflite\)$",
        ),
    ],
    ids=str,
)
def test_arguments_that_contradict_it(arguments, message, tmp_path):
    with pytest.raises(InputError, match=rf"^format: got {message}"):
        vae_export.export(output=tmp_path / "b", **{"format": "tflm", **arguments})


def test_other_precisions_beside_it(tmp_path):
    """Those that are asked for stand beside the int8 files that it is made of."""
    need_module("tflite_micro")
    result = vae_export.export(
        tiny_vae(),
        tmp_path / "b",
        format="onnx,tflm",
        precision="float16,int8",
        batch=1,
        samples=samples(20),
        min_psnr=20,
        max_kl=1,
    )
    files = [entry["file"] for entry in result.manifest.to_dict()["artifacts"] if entry["role"] == "decoder"]
    assert files == [
        "decoder.float16.onnx",
        "decoder.int8.onnx",
        "decoder.float16.tflite",
        "decoder.int8.tflite",
        "decoder.int8.cc",
    ]


def test_without_tflite_micro_nothing_is_begun(tmp_path, monkeypatch):
    monkeypatch.setattr(tflm.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match=r"pip install --pre tflite-micro$"):
        vae_export.export("fashion-mnist-dense", tmp_path / "b", format="tflm")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(("smallest", "size"), [(16, 32), (4096, 4352), (15632, 16624)])
def test_the_margin(smallest, size):
    assert arena_with_margin(smallest) == size
