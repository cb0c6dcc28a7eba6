"""Files run in old runtimes as in the current one, or are refused as the manifest says: never wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import vae_export
from tests.old_runtimes.environments import OLD_RUNTIMES, age, python_of
from tests.old_runtimes.verdict import REFUSED, RIGHT, judge
from vae_export.formats import FORMATS
from vae_export.formats.tflite.flatbuffer import to_bytes
from vae_export.private.litert import read_model, schema

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent / "run_artifacts.py"
ALL = {format: FORMATS[format].precisions for format in ("onnx", "tflite")}
# What is exported: name -> model and options.
EXPORTS = {
    "dense-onnx": ("dense", {"format": "ort", "precision": ALL["onnx"]}),
    "conv-onnx": ("conv", {"format": "ort", "precision": ALL["onnx"]}),
    "dense-onnx-opset-13": ("dense", {"format": "onnx", "precision": ["float32", "int8"], "opset": 13}),
    "dense-onnx-opset-18": ("dense", {"format": "onnx", "precision": ["float32", "int8"], "opset": 18}),
    "dense-tflite": ("dense", {"format": "tflite", "precision": ALL["tflite"]}),
    "conv-tflite": ("conv", {"format": "tflite", "precision": ALL["tflite"]}),
    "dense-tflite-dynamic": (
        "dense",
        {"format": "tflite", "precision": ALL["tflite"], "batch": "dynamic"},
    ),
    "dense-tflite-integer-io": ("dense", {"format": "tflite", "precision": "int8", "integer_io": True}),
}
PAIRS = [
    pytest.param(runtime, name, id=f"{runtime}-{name}")
    for runtime in OLD_RUNTIMES
    for name, (_, options) in EXPORTS.items()
    if options["format"] in runtime.formats
]
TFLITE_2_14 = next(runtime for runtime in OLD_RUNTIMES if runtime.package == "tflite-runtime")


def run_in(python, bundle, outputs, formats):
    """File -> why it was refused; file -> outputs of the others."""
    # Isolated: what this process can import is nothing of the environment's.
    command = [python, "-I", SCRIPT, bundle, outputs, *formats]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    arrays = {}
    with np.load(outputs) as file:
        for name, array in file.items():
            artifact, output = name.split(":", 1)
            arrays.setdefault(artifact, {})[output] = array
    return json.loads(done.stdout), arrays


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Name -> (bundle, manifest, what the current runtime computes), made at the first use."""
    folder, made = tmp_path_factory.mktemp("exported"), {}

    def export(name):
        if name not in made:
            model, options = EXPORTS[name]
            result = vae_export.export(f"fashion-mnist-{model}", folder / name, **options)
            formats = {entry["format"] for entry in result.manifest.to_dict()["artifacts"]}
            refusals, arrays = run_in(sys.executable, result.path, folder / f"{name}.npz", formats)
            assert not refusals
            made[name] = result.path, result.manifest.to_dict(), arrays
        return made[name]

    return export


@pytest.fixture(scope="session")
def python(root):
    """Runtime -> the interpreter of its environment."""
    return lambda runtime: python_of(runtime, root)


@pytest.mark.parametrize(("runtime", "name"), PAIRS)
def test_files_are_right_or_refused_as_the_manifest_says(runtime, name, exported, python, tmp_path):
    interpreter = python(runtime)
    bundle, manifest, current = exported(name)
    refusals, arrays = run_in(interpreter, bundle, tmp_path / "old.npz", runtime.formats)
    verdicts = {
        (file := entry["file"]): judge(
            entry, str(runtime), refusals.get(file), arrays.get(file), current[file]
        )
        for entry in manifest["artifacts"]
    }
    for file, (seen, _) in verdicts.items():
        print(f"{runtime}, {name}, {file}: {seen}")
    failures = [failure for _, failure in verdicts.values() if failure]
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("name", EXPORTS)
def test_the_oldest_runtime_in_a_manifest_is_one_of_these(name, exported):
    """So each was tried where the manifest says."""
    _, manifest, _ = exported(name)
    told = {entry["oldest_runtime"] for entry in manifest["artifacts"]}
    assert told <= {str(runtime) for runtime in OLD_RUNTIMES}


