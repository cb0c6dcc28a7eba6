import hashlib
import json

import jsonschema
import numpy as np
import pytest

from vae_export.bundle import golden
from vae_export.core.format_version import FORMAT_VERSION
from vae_export.core.manifest import decode, schema
from vae_export.runtime.python import vae_runtime


@pytest.fixture(scope="module")
def manifest(dense_bundle):
    return json.loads((dense_bundle / "manifest.json").read_text())


def test_the_schema_is_one_and_the_manifest_fits(manifest):
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(manifest, schema())


def test_the_schema_that_ships_is_that_of_the_types(root):
    """After a change: tools/generate."""
    shipped = (root / "vae_export" / "bundle" / "manifest.schema.json").read_text()
    assert shipped == json.dumps(schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def test_helpers_and_package_speak_of_one_version():
    assert FORMAT_VERSION == vae_runtime.FORMAT_VERSION
    assert schema()["$defs"]["Manifest"]["properties"]["format_version"] == {"const": FORMAT_VERSION}


def test_keys_are_sorted_and_nothing_tells_the_time(dense_bundle, manifest):
    text = (dense_bundle / "manifest.json").read_text()
    assert text == decode(text.encode()).to_text()
    assert list(manifest) == sorted(manifest)
    assert not {"date", "time", "created", "host", "user"} & set(manifest)


def test_what_the_latent_says(manifest):
    assert manifest["latents"] == [
        {
            "layer": "sampling",
            "layer_class": "SamplingLayer",
            "mu": "mu",
            "logvar": "logvar",
            "epsilon": "epsilon",
            "z": "z",
            "shape": [2],
            "stream": 0,
            "parametrisation": "log-variance",
            "mu_source": "probed",
            "parametrisation_source": "probed",
            "epsilon_scale_source": "probed",
            "assumptions": [],
            "epsilon_scale": 1.0,
        }
    ]
    assert manifest["noise"] == {"algorithm": "philox4x32-10, inverse normal CDF AS 241", "version": 1}
    assert manifest["x"] == {"range": [0.0, 1.0]}
    assert manifest["samples"] == "64 real samples from samples.npz"


def test_files_have_the_sizes_and_hashes_told(dense_bundle, manifest):
    entries = [*manifest["artifacts"], *manifest["golden"]["arrays"].values(), *manifest["runtime"]]
    assert len(entries) == 12
    for entry in entries:
        data = (dense_bundle / entry["file"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"])


def test_artifacts_and_their_parity(manifest):
    by_file = {artifact["file"]: artifact for artifact in manifest["artifacts"]}
    encoder = by_file["encoder.onnx"]
    assert encoder["inputs"] == [
        {"name": "x", "shape": [None, 28, 28, 1], "dtype": "float32", "quantisation": None}
    ]
    assert encoder["details"] == {"opset": 17, "ir_version": 8}
    assert encoder["oldest_runtime"] == "onnxruntime 1.15.1"
    assert encoder["operators"] == ["Add", "MatMul", "Relu", "Reshape"]
    assert by_file["decoder.tflite"]["details"] == {}
    for artifact in manifest["artifacts"]:
        for row in artifact["parity"].values():
            assert 0 <= row["max_absolute_error"] < row["tolerance"]
    assert {row["output"] for row in manifest["end_to_end"]} == {"z", "reconstruction"}


def test_golden_arrays_are_plain_float32(dense_bundle, manifest):
    recipe = manifest["golden"]
    arrays = {
        name: np.fromfile(dense_bundle / entry["file"], "<f4").reshape(entry["shape"])
        for name, entry in recipe["arrays"].items()
    }
    assert sorted(arrays) == ["epsilon", "generated", "logvar", "mu", "reconstruction", "x", "z"]
    expected = vae_runtime.normal(recipe["seed"], 0, recipe["start"], 16).reshape(8, 2)
    np.testing.assert_array_equal(arrays["epsilon"], expected)
    assert arrays["reconstruction"].shape == arrays["x"].shape == arrays["generated"].shape == (8, 28, 28, 1)
    # A trained model on real images: peaked, and unlike its neighbours.
    assert arrays["reconstruction"].max() > 0.9
    assert arrays["reconstruction"].min() < 0.01
    assert arrays["x"].std() > 0.2


@pytest.mark.parametrize(
    ("values", "rows"), [(784, 8), (64 * 64 * 3, 8), (256 * 256, 4), (256 * 256 * 3, 2), (10**7, 2)]
)
def test_large_images_have_fewer_golden_rows(values, rows):
    assert golden.golden_count(values) == rows


def test_golden_bytes_are_little_endian():
    assert golden.to_bytes(np.array([[1.0, -2.0]])) == b"\x00\x00\x80\x3f\x00\x00\x00\xc0"
