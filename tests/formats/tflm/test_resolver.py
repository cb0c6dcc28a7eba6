"""Operators of TensorFlow Lite Micro."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.runtime.toolchain import need_module
from vae_export.errors import ConversionError
from vae_export.formats.tflm.resolver import METHODS, resolver_methods

# A file of one operator for each code, which the interpreter may find anything wrong with but that it has none.
ASK = """
import os, sys, tempfile
import flatbuffers
import numpy as np
from tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

def file(code):
    model, kind, graph, operator = schema.ModelT(), schema.OperatorCodeT(), schema.SubGraphT(), schema.OperatorT()
    kind.builtinCode, kind.deprecatedBuiltinCode, kind.version = code, min(code, 127), 1
    for name in (b"in", b"out"):
        tensor = schema.TensorT()
        tensor.shape, tensor.name, tensor.buffer = np.array([1], np.int32), name, 0
        graph.tensors = [*(graph.tensors or []), tensor]
    graph.inputs = operator.inputs = np.array([0], np.int32)
    graph.outputs = operator.outputs = np.array([1], np.int32)
    graph.operators = [operator]
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [kind], [graph], [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())

for name in sys.argv[1:]:
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if not child:
            os.dup2(said.fileno(), 2)
            try:
                runtime.Interpreter.from_bytes(file(getattr(schema.BuiltinOperator, name)), arena_size=100000)
            except RuntimeError:
                pass
            os._exit(0)
        os.waitpid(child, 0)
        said.seek(0)
        print(name, b"Didn't find op" not in said.read())
"""


def test_the_interpreter_has_each_of_them_and_no_other():
    need_module("tflite_micro")
    lacking = ["GELU", "TILE", "CONV_3D", "SELECT"]
    done = subprocess.run(
        [sys.executable, "-c", ASK, *METHODS, *lacking], capture_output=True, text=True, check=True
    )
    answers = dict(line.split() for line in done.stdout.splitlines())
    assert answers == {**dict.fromkeys(METHODS, "True"), **dict.fromkeys(lacking, "False")}


def test_methods_are_called_as_the_operators_are():
    for kind, method in METHODS.items():
        assert method.removeprefix("Add").upper() == re.sub("_", "", kind)


def test_methods_of_a_file():
    assert resolver_methods("a", ["RESHAPE", "CONV_2D", "RESHAPE"]) == ("AddConv2D", "AddReshape")


def test_all_operators_that_are_lacking_are_named():
    with pytest.raises(
        ConversionError,
        match=r"^decoder\.int8\.tflite: holds GELU, TILE, which TensorFlow Lite Micro does not have; replace",
    ):
        resolver_methods("decoder.int8.tflite", ["ADD", "TILE", "GELU"])
