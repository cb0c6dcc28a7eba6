"""The wheel: an installed `vae-export` has its models and works from any directory."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest

pytestmark = pytest.mark.slow


def test_what_is_in_it(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
    for name in ("fashion-mnist-dense", "fashion-mnist-conv"):
        for file in ("model.keras", "recipe.json", "samples.npz", "README.md"):
            assert f"vae_export/models/{name}/{file}" in names
    assert "vae_export/bundle/manifest.schema.json" in names
    assert "vae_export/runtime/python/vae_runtime.py" in names
    assert "vae_export/py.typed" in names
    assert not {name.split("/")[0] for name in names} - {"vae_export", metadata.split("/")[0]}
    assert "Requires-Python: >=3.11" in text
    assert "License-Expression: Apache-2.0" in text


def test_it_exports_the_reference_model_from_anywhere(wheel, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    program = (
        f"import sys; sys.path.insert(0, {str(site)!r}); import vae_export; "
        f"assert vae_export.__file__.startswith({str(site)!r}); "
        "from vae_export.cli.main import main; sys.exit(main(['--format', 'onnx']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=elsewhere, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.endswith("wrote fashion-mnist-dense-bundle\n")
    assert (elsewhere / "fashion-mnist-dense-bundle" / "decoder.onnx").is_file()
