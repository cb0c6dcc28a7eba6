import pytest

from vae_export.errors import ConversionError
from vae_export.formats.operators import RANDOM_OPERATORS, refuse_operators


def test_standard_operators_pass():
    refuse_operators("decoder.onnx", ["MatMul", "Relu"], [])


@pytest.mark.parametrize("operator", sorted(RANDOM_OPERATORS))
def test_random_operators(operator):
    with pytest.raises(
        ConversionError, match=rf"^decoder\.onnx: holds the random operator {operator}, expected"
    ):
        refuse_operators("decoder.onnx", ["MatMul", operator], [])


def test_custom_operators_are_all_named():
    with pytest.raises(
        ConversionError, match=r"^d\.tflite: holds FlexErf, MyOp, which is no standard operator"
    ):
        refuse_operators("d.tflite", ["ADD"], ["MyOp", "FlexErf", "MyOp"])
