"""Faults in files: graphs and weights of artifacts, edited."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from vae_export.formats.tflite.flatbuffer import to_bytes
from vae_export.private.litert import read_model, schema


@dataclass(frozen=True)
class FileFault:
    """A fault in the file of the decoder of a VAE of convolutions."""

    name: str
    format: str
    edit: object


def edited(artifact, fault):
    """An artifact with a fault."""
    if artifact.format == "onnx":
        model = onnx.load_from_string(artifact.data)
        fault.edit(model)
        data = model.SerializeToString()
    else:
        model = read_model(artifact.data)
        fault.edit(model)
        data = to_bytes(model)
    return replace(artifact, files={artifact.file: data})


def biggest(model, change):
    """Change the weights with the most values."""
    tensors = [one for one in model.graph.initializer if one.data_type == TensorProto.FLOAT]
    tensor = max(tensors, key=lambda one: np.prod(one.dims))
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor).copy()), tensor.name))


def one_off(array):
    flat = array.reshape(-1)
    flat[np.abs(flat).argmax()] *= 1.01
    return array


def first(model, kind):
    return next(node for node in model.graph.node if node.op_type == kind)


def replace_operator(kind, other):
    def edit(model):
        first(model, kind).op_type = other

    return edit


def shift_pads(model):
    node = next(
        n for n in model.graph.node if n.op_type == "Conv" and any(a.name == "pads" for a in n.attribute)
    )
    (pads,) = [a for a in node.attribute if a.name == "pads"]
    ints = list(pads.ints)
    half = len(ints) // 2
    del pads.ints[:]
    pads.ints.extend([n + 1 for n in ints[:half]] + [n - 1 for n in ints[half:]])


def rename(model):
    old = model.graph.output[0].name
    model.graph.output[0].name = "image"
    for node in model.graph.node:
        node.output[:] = ["image" if name == old else name for name in node.output]


def in_double(model):
    graph = model.graph
    name = graph.output[0].name
    for node in graph.node:
        node.output[:] = ["single" if one == name else one for one in node.output]
        node.input[:] = ["single" if one == name else one for one in node.input]
    graph.node.append(helper.make_node("Cast", ["single"], [name], to=TensorProto.DOUBLE))
    graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def in_half(model):
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            array = numpy_helper.to_array(tensor).astype(np.float16).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def weights_of(model):
    """Buffers of float32 weights, the largest last."""
    used = {
        tensor.buffer
        for graph in model.subgraphs
        for tensor in graph.tensors
        if tensor.type == schema.TensorType.FLOAT32
    }
    found = [
        model.buffers[n] for n in used if model.buffers[n].data is not None and len(model.buffers[n].data)
    ]
    return sorted(found, key=lambda buffer: len(buffer.data))


def buffer_edit(which, change):
    def edit(model):
        for buffer in weights_of(model)[which]:
            array = np.frombuffer(bytes(buffer.data), np.float32).copy()
            buffer.data = np.frombuffer(change(array).astype(np.float32).tobytes(), np.uint8)

    return edit


def without_activation(model):
    """Of the first operator with a fused relu, in all signatures."""
    for graph in model.subgraphs:
        for operator in graph.operators:
            if getattr(operator.builtinOptions, "fusedActivationFunction", 0):
                operator.builtinOptions.fusedActivationFunction = 0
                break


LAST = slice(-1, None)
FILE_FAULTS = [
    FileFault("file: one weight off by 1 %", "onnx", lambda model: biggest(model, one_off)),
    FileFault("file: weights reversed", "onnx", lambda model: biggest(model, lambda a: a[::-1])),
    FileFault("file: float16 weights", "onnx", in_half),
    FileFault("file: tanh for sigmoid", "onnx", replace_operator("Sigmoid", "Tanh")),
    FileFault("file: LeakyRelu for Relu", "onnx", replace_operator("Relu", "LeakyRelu")),
    FileFault("file: pads shifted", "onnx", shift_pads),
    FileFault("file: output renamed", "onnx", rename),
    FileFault("file: output in float64", "onnx", in_double),
    FileFault("file: one weight off by 1 %", "tflite", buffer_edit(LAST, one_off)),
    FileFault("file: weights reversed", "tflite", buffer_edit(LAST, lambda a: a[::-1])),
    FileFault("file: float16 weights", "tflite", buffer_edit(slice(None), lambda a: a.astype(np.float16))),
    FileFault("file: relu left out", "tflite", without_activation),
]
