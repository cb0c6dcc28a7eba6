"""Where sampling sites are found, and what is said where there is none."""

import keras
import pytest
from keras import layers, ops

from tests.split.samplers import find_sampling_site, sampler, vae_with
from tests.tiny_models import (
    LATENT,
    X_SHAPE,
    FixedSeedSampler,
    Gate,
    ListSampler,
    SwappedSampler,
    TrainingOnlySampler,
    TwoArgumentSampler,
    decoder_tensors,
    encoder_tensors,
)
from vae_export.errors import SamplingSiteError
from vae_export.split.finding import find_sampling_sites
from vae_export.split.graph import flatten
from vae_export.split.sampling_layer import SamplingLayer


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
    site = find_sampling_site(vae_with(sampler(name="draw"), call))
    assert (site.layer_name, site.layer_class) == ("draw", sampler.__name__)
    assert site.latent_shape == (LATENT,)
    posterior = site.posterior
    assert (posterior.parametrisation, posterior.how("parametrisation")) == ("log-variance", "measured")
    assert (posterior.epsilon_scale, posterior.clip) == (1.0, None)
    # Whichever order the layer takes them in.
    assert (posterior.mu.value.name, posterior.spread.value.name) == ("mu", "logvar")


def test_a_layer_without_noise_is_no_site():
    x = keras.Input(X_SHAPE)
    mu, logvar = encoder_tensors(x)
    gated = Gate(name="gate")([mu, logvar])
    z = SamplingLayer(name="draw")([gated, logvar])
    site = find_sampling_site(keras.Model(x, decoder_tensors(z)))
    assert site.layer_name == "draw"


def autoencoder():
    x = keras.Input(X_SHAPE)
    mu, _ = encoder_tensors(x)
    return keras.Model(x, decoder_tensors(mu))


def gated_autoencoder():
    x = keras.Input(X_SHAPE)
    return keras.Model(x, decoder_tensors(Gate(name="gate")(list(encoder_tensors(x)))))


def hierarchical():
    x = keras.Input(X_SHAPE)
    high = SamplingLayer(name="high")(list(encoder_tensors(x)))
    mu, logvar = layers.Dense(LATENT)(high), layers.Dense(LATENT)(high)
    return keras.Model(x, decoder_tensors(SamplingLayer(name="low")([mu, logvar])))


class Jitter(layers.Layer):
    def call(self, x):
        return x + keras.random.normal(ops.shape(x), stddev=0.1)


def noise_in_the_encoder():
    x = keras.Input(X_SHAPE)
    noisy = Jitter(name="noise")(x)
    return keras.Model(x, decoder_tensors(SamplingLayer(name="draw")(list(encoder_tensors(noisy)))))


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
            r"^m: no sampling site; no layer draws noise, not even the custom ones: 'gate' \(Gate\); expected",
        ),
        (
            hierarchical,
            r"^m: the latent of layer 'low' depends on that of layer 'high' \(a hierarchical VAE, or a decoder "
            r"that draws what it returns\), expected latents that depend on x alone; export each level as a VAE "
            r"of its own, and a decoder without its last draw$",
        ),
        (
            lambda: vae_with(sampler(lambda mu, v, epsilon: mu + ops.tanh(v) ** 2 * epsilon)),
            r"^m: layer 'draw' \(Drawn\) gave 0\.\d+ ± 0\.9\d* for inputs \(0\.5, -2\), 0\.5 ± 0 for inputs "
            r"\(0\.5, 0\), .*; expected noise around mu, mu \+ sigma \* epsilon",
        ),
        (
            noise_in_the_encoder,
            r"^m: layer 'noise' \(Jitter\) draws noise outside of the sampling layer 'draw', expected none in "
            r"inference; remove it, or call it with training=False$",
        ),
    ],
    ids=["autoencoder", "gated autoencoder", "hierarchical", "tanh squared", "noise in the encoder"],
)
def test_what_is_no_site_is_explained(model, message):
    with pytest.raises(SamplingSiteError, match=message):
        find_sampling_sites(flatten(model()), "m")


def test_several_latents_are_several_sites():
    sites = find_sampling_sites(flatten(two_samplers()), "m")
    assert [site.name for site in sites] == ["content", "style"]
