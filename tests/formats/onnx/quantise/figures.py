"""What quantisation costs, and small .onnx files to try it on."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import onnxruntime
from onnx import numpy_helper

from vae_export.core.artifact import Artifact, TensorSpec
from vae_export.formats import FORMATS


def run(artifact, inputs):
    """The outputs of an .onnx file by name."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(artifact.data, options)
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def psnr(expected, actual):
    """Peak signal to noise ratio of pictures in [0, 1], in dB: over all of them, and of the worst."""
    errors = np.square(actual.astype(np.float64) - expected).reshape(len(expected), -1).mean(axis=1)
    return -10 * np.log10(errors.mean()), -10 * np.log10(errors.max())


def kl(expected, actual):
    """KL divergence of the posterior from what it was, in nats: mean and largest."""
    mu, logvar, new_mu, new_logvar = (
        values[name].astype(np.float64) for values in (expected, actual) for name in ("mu", "logvar")
    )
    terms = new_logvar - logvar + np.exp(logvar - new_logvar) + (mu - new_mu) ** 2 * np.exp(-new_logvar) - 1
    rows = 0.5 * terms.reshape(len(mu), -1).sum(axis=1)
    return rows.mean(), rows.max()


def sqnr(expected, actual):
    """Signal to noise ratio in dB, the mean being no signal."""
    noise = np.square(actual.astype(np.float64) - expected).sum()
    return 10 * np.log10(np.square(expected - expected.mean(dtype=np.float64)).sum() / noise)


def weights_of(artifact):
    """dtype -> how many numbers of it the file holds."""
    counts = {}
    for initializer in onnx.load_from_string(artifact.data).graph.initializer:
        values = numpy_helper.to_array(initializer)
        counts[values.dtype.name] = counts.get(values.dtype.name, 0) + values.size
    return counts


def domains_of(artifact):
    """The sets of operators that the file asks for, or that a node is of."""
    model = onnx.load_from_string(artifact.data)
    return {opset.domain for opset in model.opset_import} | {node.domain for node in model.graph.node}


def decoder_of(text, batches=None, **weights):
    """An artifact of a graph in ONNX' text: z goes in, reconstruction comes out, both of float32."""
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["": 17]> {text}')
    model.graph.initializer.extend(numpy_helper.from_array(values, name) for name, values in weights.items())
    onnx.helper.set_model_props(model, {"name": "m", "role": "decoder"})

    def specs(values):
        shapes = [value.type.tensor_type.shape.dim for value in values]
        return tuple(
            TensorSpec(value.name, (None, *(axis.dim_value or None for axis in shape[1:])), "float32")
            for value, shape in zip(values, shapes, strict=True)
        )

    return Artifact(
        role="decoder",
        format="onnx",
        precision="float32",
        files={"decoder.onnx": model.SerializeToString()},
        inputs=specs(model.graph.input),
        outputs=specs(model.graph.output),
        batches=batches,
        preferred_batch=64,
        operators=tuple(sorted({node.op_type for node in model.graph.node})),
        oldest_runtime="onnxruntime 1.12",
        details={"opset": 17, "ir_version": 8},
    )


def quantise_onnx(artifact, precision, rows, *, keep_float=()):
    """An .onnx file in a lower precision, by the format's recipe."""
    return FORMATS["onnx"].quantise(artifact, precision, rows, keep_float=keep_float)
