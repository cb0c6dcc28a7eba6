"""The wheel exports both reference models under every Python and between the bounds of pyproject.toml."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.runtime.toolchain import need_module
from tests.versions.environments import Environment, lower_bounds, python_of, supported_pythons

pytestmark = pytest.mark.slow

PYTHONS = supported_pythons(Path(__file__).parents[2])
# The extra holds ai-edge-litert at one version, so the lower bounds go without.
ENVIRONMENTS = [
    *(Environment(python, "highest", ("int8",)) for python in PYTHONS),
    Environment(PYTHONS[0], "lowest-direct"),
]
FILES = {
    f"{role}{precision}.{format}"
    for role in ("encoder", "decoder")
    for precision in ("", ".int8")
    for format in ("onnx", "tflite")
}
INSTALLED = """
import importlib.metadata, json, sys
print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))
"""


@pytest.fixture(scope="module", params=ENVIRONMENTS, ids=str)
def installed(request, wheel, root):
    """An environment and its interpreter."""
    need_module("uv")
    return request.param, python_of(request.param, wheel, root)


@pytest.fixture(scope="module")
def versions(installed, root):
    """Dependency -> what is installed of it."""
    command = [installed[1], "-I", "-c", INSTALLED, *lower_bounds(root)]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_versions_are_what_was_asked_for(installed, versions, root):
    environment, _ = installed
    at_the_bound = {name for name, bound in lower_bounds(root).items() if _same(versions[name], bound)}
    if environment.resolution == "lowest-direct":
        # 2.16.0 and others were never released: the lowest is the first that is.
        assert at_the_bound | {"tensorflow"} == set(versions), versions
        assert versions["tensorflow"].startswith(lower_bounds(root)["tensorflow"] + "."), versions
    else:
        assert not _same(versions["tensorflow"], lower_bounds(root)["tensorflow"]), versions


@pytest.mark.parametrize("model", ["fashion-mnist-dense", "fashion-mnist-conv"])
def test_a_reference_model_is_exported_and_verified(installed, versions, model, tmp_path):
    _, python = installed
    command = [python.parent / "vae-export", model, "--precision", "float32,int8", "-o", tmp_path / "bundle"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [*map(str, command)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{versions}\n{done.stdout}\n{done.stderr}"
    assert {file.name for file in (tmp_path / "bundle").iterdir()} >= FILES


def _same(version, bound):
    """Whether they are one version, as 1.16 and 1.16.0 are."""
    numbers = [[int(part) for part in text.split(".")] for text in (version, bound)]
    length = max(map(len, numbers))
    first, second = (parts + [0] * (length - len(parts)) for parts in numbers)
    return first == second
