import numpy as np
import pytest

from tests.broken_bundles import shift_golden
from vae_export.bench.bundle_bench import load_pairs
from vae_export.bundle.reader import read_bundle
from vae_export.pages.report.golden_run import errors_by_output, run_golden
from vae_export.verify.golden_parity import check_golden


def run(path):
    bundle = read_bundle(path)
    golden = bundle.golden_arrays()
    loaded = load_pairs(bundle, None)
    return golden, loaded, run_golden(bundle.manifest, loaded, golden, lambda _: None)


def test_everything_is_run(dense_bundle):
    golden, loaded, runs = run(dense_bundle)
    assert [one.name for one in runs] == ["ONNX Runtime, float32", "LiteRT, float32"]
    assert runs[1].files == {"encoder": "encoder.tflite", "decoder": "decoder.tflite"}
    for vae, one in zip(loaded, runs, strict=True):
        assert list(one.rows) == check_golden(read_bundle(dense_bundle).manifest, vae, golden)
        # From golden inputs half by half, and from x to the end with the golden noise.
        mu, logvar = vae.encode(golden["x"])
        assert (one.outputs[one.files["encoder"]]["mu"] == mu).all()
        assert (one.outputs[one.files["decoder"]]["reconstruction"] == vae.decode(golden["z"])).all()
        seed = vae.manifest["golden"]["seed"]
        assert (one.reconstructions["reconstruction"] == vae.decode(vae.sample(mu, logvar, seed))).all()


def test_precisions_have_their_names(lower_result):
    _, _, runs = run(lower_result.path)
    assert [one.name for one in runs] == [
        *(f"ONNX Runtime, {name}" for name in ("float32", "float16", "dynamic-int8", "int8")),
        *(f"LiteRT, {name}" for name in ("float32", "float16", "dynamic-int8", "int8", "int16x8")),
    ]


def test_errors_of_every_file(dense_bundle):
    golden, _, runs = run(dense_bundle)
    errors = errors_by_output(runs, golden)
    assert {output: list(files) for output, files in errors.items()} == {
        "mu": ["encoder.onnx", "encoder.tflite"],
        "logvar": ["encoder.onnx", "encoder.tflite"],
        "reconstruction": ["decoder.onnx", "decoder.tflite"],
    }
    for files in errors.values():
        assert all(0 <= array.max() < 1e-4 and array.dtype == np.float64 for array in files.values())


def test_a_shifted_golden_array_is_noticed_where_it_is(bundle_copy):
    shift_golden(bundle_copy, "reconstruction", by=0.25)
    golden, _, runs = run(bundle_copy)
    failed = [(row.artifact, row.output) for one in runs for row in one.rows if not row.ok]
    assert failed == [
        ("decoder.onnx", "reconstruction"),
        ("encoder.onnx → decoder.onnx", "reconstruction"),
        ("decoder.tflite", "reconstruction"),
        ("encoder.tflite → decoder.tflite", "reconstruction"),
    ]
    off = errors_by_output(runs, golden)["reconstruction"]["decoder.onnx"].reshape(-1)
    assert off.argmax() == 3
    assert off[3] == pytest.approx(0.25, rel=0, abs=1e-4)
