"""The READMEs: every command and program in them is run, in their order, in one directory."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.runtime.toolchain import need, need_module, need_npm_package
from vae_export.cli.main import main
from vae_export.pages.playground.ort_web import ORT_WEB_VERSION

ROOT = Path(__file__).parents[1]
# In the order in which their commands are run: later ones use what earlier ones made.
READMES = (
    "README.md",
    "vae_export/bundle/README.md",
    "vae_export/formats/README.md",
    "vae_export/split/README.md",
    "vae_export/runtime/README.md",
    "vae_export/runtime/python/README.md",
    "vae_export/runtime/js/README.md",
    "vae_export/runtime/c/README.md",
    "vae_export/runtime/java/README.md",
    "vae_export/pages/README.md",
    "vae_export/cli/README.md",
)
# What a newcomer would not run in a test.
SET_UP = ("tools/demo", "tools/test", f"npm install onnxruntime-web@{ORT_WEB_VERSION}")

OWN_LAYER = """
import keras

class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x
"""


def blocks(readme, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / readme).read_text(), re.DOTALL)


def lines(readme):
    found = (
        line.split("  #")[0].strip() for block in blocks(readme, "console") for line in block.splitlines()
    )
    return [line for line in found if line]


def programs():
    """(README, language, text) of everything that can be run, in its order."""
    for readme in READMES:
        for match in re.finditer(r"```(console|python|js)\n(.*?)```", (ROOT / readme).read_text(), re.DOTALL):
            language, text = match.groups()
            if language == "console":
                found = [line.split("  #")[0].strip() for line in text.splitlines()]
                yield from ((readme, language, line) for line in found if line and line not in SET_UP)
            else:
                yield readme, language, text


PROGRAMS = list(programs())


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with the files that the READMEs speak of as the reader's own."""
    import keras

    from tests.tiny_models import ListSampler, samples, tiny_vae

    place = tmp_path_factory.mktemp("reader")
    tiny_vae().save(place / "my-vae.keras")
    model = tiny_vae(sampler=ListSampler(name="draw"))
    keras.Model(model.inputs[0], model.get_layer("draw").output).save(place / "my-encoder.keras")
    model.get_layer("decoder").save(place / "my-decoder.keras")
    tiny_vae().save_weights(place / "my.weights.h5")
    (place / "my_models.py").write_text("from tests.tiny_models import tiny_vae as build_vae\n")
    (place / "my_layers.py").write_text(OWN_LAYER)
    space = {"__name__": "my_layers"}
    exec(OWN_LAYER, space)
    x = keras.Input((6, 6, 1))
    keras.Model(x, model(space["Twice"]()(x))).save(place / "my-layers.keras")
    np.save(place / "my-samples.npy", samples(20))
    (place / "models").symlink_to(ROOT / "models")
    return place


@pytest.mark.parametrize(
    ("readme", "language", "text"),
    PROGRAMS,
    ids=[f"{readme}-{number}" for number, (readme, _, _) in enumerate(PROGRAMS)],
)
def test_it_runs(place, readme, language, text, monkeypatch, capfd):
    monkeypatch.chdir(place)
    if "tflm" in text:
        need_module("tflite_micro")
    if "playground" in text or language == "js":
        modules = place / "node_modules"
        if not modules.exists():
            modules.symlink_to(need_npm_package(ROOT, "onnxruntime-web").parent)
    if language == "console":
        program, *arguments = shlex.split(text)
        assert program == "vae-export", text
        assert main(arguments) == 0, capfd.readouterr().err
    elif language == "python":
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{text}"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    else:
        subprocess.run([need("node"), "--input-type=module"], input=text.encode(), check=True)


def test_what_they_write_is_there(place):
    for name in (
        "grid.png",
        "bench.png",
        "report.html",
        "explain.png",
        "decoded.png",
        "reconstruction.png",
        "playground.html",
        "site/index.html",
        "latents.npz",
        "images.npy",
        "images/010099.png",
        "latents/z.npy",
        "python-bundle",
        "module-bundle",
        "bundle-for-microcontrollers/decoder.int8.cc",
        "bundle-for-small-runtimes/required_operators.config",
    ):
        assert (place / name).exists(), name


def test_every_readme_is_here():
    found = {str(path.relative_to(ROOT)) for path in (ROOT / "vae_export").rglob("README.md")}
    assert found | {"README.md"} == set(READMES)


def test_the_first_one_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_the_set_up_it_names_is_there():
    for command in lines("README.md"):
        if command.startswith("tools/"):
            assert os.access(ROOT / command, os.X_OK), command


def test_what_is_generated_is_fresh():
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "generate", "--check"], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout.decode()) == (0, "")


def test_every_command_and_option_is_in_the_cli_readme():
    from vae_export.cli.main import COMMANDS

    text = (ROOT / "vae_export" / "cli" / "README.md").read_text()
    for command in COMMANDS:
        assert f"\n## {command}\n" in text
    assert "`--overwrite`" in text


def test_the_table_it_shows_is_the_one_that_is_printed(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert main(["--format", "onnx"]) == 0

    def shape(text):
        """The text without its figures and trailing blanks."""
        return [
            re.sub(r" 1\d\d ", " dB ", re.sub(r"\d\.\d+e-\d\d", "E", line)).rstrip()
            for line in text.strip().splitlines()
        ]

    shown = next(block for block in blocks("README.md", "text") if block.startswith("cut at"))
    assert shape(shown) == shape(capfd.readouterr().out)


@pytest.mark.parametrize("readme", [*READMES, "CONTRIBUTING.md"])
def test_links_lead_somewhere(readme):
    file = ROOT / readme
    for target in re.findall(r"\]\(([^)#]+)\)", file.read_text()):
        assert (file.parent / target).exists(), target


def test_the_ratios_it_quotes_are_those_on_file():
    """The row of the better file by the best other way, of the decoders."""
    peers = (ROOT / "tools" / "bench" / "PEERS.md").read_text()
    decoders = peers.split("### Decoders\n\n")[1].split("\n\n###")[0]
    row = next(line for line in decoders.splitlines() if line.startswith("| *files: the better"))
    ratios = [float(cell) for cell in row.split("|")[2:] if cell.strip()]
    assert f"{min(ratios):.2f} to {max(ratios):.2f} of the time of the" in (ROOT / "README.md").read_text()


def test_precisions_and_formats_are_those_of_the_registries():
    from vae_export.core.precision import PRECISIONS
    from vae_export.formats import FORMATS, with_precision

    text = (ROOT / "vae_export" / "formats" / "README.md").read_text()
    for name, format in FORMATS.items():
        assert f"| `{name}` | `ROLE" in text, name
        assert format.suffixes[0] in text
    for name, precision in PRECISIONS.items():
        if precision.budget is not None:
            (row,) = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
            assert f"| {', '.join(with_precision(name))} |" in row
            assert f"{precision.budget.min_psnr:g} dB, {precision.budget.max_kl:g} nats" in row
