import pytest

from tests.tiny_models import tiny_vae
from vae_export.core.half import Half, TraceableHalf
from vae_export.errors import ConversionError
from vae_export.formats.onnx.convert import convert_to_onnx
from vae_export.formats.tflite.convert import convert_to_tflite
from vae_export.split.split_vae import split


class Elsewhere:
    """A half of some framework that TensorFlow cannot trace."""

    role = "encoder"

    def __init__(self):
        self.inputs, self.outputs = {}, {}

    def run(self, inputs):
        return {}

    def run_exact(self, inputs):
        return None

    def run_moved(self, inputs, seed):
        return {}


@pytest.mark.parametrize(
    ("convert", "file"),
    [
        (lambda half: convert_to_onnx(half, name="m"), "encoder.onnx"),
        (convert_to_tflite, "encoder.tflite"),
    ],
    ids=["onnx", "tflite"],
)
def test_a_half_of_another_framework_is_refused(convert, file):
    half: Half = Elsewhere()
    with pytest.raises(
        ConversionError,
        match=rf"^{file}: got a Elsewhere, expected one that TensorFlow can trace; choose another --format$",
    ):
        convert(half)


def test_a_half_of_keras_can_be_traced():
    assert isinstance(split(tiny_vae()).encoder, TraceableHalf)
