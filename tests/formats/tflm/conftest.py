"""Both reference models as bundles for microcontrollers, made once a run."""

from __future__ import annotations

import pytest

import vae_export
from tests.runtime.toolchain import need_module


@pytest.fixture(scope="session", params=["fashion-mnist-dense", "fashion-mnist-conv"])
def mcu_result(request, tmp_path_factory):
    """The export of each reference model with --target mcu."""
    need_module("tflite_micro")
    return vae_export.export(request.param, tmp_path_factory.mktemp("mcu") / "bundle", target="mcu")


@pytest.fixture
def halves(mcu_result):
    """(entry of the artifact, entry of its source) by role."""
    manifest = mcu_result.manifest
    return {
        source["role"]: (artifact, source)
        for artifact, source in zip(manifest["artifacts"], manifest["microcontroller"], strict=True)
    }
