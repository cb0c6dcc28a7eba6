"""A sequence VAE of GRUs."""

from keras import layers

from tests.gallery import lstm_sequence


def build():
    return lstm_sequence.build(layers.GRU)
