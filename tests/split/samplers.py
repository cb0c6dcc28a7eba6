"""Models and samplers of several tests."""

import keras
from keras import ops

from tests.tiny_models import (
    X_SHAPE,
    ListSampler,
    decoder_tensors,
    encoder_tensors,
)
from vae_export.split.finding import find_sampling_sites
from vae_export.split.graph import flatten


def find_sampling_site(model):
    """The only site of a model."""
    (site,) = find_sampling_sites(flatten(model), "m")
    return site


def vae_with(sampler, call=None):
    keras.utils.set_random_seed(0)
    x = keras.Input(X_SHAPE, name="x")
    mu, logvar = encoder_tensors(x)
    z = call(sampler, mu, logvar) if call else sampler([mu, logvar])
    return keras.Model(x, decoder_tensors(z))


def sampler(function, draws=1):
    """A layer that draws by a function of mu, logvar and epsilon, which is the mean of several draws."""

    class Drawn(ListSampler):
        def call(self, inputs):
            mu, logvar = inputs
            epsilon = sum(keras.random.normal(ops.shape(mu), seed=self.generator) for _ in range(draws))
            return function(mu, logvar, epsilon / draws**0.5)

    return Drawn(name="draw")


def spread(logvar):
    return ops.exp(0.5 * logvar)
