"""What the code of a Lambda computes on tensors, against the function itself."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tests.bytecode.sources import SOURCES
from vae_export.bytecode.formula import NotUnderstoodError
from vae_export.bytecode.reading import read_function
from vae_export.errors import ModelError
from vae_export.sources.keras_loading import load_model
from vae_export.split.lambdas.evaluation import Evaluation, UnknownNameError
from vae_export.split.lambdas.functions import function_at
from vae_export.split.lambdas.layer import ReadLambda
from vae_export.split.split_vae import split

ROOT = Path(__file__).parent.parent
STORED = json.loads((ROOT / "bytecode" / "lambdas.json").read_text())
RNG = np.random.default_rng(0)
FLAT = RNG.standard_normal((5, 6)).astype(np.float32)
STEPS = RNG.standard_normal((5, 4, 6)).astype(np.float32)
PAIR = [RNG.standard_normal((5, 2)).astype(np.float32) for _ in range(2)]
INPUTS = {
    "with defaults": FLAT, "identity": FLAT, "pixels": FLAT, "reshape": FLAT, "flatten": STEPS, "swap": STEPS,
    "channels": STEPS, "norm": FLAT, "power": FLAT, "closure": FLAT, "tutorial": PAIR, "lambda": PAIR,
    "operations": PAIR, "imports inside": PAIR, "one tensor": FLAT, "split": FLAT, "clipped": PAIR,
}  # fmt: skip
LIVE = {"K": keras.backend, "tf": tf, "keras": keras, "ops": ops, "np": np}


def computed(name, inputs, version="3.8", names=None, **arguments):
    formula = read_function(base64.b64decode(STORED[name][version]), [3.0] if name == "closure" else None)
    first = formula.arguments[0]
    return Evaluation(formula, {first: inputs, **arguments}, names or {}).result()


def drawn_as_ones(monkeypatch):
    ones = lambda shape, mean=0.0, stddev=1.0, **_: tf.ones(shape) * stddev + mean  # noqa: E731
    for module, name in ((keras.random, "normal"), (tf.random, "normal")):
        monkeypatch.setattr(module, name, ones)
    monkeypatch.setattr(keras.backend, "random_normal", ones, raising=False)


@pytest.mark.parametrize("version", ["3.6", "3.10", "3.11", "3.12", "3.13"])
@pytest.mark.parametrize("name", INPUTS)
def test_it_computes_what_the_function_computes(name, version, monkeypatch):
    drawn_as_ones(monkeypatch)
    for missing in ("shape", "int_shape", "exp", "clip", "sqrt", "square", "sum", "reshape", "concatenate"):
        if not hasattr(keras.backend, missing):
            monkeypatch.setattr(keras.backend, missing, legacy(missing), raising=False)
    space = dict(LIVE)
    exec(SOURCES[name], space)
    inputs = (
        [tf.constant(one) for one in INPUTS[name]]
        if isinstance(INPUTS[name], list)
        else tf.constant(INPUTS[name])
    )
    arguments = {"low": -6.0, "high": 4.0} if name == "clipped" else {}
    if name == "with defaults":
        arguments = {"scale": 2.0}
    expected = space["f"](inputs, **arguments)
    np.testing.assert_allclose(computed(name, inputs, version, **arguments), expected, rtol=1e-6, atol=1e-6)


def legacy(name):
    """A function of the Keras 2 backend, in TensorFlow's own words."""
    return {
        "shape": tf.shape,
        "int_shape": lambda x: tuple(x.shape),
        "exp": tf.exp,
        "clip": tf.clip_by_value,
        "sqrt": tf.sqrt,
        "square": tf.square,
        "sum": lambda x, axis, keepdims: tf.reduce_sum(x, axis, keepdims),
        "reshape": tf.reshape,
        "concatenate": tf.concat,
    }[name]


@pytest.mark.parametrize(
    ("name", "inputs", "message"),
    [
        ("system", FLAT, r"^a call of os\.system, which is not known$"),
        ("unknown function", FLAT, r"^a call of helper, which is not known$"),
        ("numpy noise", PAIR, r"^a call of np\.random\.normal, which is not known$"),
        ("method", FLAT, r"^the attribute 'numpy'$"),
        ("tutorial", FLAT, r"^a tensor unpacked along the batch$"),
        ("swap", FLAT, r"^tf\.transpose\(x, perm=\[0, 2, 1\]\) \("),
        ("clipped", PAIR, r"^the argument 'low', which has no value in the file$"),
    ],
)
def test_what_is_not_known_is_named(name, inputs, message):
    with pytest.raises(NotUnderstoodError, match=message):
        computed(name, inputs if isinstance(inputs, list) else tf.constant(inputs))


