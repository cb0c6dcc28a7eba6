"""Fixtures that are made once a run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vae_export
from vae_export.core.precision import PRECISIONS
from vae_export.io.quiet import quiet
from vae_export.sources.reference_models import reference_models

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def root():
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def dense_result(tmp_path_factory):
    """The export of the dense reference model, both formats."""
    return vae_export.export("fashion-mnist-dense", tmp_path_factory.mktemp("dense") / "bundle")


@pytest.fixture(scope="session")
def conv_result(tmp_path_factory):
    """The export of the convolutional reference model, both formats."""
    return vae_export.export("fashion-mnist-conv", tmp_path_factory.mktemp("conv") / "bundle")


def export_int8(name, path):
    return vae_export.export(f"fashion-mnist-{name}", path, precision=("float32", "int8"), batch=(1, 4)).path


@pytest.fixture(scope="session")
def dense_int8_bundle(tmp_path_factory):
    """The dense reference model in float32 and int8, both formats; nobody may change it."""
    return export_int8("dense", tmp_path_factory.mktemp("dense_int8") / "bundle")


@pytest.fixture(scope="session")
def conv_int8_bundle(tmp_path_factory):
    """The convolutional reference model, likewise."""
    return export_int8("conv", tmp_path_factory.mktemp("conv_int8") / "bundle")


@pytest.fixture(scope="session")
def lower_result(tmp_path_factory):
    """The export of the dense reference model in every precision, both formats."""
    path = tmp_path_factory.mktemp("lower") / "bundle"
    return vae_export.export("fashion-mnist-dense", path, precision=list(PRECISIONS), integer_io=True)


@pytest.fixture(scope="session")
def dense_bundle(dense_result):
    """A bundle nobody may change."""
    return dense_result.path


@pytest.fixture(scope="session", params=["fashion-mnist-dense", "fashion-mnist-conv"])
def reference_result(request):
    """The export of each reference model."""
    return request.getfixturevalue(request.param.removeprefix("fashion-mnist-") + "_result")


@pytest.fixture
def bundle_copy(dense_bundle, tmp_path):
    """A bundle to break."""
    return Path(shutil.copytree(dense_bundle, tmp_path / "bundle"))


@pytest.fixture(scope="session")
def tiny():
    """A tiny Keras VAE."""
    from tests.tiny_models import tiny_vae

    return tiny_vae()


@pytest.fixture(scope="session")
def tiny_split(tiny):
    """The tiny VAE, cut."""
    from vae_export.split.split_vae import split

    with quiet():
        return split(tiny, "tiny")


@pytest.fixture(scope="session")
def dense_keras():
    """The dense reference model in Keras."""
    from vae_export.sources.keras_loading import load_model

    return load_model(reference_models()["fashion-mnist-dense"])


@pytest.fixture(scope="session")
def wheel(root, tmp_path_factory):
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=root,
        check=True,
        capture_output=True,
    )
    (file,) = folder.glob("*.whl")
    return file
