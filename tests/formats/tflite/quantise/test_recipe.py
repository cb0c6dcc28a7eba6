import importlib.util

import pytest

import vae_export
from vae_export.errors import MissingDependencyError
from vae_export.formats import FORMATS
from vae_export.formats.tflite.quantise.recipe import need_quantizer


@pytest.fixture
def without(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)


@pytest.mark.parametrize("precision", ["float16", "dynamic-int8", "int16x8"])
def test_the_extra_is_named_before_anything_is_begun(without, tmp_path, precision):
    with pytest.raises(
        MissingDependencyError,
        match=rf"^precision: {precision} of \.tflite files needs litert-quantizer, which is not installed; pip "
        r"install 'vae-export\[int8\]'$",
    ):
        vae_export.export(output=tmp_path / "b", format="tflite", precision=["float32", precision])


def test_other_precisions_do_not_need_it(without):
    need_quantizer({"int8": FORMATS["tflite"].recipes["int8"]})
