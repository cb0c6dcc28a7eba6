"""The C examples run bundles through ONNX Runtime's C API, with the library in Python's package."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest
from PIL import Image

import vae_export
from tests.broken_bundles import shift_golden
from tests.runtime.toolchain import compile_program, need
from tests.tiny_models import tiny_vae
from vae_export.split.sampling_layer import SamplingLayer

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="the library is an .so only on Linux")


@pytest.fixture(scope="module")
def onnxruntime_flags(root, tmp_path_factory):
    """What a compiler needs to build with ONNX Runtime."""
    need("apt-get")
    folder = tmp_path_factory.mktemp("onnxruntime")
    compile_program([str(root / "tools" / "onnxruntime-header"), str(folder / "include")])
    (library,) = (Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*")
    # Programs ask for it by its SONAME, the linker by the bare name.
    (folder / "libonnxruntime.so.1").symlink_to(library)
    (folder / "libonnxruntime.so").symlink_to(library)
    return [
        "-isystem",
        str(folder / "include"),
        f"-L{folder}",
        f"-Wl,-rpath,{folder}",
        "-lonnxruntime",
        "-lm",
    ]


@pytest.fixture(scope="module", params=["gcc -std=c99 -pedantic", "g++ -std=c++11 -x c++"])
def programs(request, root, tmp_path_factory, onnxruntime_flags):
    """The folder of the compiled examples."""
    compiler, *flags = request.param.split()
    folder, runtime = tmp_path_factory.mktemp("programs"), root / "vae_export" / "runtime" / "c"
    for name in ("generate", "self_test"):
        source = [str(runtime / "examples" / f"{name}.c"), f"-I{runtime}", "-o", str(folder / name)]
        sanitizers = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
        strict = ["-Wall", "-Wextra", "-Werror"]
        compile_program([need(compiler), *flags, *strict, *sanitizers, *source, *onnxruntime_flags])
    return folder


def vector_vae():
    """x of five values."""
    x = keras.Input((5,))
    mu, logvar = keras.layers.Dense(2, name="mu")(x), keras.layers.Dense(2, name="logvar")(x)
    return keras.Model(x, keras.layers.Dense(5, name="decoder")(SamplingLayer()([mu, logvar])))


def run(program, *arguments):
    return subprocess.run(
        [program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        # What ONNX Runtime keeps until the process ends is not ours.
        env={"ASAN_OPTIONS": "detect_leaks=0"},
    )


def test_the_images_are_those_of_the_python_helper(programs, reference_result, tmp_path):
    done = run(programs / "generate", reference_result.path, tmp_path / "images.pgm", 8, 7)
    assert done.returncode == 0, done.stderr
    pixels = np.asarray(Image.open(tmp_path / "images.pgm"), np.float64)
    assert pixels.shape == (28, 8 * 28)
    golden = np.fromfile(reference_result.path / "golden" / "generated.f32", "<f4").reshape(8, 28, 28)
    np.testing.assert_allclose(pixels, np.hstack(golden) * 255, rtol=0, atol=0.51)
    assert pixels.std() > 50


def test_self_test(programs, reference_result):
    done = run(programs / "self_test", reference_result.path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == ["epsilon", "generated", "mu", "logvar", "z", "reconstruction"]
    assert all(float(line[3]) < 1e-4 for line in lines)
    assert float(lines[0][3]) == 0


@pytest.mark.parametrize("name", ["epsilon", "mu", "logvar", "z", "reconstruction", "generated"])
def test_a_wrong_result_fails_the_self_test(programs, bundle_copy, name):
    shift_golden(bundle_copy, name)
    done = run(programs / "self_test", bundle_copy)
    assert done.returncode == 1
    failed = [line.split()[0] for line in done.stdout.splitlines() if line.endswith("FAILED")]
    assert name in failed


def test_what_cannot_be_run_is_told(programs, dense_bundle, tmp_path):
    for program, arguments, message in [
        ("generate", [], "usage: generate BUNDLE IMAGES.pgm [COUNT [SEED]]"),
        ("self_test", [], "usage: self_test BUNDLE"),
        ("generate", [tmp_path, tmp_path / "a.pgm"], "ONNX Runtime: Load model from "),
        ("generate", [dense_bundle, tmp_path / "no" / "a.pgm"], "a.pgm: cannot be written"),
    ]:
        done = run(programs / program, *arguments)
        assert (done.returncode, message in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (tiny_vae, {"batch": 4}, "has a fixed batch size, expected any; export with --batch dynamic"),
        (vector_vae, {}, "its output is no grey image"),
    ],
    ids=["fixed batch", "vectors"],
)
def test_models_it_cannot_draw_are_told(programs, tmp_path, model, options, message):
    path = vae_export.export(model(), tmp_path / "bundle", format="onnx", **options).path
    done = run(programs / "generate", path, tmp_path / "a.pgm")
    assert done.returncode == 2
    assert f"decoder.onnx: {message}" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["abc"], ["0"], ["-1"], ["1e3"], ["1", "0x7"], ["1", str(2**64)], ["10001"]]
)
def test_numbers_are_read_whole_or_refused(programs, dense_bundle, tmp_path, arguments):
    done = run(programs / "generate", dense_bundle, tmp_path / "a.pgm", *arguments)
    assert done.returncode == 2
    assert "usage: generate" in done.stderr


@pytest.mark.parametrize("name", ["x", "epsilon", "mu", "z", "reconstruction", "generated"])
def test_golden_arrays_of_another_size_are_told(programs, bundle_copy, name):
    file = bundle_copy / "golden" / f"{name}.f32"
    file.write_bytes(file.read_bytes()[:40])
    done = run(programs / "self_test", bundle_copy)
    assert done.returncode == 2
    assert "another size than the others say" in done.stderr


def test_missing_golden_arrays_are_told(programs, bundle_copy):
    (bundle_copy / "golden" / "z.f32").unlink()
    done = run(programs / "self_test", bundle_copy)
    assert done.returncode == 2
    assert "golden/z.f32: cannot be read" in done.stderr
