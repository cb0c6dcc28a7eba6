"""A new format is one file and one line: a toy goes the whole way."""

from __future__ import annotations

import ast
import json
from functools import partial

import numpy as np
import pytest

import vae_export
from tests.formats.toy.bfloat16 import BFLOAT16, recipe
from tests.formats.toy.npz import NpzFormat
from tests.tiny_models import samples, tiny_vae
from vae_export.bundle.reader import read_bundle
from vae_export.cli.main import main
from vae_export.core.precision import PRECISIONS, register_precision
from vae_export.errors import ConversionError, InputError, ParityError
from vae_export.formats import FORMATS, register_format, register_recipe, with_bases


@pytest.fixture(scope="module")
def toy():
    """The toy, while it is registered."""
    register_format(NpzFormat())
    yield FORMATS["npz"]
    del FORMATS["npz"]


@pytest.fixture(scope="module")
def bundle(toy, tmp_path_factory):
    """The dense reference model in the toy format, and in one of ours."""
    return vae_export.export(
        "fashion-mnist-dense", tmp_path_factory.mktemp("toy") / "bundle", format="onnx,npz"
    ).path


def test_export_verifies_it(bundle):
    held = read_bundle(bundle)
    assert [entry.file for entry in held.artifacts] == [
        "encoder.onnx",
        "decoder.onnx",
        "encoder.npz",
        "decoder.npz",
    ]
    for entry in held.artifacts[2:]:
        assert (entry.oldest_runtime, entry.details["steps"] > 2) == ("numpy 1.26", True)
        for row in entry.parity.values():
            assert row.max_absolute_error < row.tolerance


def test_a_wrong_one_is_caught(toy, tmp_path, monkeypatch):
    real = NpzFormat.open

    def altered(self, model, *rest):
        graph = real(self, model, *rest)
        graph._weights = {name: weight * np.float32(1.001) for name, weight in graph._weights.items()}
        return graph

    monkeypatch.setattr(NpzFormat, "open", altered)
    with pytest.raises(ParityError) as caught:
        vae_export.export("fashion-mnist-dense", tmp_path / "b", format="npz")
    assert any(line.startswith("decoder.npz: output 'reconstruction'") for line in caught.value.failures)
    assert not (tmp_path / "b").exists()


def test_what_it_cannot_convert_is_named(toy, tmp_path):
    with pytest.raises(ConversionError, match=r"^encoder\.npz: Conv2D is no layer for NumPy"):
        vae_export.export(tiny_vae(), tmp_path / "b", format="npz", samples=samples())


