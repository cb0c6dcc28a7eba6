"""The trained models as float files, each made once, what to calibrate them with, and how files are run."""

from __future__ import annotations

import functools

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from vae_export.core.artifact import Quantisation
from vae_export.formats import FORMATS
from vae_export.formats.tflite.convert import convert_to_tflite
from vae_export.io.quiet import quiet
from vae_export.runtime.python import vae_runtime
from vae_export.sources.keras_loading import load_model
from vae_export.sources.reference_models import reference_models
from vae_export.split.split_vae import split

BATCHES = (1, 16, 64)
# Half of the samples calibrates, the other half is what figures are of.
ROWS = 128


@functools.cache
def half(model, role):
    """A half of a reference model, "dense" or "conv"."""
    return getattr(_cut(model), role)


@functools.cache
def _cut(model):
    with quiet():
        return split(load_model(reference_models()[f"fashion-mnist-{model}"]), model)


@functools.cache
def float_file(model, role, for_integers=False, batches=BATCHES):
    """A half as a float32 .tflite file."""
    return convert_to_tflite(half(model, role), batches=batches, for_integers=for_integers)


@functools.cache
def samples(model):
    """Real x, in two parts."""
    x = np.load(reference_models()[f"fashion-mnist-{model}"].parent / "samples.npz")["x"]
    x = x.reshape(len(x), 28, 28, 1) / np.float32(255)
    return x[:ROWS], x[ROWS : 2 * ROWS]


@functools.cache
def computed(model, role):
    """Rows to compare on -> what Keras computes of them: ``(inputs, outputs)``."""
    inputs = {"x": samples(model)[1]} if role == "encoder" else {"z": draws(model, 1)}
    outputs = half(model, role).run(inputs)
    return inputs, {name: np.asarray(value) for name, value in outputs.items()}


@functools.cache
def draws(model, part):
    """z of real samples, of the prior, and, to calibrate, as far out as one of 16000 draws is."""
    outputs = half(model, "encoder").run({"x": samples(model)[part]})
    mu, logvar = (np.asarray(outputs[name]) for name in ("mu", "logvar"))
    size = mu.shape[1]
    posterior = vae_runtime.sample(mu, logvar, seed=part)
    prior = vae_runtime.normal(part, 1, 0, ROWS * size).reshape(ROWS, size)
    if part:
        return np.concatenate([posterior, prior])
    radius = {2: 4.4, 16: 6.87}[size]
    shell = prior / np.linalg.norm(prior, axis=1, keepdims=True) * np.float32(radius)
    return np.concatenate([posterior, prior, shell]).astype(np.float32)


def quantise_tflite(source, precision, rows, **options):
    """A float32 artifact in a precision, as an export makes it."""
    return FORMATS["tflite"].quantise(source, precision, rows, **options)


def calibration(model, role):
    """Rows for `quantise_tflite`."""
    return {"x": samples(model)[0]} if role == "encoder" else {"z": draws(model, 0)}


@functools.cache
def quantised(model, role, precision, **options):
    """A half in a precision, from the file that suits it."""
    artifact = float_file(model, role, for_integers=precision == "int8")
    return quantise_tflite(artifact, precision, calibration(model, role), **options)


def run(artifact, inputs, batch=64):
    """Run a signature on rows that may be more; integers that stand for floats go in and come out as floats."""
    interpreter = Interpreter(model_content=artifact.data, num_threads=1)
    signature = interpreter.get_signature_runner(f"batch_{batch}")
    count, results = len(next(iter(inputs.values()))), []
    size = count if batch == "any" else batch
    for start in range(0, count, size):
        indices = np.arange(start, start + size) % count
        given = {spec.name: to_stored(inputs[spec.name][indices], spec) for spec in artifact.inputs}
        results.append(signature(**given))
    return {
        spec.name: to_values(np.concatenate([result[spec.name] for result in results])[:count], spec)
        for spec in artifact.outputs
    }


def to_stored(values, spec):
    """What goes into the file for some values."""
    if spec.quantisation is None:
        return values
    stored = np.rint(values / np.float32(spec.quantisation.scale)) + spec.quantisation.zero_point
    return np.clip(stored, -128, 127).astype(spec.dtype)


def to_values(stored, spec):
    """What comes out of the file as values."""
    assert stored.dtype == spec.dtype
    known = spec.quantisation or Quantisation(1, 0)
    return (stored.astype(np.float32) - known.zero_point) * np.float32(known.scale)


def psnr(expected, actual):
    """Of pictures in [0, 1], in decibels."""
    return -10 * np.log10(np.square(expected.astype(np.float64) - actual).mean())


def kl(expected, actual):
    """From the posterior of a quantised encoder to the one of Keras, mean of all rows, in nats."""
    m0, l0, m1, l1 = (
        side[name].astype(np.float64) for side in (expected, actual) for name in ("mu", "logvar")
    )
    terms = l1 - l0 + np.exp(l0 - l1) + np.square(m0 - m1) * np.exp(-l1) - 1
    return 0.5 * terms.sum(axis=1).mean()


def figure(model, role, artifact, batch=64):
    """PSNR of a decoder in decibels, or minus the KL of an encoder in nats: more is better."""
    inputs, expected = computed(model, role)
    actual = run(artifact, inputs, batch)
    if role == "encoder":
        return -kl(expected, actual)
    return psnr(expected["reconstruction"], actual["reconstruction"])
