"""Lower precisions from end to end: every file loads, keeps its budget, and is described."""

from __future__ import annotations

import re

import numpy as np
import pytest

import vae_export
from tests.tiny_models import samples, tiny_vae
from vae_export.bundle.reader import read_bundle
from vae_export.core.artifact import Artifact, pairs
from vae_export.core.precision import PRECISIONS
from vae_export.errors import InputError, ParityError
from vae_export.formats import FORMATS, converted_formats
from vae_export.runtime.python.vae_runtime import VaeRuntimeError, load

CASES = [
    (format, precision)
    for precision in PRECISIONS
    for format in converted_formats()
    if precision in FORMATS[format].precisions
]
LOWER = [case for case in CASES if case[1] != "float32"]


def entry(result, format, precision, role):
    (found,) = (
        artifact
        for artifact in result.manifest.to_dict()["artifacts"]
        if (artifact["format"], artifact["precision"], artifact["role"]) == (format, precision, role)
    )
    return found


def test_files_stand_side_by_side(lower_result):
    files = [artifact["file"] for artifact in lower_result.manifest.to_dict()["artifacts"]]
    assert files[:4] == ["encoder.onnx", "decoder.onnx", "encoder.float16.onnx", "decoder.float16.onnx"]
    assert files[-2:] == ["encoder.int16x8.tflite", "decoder.int16x8.tflite"]
    assert len(files) == 2 * len(CASES)
    assert read_bundle(lower_result.path).pairs == [
        (format, precision)
        for format in ("onnx", "tflite")
        for precision in PRECISIONS
        if precision in FORMATS[format].precisions
    ]


@pytest.mark.parametrize(("format", "precision"), LOWER)
def test_what_a_precision_costs_is_written_down(lower_result, format, precision):
    encoder, decoder = (entry(lower_result, format, precision, role) for role in ("encoder", "decoder"))
    budget = PRECISIONS[precision].budget
    assert (encoder["budget"], decoder["budget"]) == (
        {"max_kl": budget.max_kl},
        {"min_psnr": budget.min_psnr},
    )
    assert 0 < encoder["fidelity"]["kl_mean"] < encoder["fidelity"]["kl_worst"]
    assert encoder["fidelity"]["kl_mean"] <= budget.max_kl
    for alike in decoder["fidelity"].values():
        assert budget.min_psnr <= alike["psnr"] < 100
        assert alike["psnr_worst"] < alike["psnr"]
        assert 0.9 < alike["ssim_worst"] < alike["ssim"] <= 1
    for half in (encoder, decoder):
        assert half["quantiser"].split()[1].rstrip(",")[0].isdigit(), "the tool's version"
        assert half["bytes"] < 0.6 * entry(lower_result, format, "float32", half["role"])["bytes"]
    (change,) = (
        row["nats"]
        for row in lower_result.manifest.to_dict()["elbo_change"]
        if encoder["file"] in row["artifacts"]
    )
    assert -3 < change < 0.1


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_float32_has_no_budget(lower_result, format):
    artifact = entry(lower_result, format, "float32", "decoder")
    assert (artifact["fidelity"], artifact["budget"], artifact["quantiser"]) == (None, None, None)
    assert artifact["parity"]["reconstruction"]["tolerance"] == 1e-5


@pytest.mark.parametrize(("format", "precision"), CASES)
def test_the_helper_runs_it(lower_result, dense_bundle, format, precision):
    """Floats go in and come out, whatever the file takes; the golden arrays are met as they were at the export."""
    vae = load(lower_result.path, format, precision=precision)
    assert {artifact["precision"] for artifact in vae.artifacts.values()} == {precision}
    vae.self_test()
    images, expected = vae.generate(70, seed=3), load(dense_bundle, format).generate(70, seed=3)
    assert images.dtype == np.float32
    assert np.sqrt(np.mean((images - expected) ** 2)) < 10 ** (
        -(PRECISIONS[precision].budget or PRECISIONS["float16"].budget).min_psnr / 20
    )


def test_integers_at_the_interface_are_described(lower_result):
    decoder = entry(lower_result, "tflite", "int8", "decoder")
    (z,), (image,) = decoder["inputs"], decoder["outputs"]
    assert (z["dtype"], image["dtype"]) == ("int8", "int8")
    # z is not clipped within 4 sigma; a sigmoid's range is that of its integers.
    low, high = (
        (limit - z["quantisation"]["zero_point"]) * z["quantisation"]["scale"] for limit in (-128, 127)
    )
    assert low <= -4 + z["quantisation"]["scale"]
    assert high >= 4 - z["quantisation"]["scale"]
    assert image["quantisation"] == {"scale": 1 / 256, "zero_point": -128}
    assert entry(lower_result, "onnx", "int8", "decoder")["inputs"][0]["dtype"] == "float32"


