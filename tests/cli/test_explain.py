import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from vae_export.cli.main import main
from vae_export.explain import explanation
from vae_export.io import staging


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Run the command in an empty directory; (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main(["explain", *map(str, arguments)])
        return code, *capfd.readouterr()

    return run


def table(out, heading):
    """The cells of the table whose first column has a heading."""
    lines = out.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(heading)) + 2
    end = next((number for number in range(start, len(lines)) if not lines[number].strip()), len(lines))
    return [line.split("  ") for line in lines[start:end]]


def cells(out, heading):
    return [[cell.strip() for cell in row if cell.strip()] for row in table(out, heading)]


@pytest.mark.parametrize("file", ["decoder.int8.tflite", "decoder.int8.onnx"])
def test_a_decoder(run, tmp_path, dense_int8_bundle, file):
    code, out, error = run(dense_int8_bundle, "--artifact", file, "--count", 3)
    assert (code, error) == (0, "")
    against = file.replace(".int8", "")
    assert out.startswith(f"{file} against {against}, on 8 golden rows and 64 of the prior (seed 8642)\n")
    assert np.array(Image.open(tmp_path / "explain.png")).shape == (3 * 58 + 2, 3 * 58 + 2)
    code, text, error = run(dense_int8_bundle, "--artifact", file, "--count", 3, "--json", "-o", "other.png")
    assert (code, error) == (0, "")
    found = json.loads(text)
    told = cells(out, "layer")
    assert [row[:3] for row in told] == [
        [e["layer"], e["float_layer"], e["operator"]] for e in found["layers"]
    ]

    def decibel(value):
        return "exact" if value is None else f"{value:.1f}"

    assert [row[3:5] for row in told] == [
        [decibel(e["own_sqnr_db"]), decibel(e["sqnr_db"])] for e in found["layers"]
    ]
    assert [row[5] for row in told] == [f"{e['max_absolute_error']:.2e}" for e in found["layers"]]
    assert [row[-1] == "yes" for row in told] == [e["in_float"] for e in found["layers"]]
    assert cells(out, "worst samples") == [
        [f"{s['source']} {s['index']}", f"{s['psnr']:.1f}", f"{s['max_absolute_error']:.2e}"]
        for s in found["samples"]
    ]
    assert found["picture"]["file"] == "other.png"
    assert out.endswith(
        f"\nwrote explain.png, a row for each of the worst: {against}, {file}, their difference x "
        f"{found['picture']['amplified']} (gray: none)\n"
    )
    assert (tmp_path / "explain.png").read_bytes() == (tmp_path / "other.png").read_bytes()


def test_an_encoder(run, tmp_path, dense_int8_bundle):
    code, out, error = run(dense_int8_bundle, "--artifact", "encoder.int8.onnx", "--count", 2)
    assert (code, error) == (0, "")
    assert out.startswith("encoder.int8.onnx against encoder.onnx, on 8 golden rows\n")
    found = json.loads(run(dense_int8_bundle, "--artifact", "encoder.int8.onnx", "--count", 2, "--json")[1])
    assert cells(out, "worst samples") == [
        [f"golden {s['index']}", f"{s['kl']:.2g}", f"{s['mu_error']:.2g}"] for s in found["samples"]
    ]
    assert found["picture"] is None
    assert list(tmp_path.iterdir()) == []


def test_what_was_not_compared_is_said(run, conv_int8_bundle):
    _, out, _ = run(conv_int8_bundle, "--artifact", "decoder.int8.tflite")
    assert "\nnot compared: 1 of decoder.tflite without a counterpart (depthwise_conv_2d_20)\n" in out
    assert "\nconv_2d_20: logits beyond ±6.24 are taken for that" in out


def test_what_is_no_image(run, tmp_path, dense_int8_bundle, monkeypatch):
    real = explanation.explain_artifact

    def flat(*arguments, **options):
        found = real(*arguments, **options)
        return dataclasses.replace(found, images=tuple(array.reshape(-1, 784) for array in found.images))

    monkeypatch.setattr(explanation, "explain_artifact", flat)
    _, out, _ = run(dense_int8_bundle, "--artifact", "decoder.int8.onnx")
    assert out.endswith(
        "\nno picture: reconstruction is N x 784, expected images N x height x width x 1 or 3\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--artifact", "nothing.tflite"],
            "bundle: holds no nothing.tflite to explain, expected one of encoder.int8.onnx, decoder.int8.onnx, "
            "encoder.int8.tflite, decoder.int8.tflite",
        ),
        (
            ["--artifact", "decoder.tflite"],
            "bundle/decoder.tflite: is float32, which others are compared with, expected one of "
            "encoder.int8.onnx, decoder.int8.onnx, encoder.int8.tflite, decoder.int8.tflite",
        ),
        (["--artifact", "decoder.int8.onnx", "-o", "a.jpg"], "a.jpg: got a file named *.jpg, expected .png"),
        (
            ["--artifact", "decoder.int8.onnx", "-o", "no/a.png"],
            "no/a.png: cannot be written, there is no folder no; make it first",
        ),
        (["--artifact", "decoder.int8.onnx", "--count", "0"], "expected a number of at least 1"),
        ([], "the following arguments are required: --artifact"),
    ],
)
def test_wrong_arguments(run, tmp_path, dense_int8_bundle, arguments, message):
    code, out, error = run(dense_int8_bundle, *arguments)
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert message in error
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_cannot_be_written_leaves_the_old_one(run, tmp_path, dense_int8_bundle, monkeypatch):
    (tmp_path / "explain.png").write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(staging, "_replace", full)
    code, _, err = run(dense_int8_bundle, "--artifact", "decoder.int8.onnx")
    assert (code, (tmp_path / "explain.png").read_bytes()) == (2, b"old")
    assert err == "vae-export: explain.png: cannot be written (No space left on device)\n"
