"""Every function that code may call, against the library's own."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from keras.src.legacy import backend as K

from vae_export.bytecode.formula import NotUnderstoodError
from vae_export.split.lambdas import evaluation as _evaluation  # noqa: F401  fills the table
from vae_export.split.lambdas.functions import FUNCTIONS, function_at

RNG = np.random.default_rng(0)
X = tf.constant(RNG.uniform(0.1, 2.0, (4, 6)).astype(np.float32))
Y = tf.constant(RNG.uniform(0.1, 2.0, (4, 6)).astype(np.float32))
STEPS = tf.constant(RNG.standard_normal((4, 2, 6)).astype(np.float32))
PICTURES = tf.constant(RNG.random((2, 4, 4, 3)).astype(np.float32))
MODULES = {"K": K, "tf": tf, "ops": ops, "keras": keras, "activations": keras.activations}
# path -> positional and named arguments; all others take X, or X and Y.
ARGUMENTS = {
    "K.clip": ((X, 0.5, 1.0), {}), "tf.clip_by_value": ((X, 0.5, 1.0), {}), "ops.clip": ((X, 0.5, 1.0), {}),
    "K.relu": ((X, 0.2, 1.0), {}), "activations.relu": ((X, 0.2, 1.0), {}),
    "tf.leaky_relu": ((-X, 0.3), {}), "ops.leaky_relu": ((-X, 0.3), {}),
    "K.softmax": ((X,), {"axis": 0}), "tf.softmax": ((X,), {"axis": 0}), "ops.softmax": ((X,), {"axis": 0}),
    "activations.softmax": ((X,), {"axis": 0}),
    "K.cast": ((X, "float16"), {}), "tf.cast": ((X, "float16"), {}), "ops.cast": ((X, "float16"), {}),
    "K.reshape": ((X, (-1, 2, 3)), {}), "tf.reshape": ((X, (-1, 2, 3)), {}), "ops.reshape": ((X, (-1, 2, 3)), {}),
    "K.squeeze": ((STEPS[:, :1], 1), {}), "tf.squeeze": ((STEPS[:, :1], 1), {}), "ops.squeeze": ((STEPS[:, :1], 1), {}),
    "K.expand_dims": ((X,), {}), "tf.expand_dims": ((X, 1), {}), "ops.expand_dims": ((X, 1), {}),
    "K.permute_dimensions": ((STEPS, (0, 2, 1)), {}), "tf.transpose": ((STEPS, (0, 2, 1)), {}),
    "ops.transpose": ((STEPS, (0, 2, 1)), {}),
    "K.concatenate": (([X, Y],), {}), "tf.concat": (([X, Y], 1), {}), "ops.concatenate": (([X, Y],), {}),
    "K.stack": (([X, Y],), {}), "tf.stack": (([X, Y], 1), {}), "ops.stack": (([X, Y], 1), {}),
    "tf.split": ((X, [1, 2, 3]), {"axis": 1}), "ops.split": ((X, 2, 1), {}),
    "tf.unstack": ((STEPS,), {"axis": 1}), "ops.unstack": ((STEPS,), {"axis": 1}),
    "K.repeat": ((X, 3), {}), "K.repeat_elements": ((X, 3, 1), {}), "tf.repeat": ((X, 3, 1), {}),
    "ops.repeat": ((X, 3, 1), {}),
    "K.tile": ((X, (1, 2)), {}), "tf.tile": ((X, (1, 2)), {}), "ops.tile": ((X, (1, 2)), {}),
    "K.reverse": ((X, 1), {}), "tf.reverse": ((X, [1]), {}), "ops.flip": ((X, 1), {}),
    "K.l2_normalize": ((X, 1), {}), "tf.l2_normalize": ((X, 1), {}),
    "K.pow": ((X, 3), {}),
    "K.constant": (([1.0, 2.0],), {}), "tf.constant": (([1.0, 2.0],), {}), "tf.convert_to_tensor": (([1.0],), {}),
    "ops.convert_to_tensor": (([1.0],), {}),
    "tf.zeros": (((2, 3),), {}), "ops.zeros": (((2, 3),), {}), "tf.ones": (((2, 3),), {}), "ops.ones": (((2, 3),), {}),
    "tf.add_n": (([X, Y],), {}),
    "tf.image.resize": ((PICTURES, (8, 6)), {}), "ops.image.resize": ((PICTURES, (8, 6)), {}),
    "K.resize_images": ((PICTURES, 2, 3, "channels_last"), {}),
    "K.dot": ((X, tf.transpose(Y)), {}), "K.matmul": ((X, tf.transpose(Y)), {}), "tf.matmul": ((X, tf.transpose(Y)), {}),
    "ops.matmul": ((X, tf.transpose(Y)), {}),
    "K.epsilon": ((), {}), "K.floatx": ((), {}),
}  # fmt: skip
NOISE = [path for path, function in FUNCTIONS.items() if function.draws]
PYTHON = {"int", "float", "len", "tuple", "list", "np.exp", "np.log", "np.sqrt", "np.prod"}


def of_library(path):
    """The library's own function; None if none of the installed versions has it."""
    found = MODULES.get(path.split(".")[0])
    for name in path.split(".")[1:]:
        found = getattr(found, name, None) or next(
            (getattr(one, name) for one in (tf.math, tf.nn, tf.linalg) if found is tf and hasattr(one, name)),
            None,
        )
    return found


