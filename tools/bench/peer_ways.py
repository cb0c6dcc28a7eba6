"""Every way by which a user gets the halves of a Keras VAE to run, and vae-export's.

A way takes (half, batch size, folder) and gives (arrays to arrays, the file or None); it raises what its
libraries raise. On one thread.
"""

import re

import keras
import numpy as np
import tensorflow as tf
import tf2onnx
from bare_runtimes import litert_interpreter, litert_signature, onnx_session

from vae_export.errors import one_line
from vae_export.runtime.python import vae_runtime

__all__ = ["WAYS", "bare_files", "helpers", "multiply_adds", "reason"]


# ---- In TensorFlow ----


def in_predict(half, batch, folder):
    return lambda x: half.predict(x, batch_size=batch, verbose=0), None


def in_graph(half, batch, folder):
    function = positional(half)
    return lambda x: arrays(function(x)), None


def in_xla(half, batch, folder):
    function = tf.function(lambda x: half(x, training=False), jit_compile=True)
    return lambda x: arrays(function(x)), None


def positional(half):
    return tf.function(lambda x: half(x, training=False))


def arrays(outputs):
    return [output.numpy() for output in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]


# ---- In ONNX Runtime ----


def in_onnx_runtime(make):
    """A way whose file ONNX Runtime runs."""

    def way(half, batch, folder):
        file = folder / f"{make.__name__}.onnx"
        if not file.exists():
            make(half, file)
        return onnx_session(file), file

    return way


def keras_onnx(half, file):
    half.export(str(file), format="onnx", verbose=False)


def bare_tf2onnx(half, file):
    signature = [tf.TensorSpec(half.inputs[0].shape, half.inputs[0].dtype)]
    tf2onnx.convert.from_function(positional(half), signature, opset=17, output_path=str(file))


# ---- In LiteRT ----


def in_litert(make):
    """A way whose file LiteRT runs, resized to the batch."""

    def way(half, batch, folder):
        file = folder / f"{make.__name__}.tflite"
        if not file.exists():
            make(half, file)
        return litert_interpreter(file, batch), file

    return way


def litert_of_one_batch(half, batch, folder):
    """The converter again for each batch size: shapes are static, the weights are in each file."""
    file = folder / f"{batch}.tflite"
    x = keras.Input(batch_shape=(batch, *half.inputs[0].shape[1:]))
    bare_converter(keras.Model(x, half(x)), file)
    return litert_interpreter(file, batch), file


def keras_litert(half, file):
    half.export(str(file), format="litert", verbose=False)


def bare_converter(half, file):
    file.write_bytes(tf.lite.TFLiteConverter.from_keras_model(half).convert())


WAYS = {
    "Keras `predict`": in_predict,
    "`tf.function`": in_graph,
    "`tf.function`, XLA": in_xla,
    'Keras `export("onnx")`': in_onnx_runtime(keras_onnx),
    "tf2onnx": in_onnx_runtime(bare_tf2onnx),
    'Keras `export("litert")`': in_litert(keras_litert),
    "TFLiteConverter": in_litert(bare_converter),
    "TFLiteConverter, a file a batch size": litert_of_one_batch,
}


# ---- vae-export's ----


def bare_files(bundle, role, batch):
    """(name, run, bytes): the files, in the bare runtimes."""
    file = bundle / f"{role}.onnx"
    yield "**vae-export**, .onnx", onnx_session(file), file.stat().st_size
    file = bundle / f"{role}.tflite"
    yield "**vae-export**, .tflite", litert_signature(file, batch), file.stat().st_size


def helpers(bundle, role):
    """(name, run, bytes): the runtime object, with its checks; "whole" draws epsilon in between."""
    for backend in ("onnx", "tflite"):
        vae = vae_runtime.load(bundle, backend, threads=1)
        run = {"decoder": vae.decode, "encoder": vae.encode, "whole": vae.reconstruct}[role]
        files = [bundle / f"{half}.{backend}" for half in ("encoder", "decoder") if role in (half, "whole")]
        size = sum(file.stat().st_size for file in files)
        yield f"**vae-export**, .{backend} in `vae_runtime.py`", run, size


def multiply_adds(half):
    """Of one row: every weight times how often it is used."""
    total = 0
    for layer in half.layers:
        if isinstance(layer, keras.Model):
            total += multiply_adds(layer)
        elif isinstance(layer, keras.layers.Dense):
            total += layer.kernel.shape.num_elements()
        elif isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)):
            transposed = isinstance(layer, keras.layers.Conv2DTranspose)
            places = layer.input.shape[1:3] if transposed else layer.output.shape[1:3]
            total += layer.kernel.shape.num_elements() * int(np.prod(places))
    return total


def reason(error):
    """What a library says, in one line: the operators it cannot take, or the end of its text."""
    text = str(error)
    operators = re.findall(r"'tf\.(\w+)' op is neither|No Op registered for (\w+)|\((Flex\w+)\) failed", text)
    if operators:
        names = sorted({name for groups in operators for name in groups if name})
        return f"{type(error).__name__}: no operator for {', '.join(names)}"
    return f"{type(error).__name__}: {one_line(text, 160)}"
