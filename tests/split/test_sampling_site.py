import keras
import numpy as np
import pytest
from keras import layers, ops

from tests.tiny_models import (
    LATENT,
    X_SHAPE,
    FixedSeedSampler,
    Gate,
    ListSampler,
    StandardDeviationSampler,
    SwappedSampler,
    TrainingOnlySampler,
    TwoArgumentSampler,
    decoder_tensors,
    encoder_tensors,
)
from vae_export.errors import SamplingSiteError
from vae_export.split.graph import flatten
from vae_export.split.sampling_site import find_sampling_site
from vae_export.train.sampling import SamplingLayer


def vae_with(sampler, call=None):
    x = keras.Input(X_SHAPE, name="x")
    mu, logvar = encoder_tensors(x)
    z = call(sampler, mu, logvar) if call else sampler([mu, logvar])
    return keras.Model(x, decoder_tensors(z))


@pytest.mark.parametrize(
    ("sampler", "call"),
    [
        (SamplingLayer, None),
        (ListSampler, None),
        (TrainingOnlySampler, None),
        (FixedSeedSampler, None),
        (TwoArgumentSampler, lambda layer, mu, logvar: layer(mu, logvar)),
        (SwappedSampler, lambda layer, mu, logvar: layer([logvar, mu])),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_site_is_found(sampler, call):
    site = find_sampling_site(flatten(vae_with(sampler(name="draw"), call)), "m")
    assert (site.layer_name, site.layer_class) == ("draw", sampler.__name__)
    assert site.latent_shape == (LATENT,)
    assert (site.parametrisation, site.parametrisation_source) == ("log-variance", "probed")
    assert site.epsilon_scale == 1.0
    # Whichever order the layer takes them in.
    assert site.mu in site.call.inputs
    first = site.call.inputs[0]
    assert first is (site.logvar if sampler is SwappedSampler else site.mu)


def test_a_layer_without_noise_is_no_site():
    x = keras.Input(X_SHAPE)
    mu, logvar = encoder_tensors(x)
    gated = Gate(name="gate")([mu, logvar])
    z = SamplingLayer(name="draw")([gated, logvar])
    site = find_sampling_site(flatten(keras.Model(x, decoder_tensors(z))), "m")
    assert site.layer_name == "draw"


def autoencoder():
    x = keras.Input(X_SHAPE)
    mu, _ = encoder_tensors(x)
    return keras.Model(x, decoder_tensors(mu))


def gated_autoencoder():
    x = keras.Input(X_SHAPE)
    return keras.Model(x, decoder_tensors(Gate(name="gate")(list(encoder_tensors(x)))))


def two_samplers():
    x = keras.Input(X_SHAPE)
    mu, logvar = encoder_tensors(x)
    first, second = (SamplingLayer(name=name)([mu, logvar]) for name in ("content", "style"))
    return keras.Model(x, decoder_tensors(layers.Concatenate()([first, second])))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            autoencoder,
            r"^m: no sampling site; found only Conv2D, Dense, Flatten, Reshape; expected a layer that takes "
            r"\[mu, logvar\] and returns z: save the full VAE with its sampling layer$",
        ),
        (
            gated_autoencoder,
            r"^m: no sampling site; the layers that take two tensors of one shape return no noise: "
            r"'gate' \(Gate\); expected",
        ),
        (
            two_samplers,
            r"^m: got 2 sampling sites: 'content' \(SamplingLayer\), 'style' \(SamplingLayer\); expected one",
        ),
        (
            lambda: vae_with(StandardDeviationSampler(name="draw")),
            r"^m: layer 'draw' \(StandardDeviationSampler\) gave 0\.\d+ ± [12]\.?\d* for inputs \(0\.5, -2\), "
            r"0\.5 ± 0 for inputs \(0\.5, 0\), .*; expected noise around mu, mu \+ exp\(0\.5 \* logvar\)",
        ),
    ],
    ids=["autoencoder", "gated autoencoder", "two samplers", "standard deviation"],
)
def test_what_is_no_site_is_explained(model, message):
    with pytest.raises(SamplingSiteError, match=message):
        find_sampling_site(flatten(model()), "m")


def sampler(function):
    """A layer class that draws by a function of mu, logvar and epsilon."""

    class Drawn(ListSampler):
        def call(self, inputs):
            mu, logvar = inputs
            epsilon = keras.random.normal(ops.shape(mu), seed=self.generator)
            return function(mu, logvar, epsilon)

    return Drawn(name="draw")


def spread(logvar):
    return ops.exp(0.5 * logvar)