def test_a_name_without_a_value():
    with pytest.raises(UnknownNameError, match=r"^the name 'epsilon_std', whose value is not in the file$"):
        computed("old names", PAIR)
    assert computed("old names", PAIR, names={"epsilon_std": 0.5}).shape == (5, 2)


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("K.random_normal", "K.random_normal"),
        ("keras.backend.exp", "K.exp"),
        ("tensorflow.keras.backend.exp", "K.exp"),
        ("tf.math.softplus", "tf.softplus"),
        ("tf.nn.softplus", "tf.softplus"),
        ("tf.compat.v1.random_normal", "tf.random_normal"),
        ("keras.ops.exp", "ops.exp"),
    ],
)
def test_spellings(path, canonical):
    assert function_at(path).path == canonical


@pytest.mark.parametrize(
    "path",
    [
        "os.system",
        "eval",
        "open",
        "np.load",
        "tf.io.read_file",
        "tf.py_function",
        "keras.utils.get_file",
        "random_normal",
        "exec",
    ],
)
def test_nothing_else_is_known(path):
    assert function_at(path) is None


def test_an_argument_that_a_function_does_not_have():
    layer = read(lambda x: ops.exp(x, fast=True))
    assert layer.problem == "the argument 'fast' of ops.exp"


def read(function, inputs=FLAT, **options):
    from keras.src.utils import python_utils

    code, defaults, closure = python_utils.func_dump(function)
    layer = ReadLambda(code, defaults, closure, missing_class="Lambda", name="draw", **options)
    layer(inputs)
    return layer


def test_tensors_that_would_not_fit_into_memory():
    def doubled(x):
        x = ops.tile(x, (1, 1000))
        x = ops.tile(x, (1, 1000))
        return ops.tile(x, (1, 1000))

    # Symbolic: nothing is allocated.
    assert read(doubled, keras.Input((6,))).problem == "a tensor of more than 67,108,864 values"


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda x: x * 10**60, "an integer of more than 63 bits"),
        (lambda x: x * (3 ** int(70.0)), "a power of 70"),
        (lambda x: (x,) * 1000, "'*' on a list or a tuple"),
        (lambda x: x + "a", "'+' on a value of type EagerTensor"),
    ],
)
def test_values_that_grow(function, problem):
    assert read(function, tf.constant(FLAT)).problem == problem


def test_a_layer_that_is_not_understood_is_inert():
    layer = read(lambda x: [2 * one for one in x])
    assert layer.inert
    assert layer.reason.startswith("its code in the file is not understood: ")
    assert layer.way_out == "--custom-objects a file with a function 'draw' that computes it"


def test_a_name_that_is_a_size():
    layer = read(lambda x: ops.reshape(x, (-1, some_size, 3)), tf.constant(FLAT))
    assert (
        layer.reason
        == "its code in the file is not understood: the value of some_size, which is not in the file"
    )
    assert layer.way_out == "--custom-objects a file with `some_size = ` its value"
    told = read(lambda x: ops.reshape(x, (-1, some_size, 3)), tf.constant(FLAT), names={"some_size": 2})
    assert told(FLAT).shape == (5, 2, 3)


some_size = 2


def test_unknown_names_are_one_until_they_are_told():
    layer = read(lambda x: x * some_name, tf.constant(FLAT))
    assert (layer.unknown, layer.inert) == (("some_name",), False)
    with layer.assuming("some_name", 3.0):
        np.testing.assert_allclose(layer(FLAT), 3 * FLAT)
    np.testing.assert_allclose(layer(FLAT), FLAT)
    told = read(lambda x: x * some_name, tf.constant(FLAT), names={"some_name": 2.0})
    assert told.unknown == ()
    np.testing.assert_allclose(told(FLAT), 2 * FLAT)


some_name = 0.0


def of_batch(rows):
    """A model whose Lambda draws for ten rows."""
    x = keras.Input(batch_shape=(rows, 6))
    heads = [keras.layers.Dense(2, name=name)(x) for name in ("z_mean", "z_log_var")]
    draw = keras.layers.Lambda(
        lambda t: t[0] + ops.exp(t[1]) * keras.random.normal((10, 2)), name="draw", output_shape=(2,)
    )
    return keras.Model(x, keras.layers.Dense(3)(draw(heads)))


def test_noise_of_the_batch_that_the_model_was_built_for(tmp_path):
    of_batch(10).save(tmp_path / "m.keras")
    (site,) = split(load_model(tmp_path / "m.keras"), "m").sites
    assert site.posterior.describe() == "log-std (read from code)"


def test_noise_of_another_batch_is_no_reason_to_leave_the_code_out(tmp_path):
    of_batch(None).save(tmp_path / "m.keras")
    with pytest.raises(
        ModelError, match=r"on a batch of 8\); noise for a fixed batch has to follow keras\.ops\.shape"
    ):
        split(load_model(tmp_path / "m.keras"), "m")
