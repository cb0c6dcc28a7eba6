"""Let a model draw, by whatever way, the noise that we choose."""

import keras
import tensorflow as tf
from keras.src import backend


def give_noise(monkeypatch, noise):
    """From now on what is drawn from a normal distribution is the array of `noise` with its shape."""

    def normal(shape, mean=0.0, stddev=1.0, *_, **options):
        wanted = tuple(int(n) for n in shape)
        (epsilon,) = (one for one in noise if one.shape == wanted)
        return tf.constant(mean + stddev * epsilon, options.get("dtype") or "float32")

    for module in (keras.random, tf.random, backend.random):
        monkeypatch.setattr(module, "normal", normal)
