import pytest
from onnx import defs

from vae_export.errors import ConversionError
from vae_export.formats.onnx import operators as onnx
from vae_export.formats.operators import refuse_operators
from vae_export.formats.tflite import operators as tflite
from vae_export.private.litert import schema

RANDOM = onnx.RANDOM | tflite.RANDOM


def test_standard_operators_pass():
    refuse_operators("decoder.onnx", ["MatMul", "Relu"], [], RANDOM)


@pytest.mark.parametrize("operator", sorted(RANDOM))
def test_random_operators(operator):
    with pytest.raises(
        ConversionError, match=rf"^decoder\.onnx: holds the random operator {operator}, expected"
    ):
        refuse_operators("decoder.onnx", ["MatMul", operator], [], RANDOM)


def test_custom_operators_are_all_named():
    with pytest.raises(
        ConversionError, match=r"^d\.tflite: holds FlexErf, MyOp, which is no standard operator"
    ):
        refuse_operators("d.tflite", ["ADD"], ["MyOp", "FlexErf", "MyOp"], RANDOM)


@pytest.mark.parametrize("table", [onnx, tflite], ids=["onnx", "tflite"])
def test_classes_lie_within_each_other(table):
    assert table.VALUE_PRESERVING < table.MOVING
    assert not table.RANDOM & table.MOVING


def test_names_are_those_of_the_formats():
    standard = {schema.name for schema in defs.get_all_schemas()}
    assert standard >= onnx.RANDOM | onnx.MOVING | onnx.SCALE_PRESERVING | onnx.CLASS_PRESERVING
    assert set(vars(schema.BuiltinOperator)) >= tflite.RANDOM | tflite.MOVING
