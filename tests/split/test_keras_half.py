"""Moved runs of a half: what moves, and that nothing stays changed."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.tiny_models import half_of, samples, tiny_vae
from vae_export.split.split_vae import split


@pytest.fixture(scope="module")
def encoder():
    return split(tiny_vae()).encoder


def bits(half):
    return [np.array(weight).tobytes() for weight in half.model.variables]


def test_outputs_move_within_rounding(encoder):
    x = {"x": samples()}
    expected, exact = encoder.run(x), encoder.run_exact(x)
    moves = [encoder.run_moved(x, seed) for seed in (1, 1, 2)]
    for name, array in expected.items():
        scale = np.abs(array).max()
        np.testing.assert_array_equal(moves[0][name], moves[1][name])
        assert (moves[0][name] != moves[2][name]).any()
        assert 1e-8 * scale < np.abs(moves[0][name] - exact[name]).max() < 1e-5 * scale


def test_weights_are_as_before(encoder):
    before = bits(encoder)
    encoder.run_moved({"x": samples()}, 1)
    assert bits(encoder) == before
    np.testing.assert_array_equal(encoder.run({"x": samples()})["mu"], encoder.run({"x": samples()})["mu"])


def test_weights_are_as_before_a_run_that_fails(encoder):
    before = bits(encoder)
    with pytest.raises(Exception, match="cannot be called"):
        encoder.run_moved({"x": samples()[:, :3]}, 1)
    assert bits(encoder) == before
    # Nothing moves any more.
    x = {"x": samples()}
    np.testing.assert_array_equal(encoder.run(x)["mu"], encoder.run(x)["mu"])


class InFloat32(keras.layers.Layer):
    """Its constant is float32, so it takes nothing else."""

    def call(self, x):
        return tf.matmul(x, tf.eye(3))


def half_with(layer, shape=(3,)):
    z = keras.Input(shape, name="z")
    return half_of(keras.Model(z, {"reconstruction": layer(z)}))


def test_in_float32_where_float64_is_refused():
    half, z = half_with(InFloat32()), {"z": np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)}
    assert half.run_exact(z) is None
    distance = np.abs(half.run_moved(z, 3)["reconstruction"] - half.run(z)["reconstruction"])
    assert 0 < distance.max() < 1e-6


def test_values_between_layers_move_too():
    """A constant picture stays constant where weights alone move, and its normalisation 0."""
    half = half_with(
        keras.Sequential(
            [layers.Conv2D(2, 1, bias_initializer="ones"), layers.GroupNormalization(-1, epsilon=1e-12)]
        ),
        (8, 8, 1),
    )
    ones = {"z": np.zeros((1, 8, 8, 1), np.float32)}
    moves = [np.abs(half.run_moved(ones, seed)["reconstruction"]).max() for seed in range(8)]
    assert max(moves) > 1e-2


def test_integers_do_not_move():
    tokens = keras.Input((4,), dtype="int32", name="x")
    embedded = layers.Embedding(9, 2)(tokens)
    half = half_of(keras.Model(tokens, {"mu": embedded, "logvar": embedded}), "encoder")
    x = {"x": np.arange(8, dtype=np.int32).reshape(2, 4)}
    np.testing.assert_allclose(half.run_moved(x, 1)["mu"], half.run(x)["mu"], rtol=1e-6)
