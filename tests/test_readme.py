"""README's commands and programs, run in their order in an empty directory."""

from __future__ import annotations

import os
import re
import shlex
import subprocess

import keras
import numpy as np
import pytest

from tests.runtime.toolchain import need, need_module, need_npm_package
from tests.tiny_models import ListSampler, samples, tiny_vae
from vae_export.cli.main import main
from vae_export.pages.playground.ort_web import ORT_WEB_VERSION

# What a newcomer would not run in a test.
SET_UP = ("tools/demo", "tools/test", "pip install .", f"npm install onnxruntime-web@{ORT_WEB_VERSION}")
SHORTENED = {"--epochs 10": "--epochs 1 --data my-images.npz"}


@pytest.fixture(scope="module")
def readme(root):
    return (root / "README.md").read_text()


OWN_LAYER = """
import keras

class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x
"""


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands(text):
    lines = [line.split("  #")[0].strip() for block in blocks(text, "console") for line in block.splitlines()]
    return [line for line in lines if line]


def test_commands_and_programs(root, readme, tmp_path, monkeypatch, capfd):
    need_module("tflite_micro")
    monkeypatch.chdir(tmp_path)
    tiny_vae().save("my-vae.keras")
    model = tiny_vae(sampler=ListSampler(name="draw"))
    keras.Model(model.inputs[0], model.get_layer("draw").output).save("my-encoder.keras")
    model.get_layer("decoder").save("my-decoder.keras")
    tiny_vae().save_weights("my.weights.h5")
    (tmp_path / "my_models.py").write_text("from tests.tiny_models import tiny_vae as build_vae\n")
    (tmp_path / "my_layers.py").write_text(OWN_LAYER)
    space = {"__name__": "my_layers"}
    exec(OWN_LAYER, space)
    x = keras.Input((6, 6, 1))
    twice = keras.Model(x, model(space["Twice"]()(x)))
    twice.save("my-layers.keras")
    np.save("my-samples.npy", samples(20))
    np.savez("my-images.npz", x=np.random.default_rng(0).integers(0, 256, (80, 28, 28), dtype=np.uint8))
    (tmp_path / "models").symlink_to(root / "models")
    (tmp_path / "node_modules").symlink_to(need_npm_package(root, "onnxruntime-web").parent)
    run = 0
    for command in commands(readme):
        if command in SET_UP:
            continue
        for long, short in SHORTENED.items():
            command = command.replace(long, short)
        program, *arguments = shlex.split(command)
        assert program == "vae-export", command
        assert main(arguments) == 0, (command, capfd.readouterr().err)
        run += 1
    assert run == 29
    (program,) = blocks(readme, "js")
    subprocess.run([need("node"), "--input-type=module"], input=program.encode(), check=True)
    monkeypatch.syspath_prepend(tmp_path)
    for program in blocks(readme, "python"):
        exec(compile(program, "README.md", "exec"), {})
    for name in (
        "grid.png",
        "decoded.png",
        "reconstruction.png",
        "bench.png",
        "int8.png",
        "explain.png",
        "report.html",
        "playground.html",
        "site/index.html",
        "latents.npz",
        "images.npy",
        "images/010099.png",
        "latents/z.npy",
        "python-bundle",
        "my-dense-bundle",
    ):
        assert (tmp_path / name).exists(), name


def test_the_set_up_it_names_is_there(root, readme):
    for command in commands(readme):
        if command.startswith("tools/"):
            assert os.access(root / command, os.X_OK), command


def test_the_table_it_shows_is_the_one_that_is_printed(readme, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert main(["--format", "onnx"]) == 0

    def shape(text):
        """The text without its figures and trailing blanks."""
        return [re.sub(r"\d\.\d+e-\d\d", "E", line).rstrip() for line in text.strip().splitlines()]

    shown = next(block for block in blocks(readme, "text") if block.startswith("cut at"))
    printed = capfd.readouterr().out
    assert [re.sub(r" 1\d\d ", " dB ", line) for line in shape(shown)] == [
        re.sub(r" 1\d\d ", " dB ", line) for line in shape(printed)
    ]


def test_links_lead_somewhere(root, readme):
    for target in re.findall(r"\]\(([^)#]+)\)", readme):
        assert (root / target).exists(), target


def test_the_measurements_it_quotes_are_those_on_file(root, readme):
    measured, _, rest = (root / "tools" / "bench" / "PEERS.md").read_text().partition("\n\n")
    decoders = rest.split("### Decoders\n\n")[1].split("\n\n###")[0]
    assert decoders.count("\n") > 10
    assert decoders in readme
    assert f"*{measured}*" in readme
