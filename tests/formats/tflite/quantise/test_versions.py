import pytest

from tests.formats.tflite.quantise import files
from vae_export.errors import ConversionError
from vae_export.formats.tflite.description import minimum_runtime
from vae_export.formats.tflite.flatbuffer import to_bytes
from vae_export.formats.tflite.quantise import versions as tflite_versions
from vae_export.formats.tflite.quantise.versions import state_versions
from vae_export.private.litert import read_model


def test_wrong_versions_are_put_right():
    data = files.quantised("dense", "encoder", "dynamic-int8").data
    model = read_model(data)
    for code in model.operatorCodes:
        code.version = 1
    model.metadata = []
    wrong = to_bytes(model)
    model = read_model(wrong)
    state_versions(model, wrong, "encoder.dynamic-int8.tflite")
    # RESHAPE and FULLY_CONNECTED, which has one version for all, the highest.
    assert sorted(code.version for code in model.operatorCodes) == [1, 12]
    assert minimum_runtime(model) == "2.17.0"


def test_weights_that_are_mostly_zeros_are_not_taken_for_sparse_ones():
    data = files.float_file("dense", "decoder", batches=(1,)).data
    model = read_model(data)
    for buffer in model.buffers:
        if buffer.data is not None and len(buffer.data) > 10000:
            buffer.data = buffer.data * 0
    zeros = to_bytes(model)
    model = read_model(zeros)
    state_versions(model, zeros, "decoder.float16.tflite")
    assert {code.version for code in model.operatorCodes} == {1}


def test_other_operators_than_expected(monkeypatch):
    other = files.float_file("dense", "encoder", batches=(1,)).data
    monkeypatch.setattr(tflite_versions, "rewrite_file", lambda data: other)
    data = files.float_file("dense", "decoder", batches=(1,)).data
    message = (
        r"^decoder\.float16\.tflite: TensorFlow reads the operators RESHAPE, FULLY_CONNECTED, .*, expected "
        r"FULLY_CONNECTED, FULLY_CONNECTED, LOGISTIC, RESHAPE: their versions are unknown; use a tested "
    )
    with pytest.raises(ConversionError, match=message):
        state_versions(read_model(data), data, "decoder.float16.tflite")