WRONG_SAMPLERS = {
    "no half": lambda mu, logvar, epsilon: mu + ops.exp(logvar) * epsilon,
    "softplus": lambda mu, logvar, epsilon: mu + ops.softplus(logvar) * epsilon,
    "logvar clipped": lambda mu, logvar, epsilon: mu + spread(ops.clip(logvar, -10, 10)) * epsilon,
    "mu clipped": lambda mu, logvar, epsilon: ops.clip(mu, -1, 1) + spread(logvar) * epsilon,
    "mu reordered": lambda mu, logvar, epsilon: ops.flip(mu, -1) + spread(logvar) * epsilon,
    "logvar reordered": lambda mu, logvar, epsilon: mu + spread(ops.flip(logvar, -1)) * epsilon,
    "mean over the batch": lambda mu, logvar, epsilon: (
        ops.mean(mu, 0, keepdims=True) + spread(logvar) * epsilon
    ),
    "epsilon x 0.96": lambda mu, logvar, epsilon: mu + 0.96 * spread(logvar) * epsilon,
    "0.985 mu": lambda mu, logvar, epsilon: 0.985 * mu + spread(logvar) * epsilon,
    "mu + 0.015": lambda mu, logvar, epsilon: mu + 0.015 + spread(logvar) * epsilon,
    "one epsilon a row": lambda mu, logvar, epsilon: mu + spread(logvar) * epsilon[:, :1],
    "scale by latent": lambda mu, logvar, epsilon: mu + spread(logvar) * epsilon * np.float32([1.4, 1, 0.2]),
    "plus or minus one": lambda mu, logvar, epsilon: mu + spread(logvar) * ops.sign(epsilon),
    "uniform": lambda mu, logvar, epsilon: (
        mu + spread(logvar) * np.float32(3**0.5) * ops.erf(epsilon / np.float32(2**0.5))
    ),
    "clipped noise": lambda mu, logvar, epsilon: mu + spread(logvar) * ops.clip(epsilon, -2, 2) / 0.9594,
}


@pytest.mark.parametrize("kind", WRONG_SAMPLERS)
def test_what_only_resembles_a_sampler_is_refused(kind):
    with pytest.raises(
        SamplingSiteError, match=r"^m: layer 'draw' \(Drawn\) gave .*; expected noise around mu"
    ):
        find_sampling_site(flatten(vae_with(sampler(WRONG_SAMPLERS[kind]))), "m")


def test_one_noise_for_all_rows_is_none():
    model = vae_with(sampler(lambda mu, logvar, epsilon: mu + spread(logvar) * epsilon[:1]))
    with pytest.raises(
        SamplingSiteError, match=r"one shape return no noise: 'draw' \(Drawn\); expected a layer"
    ):
        find_sampling_site(flatten(model), "m")


class GatedByWeights(Gate):
    """Not random, but its outputs differ from latent to latent."""

    def build(self, _):
        self.kernel = self.add_weight(shape=(LATENT, LATENT), initializer="random_normal")

    def call(self, inputs):
        return ops.sigmoid(ops.matmul(inputs[0], self.kernel)) * inputs[1]


class WithDropout(Gate):
    """Random in training only."""

    def build(self, _):
        self.dropout = layers.Dropout(0.5, seed=1)

    def call(self, inputs, training=None):
        return inputs[0] + self.dropout(inputs[1], training=training)


class WithStatistics(Gate):
    """Has variables that change when it is called for training."""

    def build(self, _):
        self.norm = layers.BatchNormalization()
        self.norm.build((None, LATENT))

    def call(self, inputs, training=None):
        return self.norm(inputs[0], training=training) + inputs[1]


@pytest.mark.parametrize("layer", [GatedByWeights, WithDropout, WithStatistics])
def test_layers_that_only_look_random_are_passed_by(layer):
    x = keras.Input(X_SHAPE)
    mu, logvar = encoder_tensors(x)
    z = SamplingLayer(name="draw")([layer(name="other")([mu, logvar]), logvar])
    site = find_sampling_site(flatten(keras.Model(x, decoder_tensors(z))), "m")
    assert site.layer_name == "draw"


@pytest.mark.parametrize("draw", [SamplingLayer, TrainingOnlySampler])
def test_probing_changes_no_variable(draw):
    x = keras.Input(X_SHAPE)
    mu, logvar = encoder_tensors(x)
    z = draw(name="draw")([WithStatistics()([mu, logvar]), logvar])
    model = keras.Model(x, decoder_tensors(z))
    before = [ops.convert_to_numpy(variable) for variable in model.variables]
    find_sampling_site(flatten(model), "m")
    assert len(before) > 14
    for variable, old in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(variable), old)


def test_latents_of_unknown_size():
    x = keras.Input((None, None, 1))
    mu, logvar = (layers.Conv2D(1, 3, name=name)(x) for name in ("mu", "logvar"))
    model = keras.Model(x, layers.Conv2DTranspose(1, 3)(SamplingLayer(name="draw")([mu, logvar])))
    with pytest.raises(
        SamplingSiteError, match=r"layer 'draw' has latents of shape \(None, None, 1\), expected"
    ):
        find_sampling_site(flatten(model), "m")
