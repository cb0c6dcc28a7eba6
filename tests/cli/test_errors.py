"""Every wrong input is one clear line on standard error, exit code 2, and no traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.broken_bundles import edit_manifest, shift_golden
from tests.tiny_models import X_SHAPE, decoder_tensors, encoder_tensors
from vae_export.cli.main import main


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Run a command in an empty directory: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run


def fails_with(result, message, code=2):
    got, out, err = result
    assert got == code, err
    assert err.startswith("vae-export: ")
    assert err.count("\n") == 1, err
    assert message in err, err
    assert out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.keras"], "none.keras: no such file; expected a .keras or .h5 file"),
        (
            ["my-model"],
            "my-model: no such file, and no reference model of this name; expected a .keras or .h5 fi",
        ),
        (["--format", "coreml"], "format: got coreml, expected some of onnx, tflite, ort, tflm, or all"),
        (
            ["--precision", "float32,int3"],
            "precision: got int3, expected some of float32, float16, dynamic-int8",
        ),
        (["generate", "none", "--precision", "int3"], "argument --precision: invalid choice: 'int3'"),
        (["--opset", "x"], "argument --opset: invalid int value: 'x'; see vae-export --help"),
        (["--opset", "30"], "opset: got 30, expected 13 to 18 (default 17)"),
        (
            ["--batch", "some"],
            "argument --batch: got 'some', expected a number, several as 1,16,64, or 'dynamic'",
        ),
        (["--batch", "0"], "batch: got 0, expected numbers of at least 1, or dynamic"),
        (["--tolerance", "0"], "tolerance: got 0, expected a finite number above 0"),
        (["--runtime", "python,rust"], "runtime: got rust, expected some of python, c, js, java"),
        (["--form", "onnx"], "unrecognized arguments: --form; see vae-export --help"),
        (["a.keras", "b.keras"], "unrecognized arguments: b.keras"),
        (["verfy"], "verfy: no such file or command; did you mean 'vae-export verify'?"),
        (["--samples", "none.npy"], "none.npy: no such file or folder"),
        (["inspect", "none.keras"], "none.keras: no such file; expected a .keras or .h5 file"),
        (["verify"], "the following arguments are required: BUNDLE; see vae-export verify --help"),
        (["verify", "none"], "none: no such bundle; make one with vae-export --format all -o none"),
        (["generate", "none"], "none: no such bundle; make one with"),
        (["bench", "none"], "none: no such bundle; make one with"),
        (["bench", "none", "--batch", "1,x"], "argument --batch: got '1,x', expected numbers such as 1,64"),
        (["bench", "none", "-o", "a.svg"], "a.svg: got a file named *.svg, expected .png"),
        (["train", "--data", "none"], "--data none: no such file or folder"),
        (["train", "--recipe", "none"], "--recipe none: cannot be read (["),
        (["train", "--epochs", "0", "--data", "x.npy"], "x.npy: no such file or folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_arguments(run, arguments, message):
    fails_with(run(*arguments), message)


def test_nothing_is_left_behind(run, tmp_path):
    run("none.keras")
    run("--opset", "30")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_output(run, tmp_path):
    (tmp_path / "taken").mkdir()
    fails_with(run("-o", "taken"), "taken: exists already; choose another path with -o, or give --overwrite")
    fails_with(
        run("-o", "taken", "--overwrite"), "taken: is no bundle (no manifest.json), so --overwrite leaves"
    )
    fails_with(run("train", "-o", "taken"), "taken: exists already; choose another path with -o")


def test_a_target_that_cannot_be_written(run, tmp_path):
    (tmp_path / "file").touch()
    fails_with(run("-o", "file/bundle"), "file/bundle: cannot be written, ")
    fails_with(run("train", "-o", "file/model"), "file/model: cannot be written, ")


def write_truncated(path, root):
    path.write_bytes((root / "models/fashion-mnist-dense/model.keras").read_bytes()[:5000])


def write_text(path, root):
    path.write_text("hello")


def write_autoencoder(path, root):
    x = keras.Input(X_SHAPE)
    keras.Model(x, decoder_tensors(encoder_tensors(x)[0])).save(path)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (write_truncated, "a.keras: the zip archive is truncated or damaged ("),
        (
            write_text,
            "a.keras: got first bytes b'hello', expected a zip archive as model.save('x.keras') writes it",
        ),
        (
            write_autoencoder,
            "a: no sampling site; found only Conv2D, Dense, Flatten, Reshape; expected a layer",
        ),
    ],
)
def test_model_files_that_cannot_be_exported(run, tmp_path, root, write, message):
    write(tmp_path / "a.keras", root)
    fails_with(run("a.keras"), message)


def test_inspect_shows_a_model_without_a_site_and_says_so(run, tmp_path, root):
    write_autoencoder(tmp_path / "a.keras", root)
    code, out, err = run("inspect", "a.keras")
    assert code == 2
    assert "features" in out
    assert err.startswith("vae-export: a: no sampling site; found only ")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 28, 28)), "x.npy: got shape (3, 28, 28), expected (n, 28, 28, 1) with n at least 1"),
        (np.zeros((3, 28, 28, 1), np.int32), "x.npy: got dtype int32, expected uint8, or floats"),
        (
            np.full((3, 28, 28, 1), 254.0),
            "x.npy: got values in [254, 254], expected [0, 1] as in training; scale",
        ),
        (np.full((1, 28, 28, 1), np.nan), "x.npy: got 784 of 784 values that are NaN or infinite"),
    ],
)
@pytest.mark.parametrize("command", ["encode", "reconstruct"])
def test_wrong_x(run, tmp_path, dense_bundle, command, array, message):
    np.save(tmp_path / "x.npy", array)
    fails_with(run(command, dense_bundle, "x.npy"), message)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            np.float32([[0, np.nan]]),
            "z.npy: got 1 of 2 values that are NaN or infinite, expected finite ones",
        ),
        (np.zeros((1, 3)), "z.npy: got shape (1, 3), expected (n, 2) with n at least 1"),
    ],
)
def test_wrong_z(run, tmp_path, dense_bundle, array, message):
    np.save(tmp_path / "z.npy", array)
    fails_with(run("decode", dense_bundle, "z.npy"), message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-n", "0"], "argument -n/--count: got '0', expected a number of at least 1; see vae-export gener"),
        (["-n", "1e5"], "argument -n/--count: got '1e5', expected a number of at least 1"),
        (["-n", "100000"], "picture: got 100,000 images, which make a picture of 18,388 x 18,330 pixels"),
        (["--seed", "-1"], "seed: got -1, expected an integer in [0, 18446744073709551616)"),
        (["--start", "-1"], "start: got -1, expected an integer in"),
        (["--threads", "0"], "threads: got 0, expected 1 to 1024"),
        (["--backend", "gpu"], "argument --backend: invalid choice: 'gpu'"),
        (["-o", "a.bmp"], "a.bmp: got a file named *.bmp, expected .png, .npy, .npz or a folder (a name"),
        (["-o", "none/a.png"], "none/a.png: cannot be written, there is no folder none; make it first"),
        (["-o", "."], ".: is in use, it cannot be replaced; choose a folder inside it with -o"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_arguments_of_generate(run, tmp_path, dense_bundle, arguments, message):
    fails_with(run("generate", dense_bundle, *arguments), message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "x.npy"], "x.npy[1024:1500]: got 1 of 373184 values that are NaN or infinite"),
        (["encode", "x.npy", "-o", "a.npy"], "a.npy: got a file named *.npy, expected .npz or a folder (a "),
        (["encode", "x.npy", "-o", "full"], "full: is not empty; choose a new or an empty folder with -o"),
        (["reconstruct", "x.npy", "-o", "full"], "full: is not empty; choose a new or an empty folder with"),
        (["decode", "z.npz", "-o", "no/a.npy"], "no/a.npy: cannot be written, there is no folder no; make"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_large_inputs_and_places(run, tmp_path, dense_bundle, arguments, message):
    x = np.zeros((1500, 28, 28, 1), np.float32)
    x[1234, 5, 6] = np.nan
    np.save("x.npy", x)
    np.savez("z.npz", z=np.zeros((3, 2)))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    before = sorted(tmp_path.rglob("*"))
    command, input, *rest = arguments
    fails_with(run(command, dense_bundle, input, *rest), message)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_bundle_that_was_changed(run, bundle_copy):
    (bundle_copy / "decoder.onnx").write_bytes(b"")
    for command in ("verify", "generate", "inspect"):
        fails_with(run(command, bundle_copy), "decoder.onnx: altered, got 0 bytes, expected ")
    (bundle_copy / "decoder.onnx").unlink()
    fails_with(run("verify", bundle_copy), "decoder.onnx: missing; export the bundle again")
    edit_manifest(bundle_copy, lambda m: m["artifacts"][0].update(file="../x.onnx"))
    fails_with(run("verify", bundle_copy), "got the path '../x.onnx', expected one inside the bundle")


def test_a_parity_failure_is_exit_code_1_and_writes_nothing(run, tmp_path):
    code, out, err = run("--format", "onnx", "-o", "b", "--tolerance", "1e-12")
    assert (code, out) == (1, "")
    lines = err.splitlines()
    # Which case is the worst depends on the processor.
    assert re.match(
        r"vae-export: encoder\.onnx: output 'logvar', \w+, batch of \d+: largest error \d.*, tolerance \d",
        lines[0],
    )
    assert lines[-1] == f"vae-export: {len(lines) - 1} parity checks failed; nothing was written"
    assert list(tmp_path.iterdir()) == []


def test_a_parity_failure_leaves_the_old_bundle(run, bundle_copy):
    before = (bundle_copy / "manifest.json").read_bytes()
    code, *_ = run("--format", "onnx", "-o", bundle_copy, "--overwrite", "--tolerance", "1e-12")
    assert code == 1
    assert (bundle_copy / "manifest.json").read_bytes() == before


def test_verify_names_what_differs(run, bundle_copy):
    shift_golden(bundle_copy, "mu", by=0.5)
    code, out, err = run("verify", bundle_copy)
    assert code == 1
    assert "NO" in out
    assert "vae-export: encoder.onnx: output 'mu', golden: largest error 0.5, tolerance " in err
    assert "vae-export: encoder.tflite: output 'mu', golden: largest error 0.5, tolerance " in err


@pytest.mark.parametrize(
    ("missing", "arguments", "message"),
    [
        (
            "tensorflow",
            ["-o", "b"],
            "this needs tensorflow, which is not installed; pip install tensorflow",
        ),
        ("onnxruntime", ["verify"], "backend onnx: no runtime is installed; pip install onnxruntime"),
        ("ai_edge_litert", ["verify"], "backend tflite: no runtime is installed; pip install ai-edge-litert"),
    ],
)
def test_a_missing_package_names_the_command(dense_bundle, tmp_path, missing, arguments, message):
    program = (
        f"import sys; sys.modules[{missing!r}] = None; "
        "from vae_export.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    bundle = [str(dense_bundle)] if arguments == ["verify"] else []
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments, *bundle],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    fails_with((done.returncode, done.stdout, done.stderr), message)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(13, "Permission denied", "priv/m.keras"), "priv/m.keras: Permission denied"),
        (MemoryError("8 EiB"), "not enough memory (8 EiB); ask for less at a time"),
        (
            ZeroDivisionError("division by zero"),
            "unexpected ZeroDivisionError: division by zero; --debug shows where, please report it",
        ),
    ],
)
def test_what_nobody_foresaw_is_one_line_too(run, monkeypatch, error, message):
    from vae_export.cli import verify

    def fail(_):
        raise error

    monkeypatch.setattr(verify, "run", fail)
    fails_with(run("verify", "b"), message)


def test_a_reader_that_leaves_early_is_no_error(dense_bundle, tmp_path):
    program = (
        "import sys; from vae_export.cli import main, verify; "
        "verify.run = lambda _: [print('x' * 1000) for _ in range(1000)]; sys.exit(main.main(['verify', 'b']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 0


def test_a_terminal_without_line_characters(dense_bundle, tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-c", "from vae_export.cli.main import main; main()", "verify", str(dense_bundle)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "encoder.onnx ? decoder.onnx" in done.stdout


def test_an_interrupt_that_was_swallowed_is_remembered(tmp_path):
    import signal

    from vae_export.cli.interrupts import interrupts
    from vae_export.cli.terminal import Progress

    progress = Progress()
    with interrupts():
        progress("one")
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            swallowed = True
        assert swallowed
        with pytest.raises(KeyboardInterrupt):
            progress("two")
    with interrupts():
        progress("three")


def test_training_leaves_folders_of_others_alone(run, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "README.md").write_text("my own")
    fails_with(
        run("train", "-o", "mine", "--overwrite"),
        "mine: is no folder of a training (no recipe.json), so --overwrite leaves it alone",
    )
