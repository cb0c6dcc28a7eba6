"""Models of modules, with weights and custom objects, and wrong arguments."""

from __future__ import annotations

import json

import numpy as np
import pytest

import vae_export
from tests.gallery.parts.pieces import MODULE, without_noise
from tests.gallery.parts.styles import peak
from vae_export.cli.main import main
from vae_export.errors import SamplingSiteError


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A user's module in the current directory, saved weights and model."""
    monkeypatch.chdir(tmp_path)
    name = f"user_code_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    space = {"__name__": name}
    exec(compile(MODULE, name, "exec"), space)
    model = space["model"]
    peak(model)
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "w.weights.h5")
    return name


def test_attributes_of_modules_with_weights(module, capsys):
    for attribute in ("model", "build"):
        command = [
            f"{module}:{attribute}",
            "--weights",
            "w.weights.h5",
            "--format",
            "onnx",
            "-o",
            attribute,
            "--json",
        ]
        assert main(command) == 0
        manifest = json.loads(capsys.readouterr().out)["manifest"]
        assert (manifest["name"], manifest["latents"][0]["parametrisation_source"]) == (attribute, "probed")
    one, other = (without_noise(attribute) for attribute in ("model", "build"))
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    assert one.std() > 0.05


def test_custom_objects_of_a_file_or_module(module):
    with pytest.raises(
        SamplingSiteError,
        match=r"^m: layer 'twice': class 'Doubling' is not known here, and it is not where z is drawn; give --cust",
    ):
        vae_export.export("m.keras", "b")
    for number, source in enumerate((f"{module}.py", module)):
        result = vae_export.export("m.keras", f"b{number}", format="onnx", custom_objects=source)
        assert result.manifest.to_dict()["latents"][0]["parametrisation_source"] == "probed"
    assert main(["m.keras", "--custom-objects", f"{module}.py", "--format", "onnx", "-o", "c"]) == 0
    np.testing.assert_allclose(without_noise("b0"), without_noise("c"), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["MODULE:nothing"], "MODULE:nothing: module MODULE has no attribute 'nothing'"),
        (
            ["MODULE:number"],
            "MODULE:number: got a int, expected a Keras model or a function that returns one",
        ),
        (["MODULE:broken"], "MODULE:broken: broken() raised no model today"),
        (["MODULE:len"], "MODULE:len: module MODULE has no attribute 'len'"),
        (
            ["no_such_module:model"],
            "no_such_module:model: module no_such_module cannot be imported (No module",
        ),
        (
            ["m.keras", "--weights", "w.weights.h5"],
            "--weights: got w.weights.h5, expected it with MODEL as package.",
        ),
        (["MODULE:model", "--weights", "no.h5"], "no.h5: no such file; expected weights of the model"),
        (["MODULE:model", "--weights", "bad.weights.h5"], "bad.weights.h5: do not fit the model ("),
        (
            ["m.keras", "--custom-objects", "no.py"],
            "no.py: no such file; expected FILE.py or the name of a module",
        ),
        (
            ["m.keras", "--custom-objects", "empty.py"],
            "empty.py: defines no Keras layer or model, no function and no number, expected what",
        ),
        (["m.keras", "--custom-objects", "wrong.py"], "wrong.py: cannot be imported (division by zero)"),
        (
            ["--encoder", "m.keras"],
            "--encoder, --decoder: got one, or a MODEL as well, expected both and no MODEL",
        ),
        (["m.keras", "--parametrisation", "odd"], "argument --parametrisation: invalid choice: 'odd'"),
        (
            ["m.keras", "--input-shape", "a,b"],
            "argument --input-shape: got 'a,b', expected numbers such as 28,28,1",
        ),
        (["m.keras", "--input-shape", "0,1"], "input shape: got [0, 1], expected sizes of at least 1"),
    ],
)
def test_wrong_arguments_are_one_line(module, capsys, arguments, message):
    from pathlib import Path

    Path("empty.py").write_text("import keras\n")
    Path("wrong.py").write_text("1 / 0\n")
    Path("bad.weights.h5").write_bytes(b"no weights")
    assert main([argument.replace("MODULE", module) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"vae-export: {message.replace('MODULE', module)}"), error
    assert error.count("\n") == 1
