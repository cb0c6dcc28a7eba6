"""TensorFlow Lite Micro, in a process of its own."""

from __future__ import annotations

import numpy as np
import pytest

from tests.runtime.toolchain import need_module
from vae_export.errors import ConversionError, MissingDependencyError
from vae_export.formats.tflite.convert import convert_to_tflite
from vae_export.formats.tflm import interpreter as tflm
from vae_export.formats.tflm.interface import interface_of


def rows_of(artifact):
    rng = np.random.default_rng(0)
    return [rng.random((2, *spec["shape"][1:]), np.float32) for spec in artifact["inputs"]]


@pytest.mark.parametrize("role", ["encoder", "decoder"])
def test_the_arena_is_large_enough_and_not_much_too_large(mcu_result, halves, role):
    artifact, source = halves[role]
    data = (mcu_result.path / artifact["file"]).read_bytes()
    rows, size = rows_of(artifact), source["details"]["arena_bytes"]
    outputs = tflm.run_in_tflm(role, data, rows, size)
    shapes = {tensor["name"]: (2, *tensor["shape"][1:]) for tensor in artifact["outputs"]}
    assert [array.shape for array in outputs] == [shapes[tensor["name"]] for tensor in source["outputs"]]
    assert size % 16 == 0
    assert tflm.find_arena(role, data, rows) <= size
    with pytest.raises(ConversionError, match=rf"^{role}: TensorFlow Lite Micro (refuses|dies of) it \("):
        tflm.run_in_tflm(role, data, rows, int(0.7 * size))


def test_what_the_interpreter_lacks_is_read_from_what_it_says(tmp_path):
    need_module("tflite_micro")
    import keras

    from tests.tiny_models import half_of

    x = keras.Input((4,), batch_size=None)
    y = keras.layers.Activation(lambda t: keras.activations.gelu(t, approximate=True))(x)
    half = half_of(keras.Model(x, {"reconstruction": y}))
    data = convert_to_tflite(half, batches=(1,)).data
    with pytest.raises(
        ConversionError,
        match=r"^decoder: holds GELU, which TensorFlow Lite Micro does not have; change the model",
    ):
        tflm.find_arena("decoder", data, [np.zeros((1, 4), np.float32)])


def test_a_file_that_is_none(tmp_path):
    need_module("tflite_micro")
    with pytest.raises(ConversionError, match=r"^a: TensorFlow Lite Micro (refuses|dies of) it"):
        tflm.find_arena("a", b"nothing at all" * 9, [np.zeros((1, 4), np.float32)])


def test_several_signatures_are_refused(tiny_split):
    data = convert_to_tflite(tiny_split.decoder, batches=(1, 16)).data
    with pytest.raises(ConversionError, match=r"^d: got 2 signatures and 2 subgraphs, expected one of each"):
        interface_of("d", data)


def test_without_tflite_micro(monkeypatch):
    monkeypatch.setattr(tflm.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(
        MissingDependencyError,
        match=r"^format tflm: tflite-micro is not installed, .*; pip install --pre tflite-micro$",
    ):
        tflm.need_tflm()
