import logging
import os
import subprocess
import sys

import numpy as np
import pytest

import vae_export
from tests.tiny_models import X_SHAPE, samples, tiny_vae
from vae_export import errors
from vae_export.pipeline.planning import default_output
from vae_export.runtime import HELPERS, helper_bytes


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_exporting_twice_gives_identical_files(dense_bundle, tmp_path):
    again = vae_export.export("fashion-mnist-dense", tmp_path / "again").path
    assert content(again) == content(dense_bundle)


EXPORT = "import sys, vae_export; vae_export.export('fashion-mnist-dense', sys.argv[1])"


def test_another_process_gives_identical_files(dense_bundle, tmp_path):
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    subprocess.run(
        [sys.executable, "-c", EXPORT, tmp_path / "again"], check=True, capture_output=True, env=environment
    )
    assert content(tmp_path / "again") == content(dense_bundle)


def test_a_model_in_memory(tmp_path):
    steps = []
    result = vae_export.export(
        tiny_vae(), tmp_path / "b", name="mine", samples=samples(), progress=steps.append
    )
    assert result.manifest.to_dict()["name"] == "mine"
    assert result.manifest.to_dict()["samples"] == "12 real samples from samples"
    assert result.report.ok
    assert result.cut == "sampling layer 'sampling' (SamplingLayer), latent 3, log-variance (measured)"
    assert steps == [
        "loading TensorFlow and the model",
        "finding the sampling site",
        "converting encoder.onnx",
        "converting decoder.onnx",
        "converting encoder.tflite",
        "converting decoder.tflite",
        "verifying encoder.onnx",
        "verifying decoder.onnx",
        "verifying encoder.tflite",
        "verifying decoder.tflite",
        "writing the bundle",
    ]
    vae = vae_export.load(result.path)
    assert vae.generate(2).shape == (2, *X_SHAPE)
    assert vae_export.verify(result.path).ok


@pytest.mark.parametrize(("scale", "value_range"), [(1.0, (0.0, 1.0)), (-1.0, (-1.0, 1.0)), (3.0, None)])
def test_the_range_of_real_samples_is_written_down(tmp_path, scale, value_range):
    x = scale * samples()
    result = vae_export.export(tiny_vae(), tmp_path / "b", format="onnx", samples=x)
    assert result.manifest.x.range == value_range


def test_the_range_of_random_samples_is_not(tmp_path):
    result = vae_export.export(tiny_vae(), tmp_path / "b", format="onnx")
    assert result.manifest.to_dict()["x"]["range"] is None


def test_only_the_tools_used_are_named(tmp_path):
    result = vae_export.export(tiny_vae(), tmp_path / "b", format="tflite")
    assert sorted(result.manifest.to_dict()["tools"]) == [
        "ai-edge-litert",
        "keras",
        "numpy",
        "tensorflow",
        "vae-export",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"format": ["coreml"]},
            r"^format: got coreml, expected some of onnx, tflite, ort, tflm, or all \(onnx, tflite\)$",
        ),
        ({"format": []}, r"^format: got none, expected some of onnx, tflite, ort, tflm, or all \(onnx"),
        ({"format": "onnx,"}, r"^format: got '', expected some of onnx, "),
        ({"runtime": "js,rust"}, r"^runtime: got rust, expected some of python, c, js, java$"),
        (
            {"precision": "int3"},
            r"^precision: got int3, expected some of float32, float16, dynamic-int8, int8, int16x8, or auto alone$",
        ),
        ({"precision": []}, r"^precision: got none, expected some of float32, float16"),
        (
            {"precision": "int16x8", "format": "onnx"},
            r"^precision: got int16x8 for onnx, expected it for tflite alone; choose the format with --format$",
        ),
        (
            {"integer_io": True},
            r"^integer io: got --precision float32 --format onnx,tflite, expected --precision int8 --format tflite$",
        ),
        (
            {"precision": ["auto", "int8"]},
            r"^precision: got auto, expected some of float32, .* int16x8, or auto alone$",
        ),
        (
            {"precision": "int8", "prefer": "speed"},
            r"^prefer: got speed with --precision int8, expected size or speed with --precision auto$",
        ),
        (
            {"precision": "float16", "format": "ort"},
            r"^format: got ort with the precision float16, expected float32 or int8 too; add one with --prec",
        ),
        ({"min_psnr": 40}, r"^min psnr: got 40, but float32 alone; choose a --precision that loses any$"),
        ({"precision": "int8", "max_kl": 0}, r"^max kl: got 0, expected a finite number above 0$"),
        ({"batch": 0}, r"^batch: got 0, expected numbers of at least 1, or dynamic$"),
        ({"batch": (1, 0)}, r"^batch: got \(1, 0\), expected numbers of at least 1, or dynamic$"),
        ({"batch": "many"}, r"^batch: got many, expected numbers of at least 1, or dynamic$"),
        ({"opset": 9}, r"^opset: got 9, expected 13 to 18 \(default 17\)$"),
        ({"tolerance": float("nan")}, r"^tolerance: got nan, expected a finite number above 0$"),
        ({"tolerance": float("inf")}, r"^tolerance: got inf, expected a finite number above 0$"),
        ({"name": ""}, r"^name: got '', expected a name; give the model or its file one$"),
        (
            {"samples": np.zeros((3, 5, 5, 1))},
            r"^samples: got shape \(3, 5, 5, 1\), expected \(n, 6, 6, 1\)",
        ),
    ],
)
def test_wrong_arguments(tmp_path, arguments, message):
    with pytest.raises(errors.InputError, match=message):
        vae_export.export(tiny_vae(), tmp_path / "b", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_ort_files_and_what_a_reduced_build_needs(tmp_path):
    handlers = list(logging.root.handlers)
    result = vae_export.export(tiny_vae(), tmp_path / "b", format=["onnx", "ort"])
    files = {entry["file"]: entry for entry in result.manifest.to_dict()["artifacts"]}
    assert list(files) == ["encoder.onnx", "decoder.onnx", "encoder.ort", "decoder.ort"]
    assert files["encoder.ort"]["oldest_runtime"] == "onnxruntime 1.17.0"
    (config,) = result.manifest.to_dict()["companions"]
    text = (result.path / config["file"]).read_text()
    assert all(name in text for name in files["decoder.ort"]["operators"]), text
    assert vae_export.verify(result.path).ok
    one, other = (vae_export.load(result.path, backend=name).generate(3, seed=7) for name in ("onnx", "ort"))
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    assert logging.root.handlers == handlers
    again = vae_export.export(tiny_vae(), tmp_path / "c", format=["onnx", "ort"])
    assert again.manifest == result.manifest


def test_helpers_of_every_language_go_into_the_bundle(tmp_path):
    result = vae_export.export(
        tiny_vae(), tmp_path / "b", format="onnx", runtime=("java", "c", "python", "js")
    )
    files = {entry["language"]: entry["file"] for entry in result.manifest.to_dict()["runtime"]}
    assert files == HELPERS
    for language, file in files.items():
        assert (result.path / file).read_bytes() == helper_bytes(language)
    assert vae_export.verify(result.path).ok


def test_the_model_of_the_user_is_not_changed(tmp_path):
    model = tiny_vae()
    before = [weight.numpy() for weight in model.trainable_weights]
    config = model.get_config()
    vae_export.export(model, tmp_path / "b", format="onnx")
    for weight, old in zip(model.trainable_weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)
    assert model.get_config() == config


def test_where_a_bundle_goes_by_default():
    assert str(default_output("mine")) == "mine-bundle"
