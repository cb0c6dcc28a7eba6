import keras
import numpy as np
import pytest
from keras import layers

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
            r"^m: sampling layer 'draw' \(StandardDeviationSampler\) gave 0\.\d+ ± [12]\.?\d* for inputs "
            r"\(0\.5, -2\), 0\.5 ± 0 for inputs \(0\.5, 0\), .*; expected mu \+ exp\(0\.5 \* logvar\)",
        ),
    ],
    ids=["autoencoder", "gated autoencoder", "two samplers", "standard deviation"],
)
def test_what_is_no_site_is_explained(model, message):
    with pytest.raises(SamplingSiteError, match=message):
        find_sampling_site(flatten(model()), "m")


def test_latents_of_unknown_size():
    x = keras.Input((None, None, 1))
    mu, logvar = (layers.Conv2D(1, 3, name=name)(x) for name in ("mu", "logvar"))
    model = keras.Model(x, layers.Conv2DTranspose(1, 3)(SamplingLayer(name="draw")([mu, logvar])))
    with pytest.raises(
        SamplingSiteError, match=r"layer 'draw' has latents of shape \(None, None, 1\), expected"
    ):
        find_sampling_site(flatten(model), "m")


def test_the_original_weights_are_left_alone():
    model = vae_with(SamplingLayer(seed=1))
    before = [weight.numpy() for weight in model.trainable_weights]
    find_sampling_site(flatten(model), "m")
    for weight, old in zip(model.trainable_weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)
