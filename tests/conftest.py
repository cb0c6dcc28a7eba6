"""Fixtures that are made once a run, whatever the number of workers."""

from __future__ import annotations

import os

# Before TensorFlow and ONNX Runtime are imported: workers share the cores, and a test sends nothing.
if "PYTEST_XDIST_WORKER" in os.environ:
    for variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vae_export
from tests import exports
from vae_export.core.precision import PRECISIONS
from vae_export.io.quiet import quiet
from vae_export.sources.reference_models import reference_models

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def root():
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def export_once(request, tmp_path_factory):
    """export_once(name, export): the result of `export(path)`; see `tests.exports`."""
    folder, made = exports.folder_of_exports(request.config, tmp_path_factory), {}

    def export_once(name, export):
        if name not in made:
            made[name] = exports.export_once(folder / name, export)
        return made[name]

    return export_once


@pytest.fixture(scope="session")
def dense_result(export_once):
    """The export of the dense reference model, both formats."""
    return export_once("dense", lambda path: vae_export.export("fashion-mnist-dense", path))


@pytest.fixture(scope="session")
def conv_result(export_once):
    """The export of the convolutional reference model, both formats."""
    return export_once("conv", lambda path: vae_export.export("fashion-mnist-conv", path))


def export_int8(name, path):
    return vae_export.export(f"fashion-mnist-{name}", path, precision=("float32", "int8"), batch=(1, 4))


@pytest.fixture(scope="session")
def dense_int8_bundle(export_once):
    """The dense reference model in float32 and int8, both formats; nobody may change it."""
    return export_once("dense-int8", lambda path: export_int8("dense", path)).path


@pytest.fixture(scope="session")
def conv_int8_bundle(export_once):
    """The convolutional reference model, likewise."""
    return export_once("conv-int8", lambda path: export_int8("conv", path)).path


@pytest.fixture(scope="session")
def lower_result(export_once):
    """The export of the dense reference model in every precision, both formats."""
    options = {"precision": list(PRECISIONS), "integer_io": True}
    return export_once("lower", lambda path: vae_export.export("fashion-mnist-dense", path, **options))


@pytest.fixture(scope="session")
def style_bundle(export_once):
    """style_bundle(name, ...): path of the bundle of a style of the gallery, both formats or `format`'s alone."""

    def style_bundle(name, **options):
        from tests.gallery.parts.styles import build_style, export_style

        key = "-".join(["style", name, *options.values()])
        return export_once(key, lambda path: export_style(*build_style(name), path, **options)).path

    return style_bundle


@pytest.fixture(scope="session")
def bundle_of(export_once, style_bundle):
    """bundle_of(kind): path of a bundle nobody may change; see `KINDS` of tests/pages/report/bundles.py."""

    def bundle_of(kind):
        from tests.pages.report.bundles import KINDS, export_two_channels

        if KINDS[kind]:
            return style_bundle(KINDS[kind])
        return export_once(kind, export_two_channels).path

    return bundle_of


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
