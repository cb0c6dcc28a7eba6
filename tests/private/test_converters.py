"""The same for TensorFlow, LiteRT, tf2onnx and ONNX Runtime."""

import os

import numpy as np
import tensorflow as tf

from vae_export.formats.onnx.convert import convert_to_onnx
from vae_export.formats.ort.convert import convert_to_ort
from vae_export.formats.tflite.convert import convert_to_tflite
from vae_export.formats.tflite.flatbuffer import to_bytes
from vae_export.private import litert, onnxruntime, tensorflow, tf2onnx


def ranged(data):
    """A file whose float tensors have ranges."""
    model = litert.read_model(data)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            held = model.buffers[tensor.buffer].data
            if tensor.type == litert.schema.TensorType.FLOAT32 and (held is None or not len(held)):
                tensor.quantization = litert.schema.QuantizationParametersT()
                tensor.quantization.min = np.float32([-4])
                tensor.quantization.max = np.float32([4])
    return to_bytes(model)


def kinds(data):
    return {tensor.type for tensor in litert.read_model(data).subgraphs[0].tensors}


def test_tensorflow_quantises_and_rewrites_files(tiny_split):
    data = convert_to_tflite(tiny_split.decoder, batches=(1,)).data
    assert tf.__version__ == tensorflow.VERSION
    int8 = litert.schema.TensorType.INT8
    assert int8 not in kinds(data)
    assert int8 in kinds(tensorflow.quantise_file(ranged(data), tf.float32, ()))
    assert int8 in kinds(tensorflow.rewrite_file(tensorflow.quantise_file(ranged(data), tf.int8, ())))


def test_tf2onnx_looks_at_the_variable():
    before = os.environ.get("TF2ONNX_CATCH_ERRORS")
    with tf2onnx.optimised_in_place():
        assert os.environ["TF2ONNX_CATCH_ERRORS"] == "FALSE"
    assert os.environ.get("TF2ONNX_CATCH_ERRORS") == before


def test_onnx_runtimes_flatbuffers(tiny_split):
    data = convert_to_ort(convert_to_onnx(tiny_split.decoder, name="m")).data
    root = onnxruntime.read_session(data)
    assert root.OrtVersion().isdigit()
    assert 0 < onnxruntime.table_of(root.Model()).Pos < len(data)
