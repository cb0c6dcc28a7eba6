"""Bundles are loaded with the right runtime, or refused with the reason."""

import importlib.util
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.broken_bundles import edit_manifest, shift_golden
from vae_export.runtime.python import vae_runtime
from vae_export.runtime.python.vae_runtime import VaeRuntimeError, load

BACKENDS = ("onnx", "tflite")


def test_the_default_backend_is_what_the_bundle_has(bundle_copy):
    assert load(bundle_copy).backend == "onnx"
    edit_manifest(
        bundle_copy, lambda m: m.update(artifacts=[a for a in m["artifacts"] if a["format"] == "tflite"])
    )
    assert load(bundle_copy).backend == "tflite"
    with pytest.raises(VaeRuntimeError, match=r"no encoder for onnx; it holds tflite$"):
        load(bundle_copy, "onnx")


def test_a_bundle_of_formats_that_need_another_helper(bundle_copy):
    edit_manifest(bundle_copy, lambda m: [artifact.update(format="npz") for artifact in m["artifacts"]])
    with pytest.raises(VaeRuntimeError, match=r": holds npz, expected onnx or tflite or ort$"):
        load(bundle_copy)


def without(monkeypatch, module, backend, name):
    """Put a module that is not installed in the place of a runtime."""
    monkeypatch.setitem(module.BACKENDS, backend, module.BACKENDS[backend]._replace(modules=(name,)))


def test_a_missing_runtime_names_the_command(dense_bundle, monkeypatch):
    without(monkeypatch, vae_runtime, "onnx", "no_onnx")
    without(monkeypatch, vae_runtime, "tflite", "no_lite.interpreter")
    with pytest.raises(
        VaeRuntimeError,
        match=r"holds onnx, tflite, no runtime is installed; pip install onnxruntime or pip install ai",
    ):
        load(dense_bundle)
    with pytest.raises(
        VaeRuntimeError, match=r"^backend tflite: no runtime is installed; pip install ai-edge-lit"
    ):
        load(dense_bundle, "tflite")


def test_a_broken_runtime_is_not_called_missing(dense_bundle, monkeypatch, tmp_path):
    (tmp_path / "broken_runtime.py").write_text("import something_it_needs")
    monkeypatch.syspath_prepend(tmp_path)
    without(monkeypatch, vae_runtime, "onnx", "broken_runtime")
    with pytest.raises(ModuleNotFoundError, match="something_it_needs"):
        load(dense_bundle, "onnx")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backend": "cuda"}, r"^backend: got 'cuda', expected onnx, tflite, ort$"),
        ({"threads": 0}, r"^threads: got 0, expected 1 to 1024$"),
    ],
)
def test_wrong_options(dense_bundle, arguments, message):
    with pytest.raises(VaeRuntimeError, match=message):
        load(dense_bundle, **arguments)


@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_are_honoured(dense_bundle, backend):
    images = load(dense_bundle, backend, threads=1).generate(3, seed=1)
    np.testing.assert_allclose(
        images, load(dense_bundle, backend, threads=2).generate(3, seed=1), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize(
    ("break_bundle", "message"),
    [
        (lambda b: shutil.rmtree(b), r"bundle: no bundle here \(manifest\.json is missing\)$"),
        (lambda b: (b / "manifest.json").write_text("{"), r"manifest\.json: cannot be read \("),
        (
            lambda b: edit_manifest(b, lambda m: m.update(format_version=9)),
            r"format_version 9, expected 1; use newer",
        ),
        (
            lambda b: edit_manifest(b, lambda m: m["noise"].update(version=9)),
            r"noise version 9, expected 1; use newer",
        ),
        (lambda b: (b / "decoder.onnx").write_bytes(b""), r"decoder\.onnx: altered \(its SHA-256 is not"),
        (lambda b: (b / "decoder.onnx").unlink(), r"decoder\.onnx: missing, or not a plain file; export"),
        (
            lambda b: edit_manifest(b, lambda m: m["artifacts"][1].update(file="../decoder.onnx")),
            r"the manifest names '\.\./decoder\.onnx', expected a relative path inside$",
        ),
    ],
    ids=["no bundle", "no JSON", "version", "noise version", "altered", "missing", "outside"],
)
def test_a_bad_bundle_is_explained(bundle_copy, break_bundle, message):
    break_bundle(bundle_copy)
    with pytest.raises(VaeRuntimeError, match=message):
        load(bundle_copy, "onnx")


ALONE = """
import sys
sys.path.insert(0, sys.argv[1])
import vae_runtime
assert vae_runtime.main([sys.argv[1]]) == 0
loaded = {name.split(".")[0] for name in sys.modules}
assert not loaded & {"tensorflow", "keras", "vae_export"}, loaded
assert vae_runtime.__file__.startswith(sys.argv[1])
"""


def test_the_copied_helper_runs_alone(dense_bundle, tmp_path):
    done = subprocess.run(
        [sys.executable, "-B", "-c", ALONE, str(dense_bundle)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == [
        "onnx float32: ok",
        "tflite float32: ok",
    ]


def helper(dense_bundle):
    """The copy in the bundle, as a module of its own."""
    spec = importlib.util.spec_from_file_location("copied_runtime", dense_bundle / "vae_runtime.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_self_test_as_a_program(dense_bundle, bundle_copy, capsys, monkeypatch):
    module = helper(dense_bundle)
    assert module.main([str(dense_bundle), "--backend", "onnx"]) == 0
    assert capsys.readouterr().out.startswith("onnx float32: ok, epsilon 0.0e+00, mu ")
    shift_golden(bundle_copy, "generated")
    assert module.main([str(bundle_copy)]) == 1
    assert "vae_runtime: self test of " in capsys.readouterr().err
    assert module.main([str(bundle_copy / "golden")]) == 2
    assert "no bundle here" in capsys.readouterr().err
    without(monkeypatch, module, "tflite", "no_lite.interpreter")
    assert module.main([str(dense_bundle)]) == 0
    assert "tflite: skipped, no runtime is installed (pip install ai-edge-litert)" in capsys.readouterr().out
    without(monkeypatch, module, "onnx", "no_onnx")
    assert module.main([str(dense_bundle)]) == 2
    assert "nothing was tested" in capsys.readouterr().err


def test_a_backend_of_ones_own(dense_bundle):
    """What runs the files can be given, under a name that a bundle has files for."""
    made = []

    class Counting(vae_runtime.OnnxSession):
        def __init__(self, *arguments):
            made.append(arguments)
            super().__init__(*arguments)

    vae = load(dense_bundle, vae_runtime.Backend("onnx", Counting))
    np.testing.assert_array_equal(vae.generate(2, seed=7), load(dense_bundle, "onnx").generate(2, seed=7))
    assert len(made) == 1
