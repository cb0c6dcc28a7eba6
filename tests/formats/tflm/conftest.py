"""Both reference models as bundles for microcontrollers, made once a run."""

from __future__ import annotations

import pytest

import vae_export
from tests.runtime.toolchain import need_module


@pytest.fixture(scope="session", params=["fashion-mnist-dense", "fashion-mnist-conv"])
def mcu_result(request, tmp_path_factory):
    """The export of each reference model for microcontrollers."""
    need_module("tflite_micro")
    return vae_export.export(request.param, tmp_path_factory.mktemp("mcu") / "bundle", format="tflm")


@pytest.fixture
def halves(mcu_result):
    """(entry of the .tflite file, entry of the source made of it) by role."""
    by_format = {
        (entry["role"], entry["format"]): entry for entry in mcu_result.manifest.to_dict()["artifacts"]
    }
    return {role: (by_format[role, "tflite"], by_format[role, "tflm"]) for role in ("encoder", "decoder")}