def test_the_bundle_verifies_without_keras(lower_result):
    report = vae_export.verify(lower_result.path)
    assert report.ok, report.failures
    assert len({row.artifact for row in report.rows}) == 3 * len(CASES) + 1


def test_a_precision_that_is_not_there(lower_result, dense_bundle):
    with pytest.raises(VaeRuntimeError, match=r"no encoder for onnx in int8; it holds float32$"):
        load(dense_bundle, "onnx", precision="int8")
    assert load(lower_result.path).artifacts["decoder"]["precision"] == "float32"


@pytest.mark.parametrize(
    ("arguments", "failures"),
    [
        (
            {"precision": "int8", "format": "onnx", "min_psnr": 60},
            [
                r"^decoder\.int8\.onnx: PSNR \d\d\.\d dB on z of the (posterior|prior)(, worst image)?, expected at least (60|54); choose"
            ],
        ),
        (
            {"precision": "dynamic-int8", "format": "onnx", "max_kl": 1e-6},
            [
                r"^encoder\.dynamic-int8\.onnx: mean KL from the posterior \S+ nats, expected at most 1e-06; choose a higher"
            ],
        ),
    ],
)
def test_too_lossy_is_refused_and_nothing_is_written(tmp_path, arguments, failures):
    with pytest.raises(ParityError, match=r"^\d budgets exceeded$") as caught:
        vae_export.export("fashion-mnist-dense", tmp_path / "b", **arguments)
    for failure in failures:
        assert any(re.match(failure, line) for line in caught.value.failures)
    assert list(tmp_path.iterdir()) == []


def test_integers_need_real_samples(tmp_path):
    with pytest.raises(
        InputError,
        match=r"^precision: int8 needs ranges, got no real samples of x; give some with --samples$",
    ):
        vae_export.export(tiny_vae(), tmp_path / "b", format="onnx", precision=["float16", "int8"])
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_of_integers_alone(tmp_path):
    result = vae_export.export(
        tiny_vae(),
        tmp_path / "b",
        format="onnx",
        precision="int8",
        samples=samples(80),
        min_psnr=20,
        max_kl=1,
    )
    assert [artifact["file"] for artifact in result.manifest.to_dict()["artifacts"]] == [
        "encoder.int8.onnx",
        "decoder.int8.onnx",
    ]
    vae = load(result.path)
    assert vae.artifacts["encoder"]["precision"] == "int8"
    vae.self_test()


def test_integers_in_the_runtimes_own_format(tmp_path):
    """They stay integers; weights that are cast at load would not."""
    result = vae_export.export(
        "fashion-mnist-dense", tmp_path / "b", format="ort", precision=["float16", "int8"]
    )
    sizes = {artifact["file"]: artifact["bytes"] for artifact in result.manifest.to_dict()["artifacts"]}
    assert [file for file in sizes if file.endswith(".ort")] == ["encoder.int8.ort", "decoder.int8.ort"]
    assert sizes["decoder.int8.ort"] < 1.3 * sizes["decoder.int8.onnx"]
    load(result.path, "ort").self_test()


def artifact(role, format, precision):
    return Artifact(
        role,
        format,
        precision,
        {f"{role}.{precision}.{format}".replace(".float32", ""): b""},
        (),
        (),
        None,
        1,
        (),
        "",
    )


@pytest.mark.parametrize(
    ("given", "files"),
    [
        (
            [
                ("encoder", "onnx", "float32"),
                ("encoder", "onnx", "int8"),
                ("decoder", "onnx", "int8"),
                ("decoder", "onnx", "float32"),
            ],
            [("encoder.onnx", "decoder.onnx"), ("encoder.int8.onnx", "decoder.int8.onnx")],
        ),
        (
            [
                ("encoder", "onnx", "float16"),
                ("decoder", "onnx", "int8"),
                ("encoder", "ort", "int8"),
                ("decoder", "ort", "int8"),
            ],
            [("encoder.float16.onnx", "decoder.int8.onnx"), ("encoder.int8.ort", "decoder.int8.ort")],
        ),
    ],
)
def test_pairs(given, files):
    assert [(one.file, other.file) for one, other in pairs([artifact(*which) for which in given])] == files