# Shapes are tuples here and tensors in TensorFlow.
SHAPES = {"K.shape", "tf.shape"}
LIBRARY = {path: of_library(path) for path in FUNCTIONS if path not in (*NOISE, *PYTHON, *SHAPES)}


@pytest.mark.parametrize("path", [path for path, function in LIBRARY.items() if function is not None])
def test_it_is_the_librarys(path):
    function = function_at(path)
    both = len(function.parameters) - path.startswith("tf.") > 1
    given, named = ARGUMENTS.get(path, ((X, Y) if both and path.split(".")[-1] in BINARY else (X,), {}))
    got, expected = function.apply(**function.bind(given, named)), LIBRARY[path](*given, **named)
    got, expected = (one if isinstance(one, (list, tuple)) else [one] for one in (got, expected))
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        if isinstance(other, str):
            assert one == other
        else:
            np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-5, atol=1e-6)
            assert np.shape(one) == np.shape(other)


BINARY = {
    "add", "subtract", "multiply", "divide", "truediv", "true_divide", "maximum", "minimum", "power", "pow", "dot", "matmul",
}  # fmt: skip


def test_few_functions_are_not_compared():
    """Spellings that no installed version of the library has."""
    missing = {path for path, function in LIBRARY.items() if function is None}
    assert not {path for path in missing if path.startswith(("ops.", "keras.random"))} - {
        "ops.pow",
        "ops.dot",
    }
    assert len(missing) < 60, missing


@pytest.mark.parametrize("path", NOISE)
def test_noise_has_mean_and_scale(path):
    keras.utils.set_random_seed(1)
    function = function_at(path)
    given = function.apply(**function.bind([(100_000,), 2.0, 3.0], {"seed": 7, "dtype": "float32"}))
    values = np.asarray(given)
    if "uniform" in path:
        assert (values.min(), values.max()) == (pytest.approx(2, abs=1e-3), pytest.approx(3, abs=1e-3))
    else:
        # A truncated normal ends at two standard deviations.
        assert values.mean() == pytest.approx(2, abs=0.05)
        assert values.std() == pytest.approx(3 * 0.88 if "truncated" in path else 3, abs=0.05)


@pytest.mark.parametrize(
    ("path", "given", "named", "message"),
    [
        ("K.exp", (X, Y), {}, r"^K\.exp with 2 arguments$"),
        ("K.exp", (), {}, r"^K\.exp without 'x'$"),
        ("K.exp", (X,), {"x": Y}, r"^the argument 'x' of K\.exp$"),
        ("tf.exp", (X,), {"names": "a"}, r"^the argument 'names' of tf\.exp$"),
    ],
)
def test_arguments_that_do_not_fit(path, given, named, message):
    with pytest.raises(NotUnderstoodError, match=message):
        function_at(path).bind(given, named)


@pytest.mark.parametrize(
    ("path", "given", "message"),
    [
        ("np.exp", (X,), r"^exp of NumPy on a tensor$"),
        ("tuple", (X,), r"^a tensor unpacked along the batch$"),
        ("tf.image.resize", (PICTURES, (8, 8), "lanczos3"), r"^resizing by 'lanczos3'$"),
        (
            "K.resize_images",
            (PICTURES, 2, 2, "channels_first"),
            r"^pictures of data_format 'channels_first'$",
        ),
    ],
)
def test_values_that_are_not_taken(path, given, message):
    function = function_at(path)
    with pytest.raises(NotUnderstoodError, match=message):
        function.apply(**function.bind(given, {}))


def test_numbers_of_python():
    values = {
        "int": (2.7, 2),
        "float": (2, 2.0),
        "len": ((1, 2), 2),
        "np.prod": ((2, 3), 6),
        "np.sqrt": (4.0, 2.0),
    }
    for path, (given, expected) in values.items():
        assert function_at(path).apply(**function_at(path).bind([given], {})) == expected