def test_every_command_takes_it(bundle, toy, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert main(["verify", str(bundle)]) == 0
    assert "encoder.npz → decoder.npz" in capfd.readouterr().out
    assert main(["inspect", str(bundle)]) == 0
    assert "decoder.npz" in capfd.readouterr().out
    assert main(["bench", str(bundle), "--rounds", "2", "--json"]) == 0
    names = [row["name"] for row in json.loads(capfd.readouterr().out)["rows"]]
    assert {"encoder.npz", "decoder.npz"} <= set(names)
    assert main(["report", str(bundle), "--rounds", "2", "-o", "r.html"]) == 0
    page = (tmp_path / "r.html").read_text()
    assert "NumPy" in page
    assert "decoder.npz" in page
    assert main(["explain", str(bundle), "--artifact", "decoder.npz"]) == 2
    assert "is float32, which others are compared with" in capfd.readouterr().err


def test_the_command_line_knows_it(toy, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert main(["--format", "npz", "-o", "b"]) == 0
    capfd.readouterr()
    assert main(["--help"]) == 0
    assert "--format onnx|tflite|ort|tflm|npz|all" in capfd.readouterr().out
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    assert "npz: machines without a runtime" in " ".join(capfd.readouterr().out.split())
    assert main(["--format", "gif"]) == 2
    assert (
        "expected some of onnx, tflite, ort, tflm, npz, or all (onnx, tflite, npz)" in capfd.readouterr().err
    )


def test_precisions_are_recipes(toy, tmp_path, monkeypatch):
    """A new precision of a format is one function and one line."""
    monkeypatch.setattr(NpzFormat, "recipes", {})

    def halve(source, rows, *, integer_io=False, keep_float=()):
        raise ConversionError(f"{source.file}: halved")

    register_recipe("npz", "float16", halve)
    assert toy.precisions == ("float32", "float16")
    with pytest.raises(ConversionError, match=r"^encoder\.npz: halved$"):
        vae_export.export("fashion-mnist-dense", tmp_path / "b", format="npz", precision="float16")
    with pytest.raises(
        InputError, match=r"^precision: got int8 for npz, expected it for onnx, tflite, ort, tflm al"
    ):
        vae_export.export("fashion-mnist-dense", tmp_path / "b", format="npz", precision="int8")
    with pytest.raises(ValueError, match=r"^format 'npz': precision 'float16' is unknown, or there already$"):
        register_recipe("npz", "float16", halve)


@pytest.fixture
def toy_precision(toy, monkeypatch):
    """The toy precision, while it is registered."""
    monkeypatch.setattr(NpzFormat, "recipes", {})
    register_precision(BFLOAT16)
    register_recipe("npz", BFLOAT16.name, recipe)
    yield BFLOAT16
    del PRECISIONS[BFLOAT16.name]


def test_a_precision_goes_the_whole_way(toy_precision, tmp_path, capfd):
    precision = ["float32", toy_precision.name]
    path = vae_export.export(
        "fashion-mnist-dense", tmp_path / "b", format="onnx,npz", precision=precision
    ).path
    entries = {entry.file: entry for entry in read_bundle(path).artifacts}
    fidelity = entries["decoder.bfloat16.npz"].fidelity
    # 8 bits of a significand cost something, and little.
    assert 35 < fidelity.posterior.psnr < 80
    assert main(["verify", str(path)]) == 0
    assert "encoder.bfloat16.npz" in capfd.readouterr().out
    assert main(["report", str(path), "--rounds", "2", "-o", str(tmp_path / "r.html")]) == 0
    assert "bfloat16" in (tmp_path / "r.html").read_text()


def test_a_precision_is_held_to_its_budget(toy_precision, tmp_path, monkeypatch):
    monkeypatch.setitem(NpzFormat.recipes, toy_precision.name, partial(recipe, kept_bits=10))
    with pytest.raises(ParityError) as caught:
        vae_export.export("fashion-mnist-dense", tmp_path / "b", format="npz", precision=toy_precision.name)
    assert any(line.startswith("decoder.bfloat16.npz") for line in caught.value.failures), (
        caught.value.failures
    )


def test_names_are_taken_once():
    with pytest.raises(ValueError, match=r"^format 'onnx' is registered already$"):
        register_format(type(FORMATS["onnx"])())


def test_derived_formats_bring_what_they_are_made_of():
    assert with_bases(["ort"]) == ("onnx", "ort")
    assert with_bases(["tflm", "onnx"]) == ("onnx", "tflite", "tflm")


def test_every_precision_has_a_format():
    for name in PRECISIONS:
        assert any(name in format.precisions for format in FORMATS.values())


def test_no_other_room_compares_names_of_formats(root):
    """Comparisons with the name of a format, and branches on `.format`, belong to formats/ and the helper."""
    names = set(FORMATS)
    for file in sorted((root / "vae_export").rglob("*.py")):
        room = file.relative_to(root / "vae_export").parts[0]
        if room == "formats" or file.name == "vae_runtime.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Compare):
                literals = {
                    one.value
                    for one in ast.walk(node)
                    if isinstance(one, ast.Constant) and one.value in names
                }
                assert not literals, f"{file}:{node.lineno}: compares with {literals}"
