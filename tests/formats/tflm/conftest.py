"""Both reference models as bundles for microcontrollers, made once a run."""

from __future__ import annotations

import pytest

import vae_export
from tests.runtime.toolchain import need_module


@pytest.fixture(scope="session", params=["fashion-mnist-dense", "fashion-mnist-conv"])
def mcu_result(request, export_once):
    """The export of each reference model for microcontrollers."""
    need_module("tflite_micro")
    name = request.param
    return export_once(f"{name}-tflm", lambda path: vae_export.export(name, path, format="tflm"))


@pytest.fixture
def halves(mcu_result):
    """(entry of the .tflite file, entry of the source made of it) by role."""
    by_format = {
        (entry["role"], entry["format"]): entry for entry in mcu_result.manifest.to_dict()["artifacts"]
    }
    return {role: (by_format[role, "tflite"], by_format[role, "tflm"]) for role in ("encoder", "decoder")}