def test_a_file_of_versions_that_are_too_low_is_seen_to_be_wrong(exported, python, tmp_path):
    """tflite-runtime 2.14 takes scales for each channel for a single one where it is not told to refuse."""
    interpreter = python(TFLITE_2_14)
    bundle, manifest, current = exported("dense-tflite")
    copy = shutil.copytree(bundle, tmp_path / "bundle")
    (entry,) = (e for e in manifest["artifacts"] if e["file"] == "decoder.dynamic-int8.tflite")
    model = read_model((bundle / entry["file"]).read_bytes())
    for code in model.operatorCodes:
        if code.builtinCode == schema.BuiltinOperator.FULLY_CONNECTED:
            code.version = 1
    (copy / entry["file"]).write_bytes(to_bytes(model))
    refusals, arrays = run_in(interpreter, copy, tmp_path / "old.npz", ["tflite"])
    assert entry["file"] not in refusals
    seen, failure = judge(entry, str(TFLITE_2_14), None, arrays[entry["file"]], current[entry["file"]])
    assert seen.startswith("wrong: 1:reconstruction: largest difference")
    assert failure.startswith(
        "decoder.dynamic-int8.tflite in tflite-runtime 2.14.0, oldest_runtime ai-edge-litert 1.0.1: "
        "wrong without a word: 1:reconstruction: largest difference"
    )


@pytest.mark.parametrize(
    "change",
    [lambda a: a + np.float32(0.2), lambda a: a * np.nan, lambda a: a[::-1], lambda a: a[:-1]],
    ids=["shifted", "nan", "rows swapped", "a row less"],
)
@pytest.mark.parametrize("name", ["dense-onnx", "conv-onnx", "dense-tflite", "conv-tflite"])
def test_a_wrong_result_is_noticed_in_every_precision(name, change, exported):
    _, manifest, current = exported(name)
    for entry in manifest["artifacts"]:
        expected = current[entry["file"]]
        got = {
            output: change(array) if output.startswith("16:") else array for output, array in expected.items()
        }
        seen, failure = judge(entry, entry["oldest_runtime"], None, got, expected)
        assert seen.startswith("wrong: 16:"), entry["file"]
        assert "wrong without a word: 16:" in failure
        assert judge(entry, entry["oldest_runtime"], None, expected, expected) == (RIGHT, None)


@pytest.mark.parametrize(
    ("runtime", "allowed"),
    [("tflite-runtime 2.14.0", True), ("ai-edge-litert 1.0.1", False), ("ai-edge-litert 1.4.0", False)],
)
def test_only_what_is_older_may_refuse(runtime, allowed):
    entry = {"file": "decoder.tflite", "oldest_runtime": "ai-edge-litert 1.0.1", "parity": {}}
    seen, failure = judge(entry, runtime, "ValueError: no", None, {})
    assert seen == f"{REFUSED}: ValueError: no"
    where = f"decoder.tflite in {runtime}, oldest_runtime ai-edge-litert 1.0.1"
    assert failure == (None if allowed else f"{where}: refused (ValueError: no)")


def test_no_outputs_at_all_are_wrong():
    entry = {"file": "decoder.tflite", "oldest_runtime": "tflite-runtime 2.14.0", "parity": {}}
    assert judge(entry, "tflite-runtime 2.14.0", None, {}, {})[1] == (
        "decoder.tflite in tflite-runtime 2.14.0, oldest_runtime tflite-runtime 2.14.0: wrong without a word: "
        "got the outputs none, expected some"
    )


def test_runtimes_by_age():
    texts = ["ai-edge-litert 1.0.1", "tflite-runtime 2.9.0", "tflite-runtime 2.14.0"]
    assert sorted(texts, key=age) == [texts[1], texts[2], texts[0]]
    assert age("onnxruntime 1.9.0") < age("onnxruntime 1.15.1")
