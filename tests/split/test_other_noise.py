"""Noise that is no sampling site, and layers that only look random."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from tests.split.samplers import find_sampling_site, sampler, spread, vae_with
from tests.tiny_models import (
    LATENT,
    X_SHAPE,
    Gate,
    ListSampler,
    TrainingOnlySampler,
    decoder_tensors,
    encoder_tensors,
)
from vae_export.errors import ModelError, SamplingSiteError
from vae_export.split.sampling_layer import SamplingLayer


def test_dropout_that_is_always_on_is_noise():
    x = keras.Input(X_SHAPE)
    dropped = layers.Dropout(0.5, name="always")(x, training=True)
    model = keras.Model(x, decoder_tensors(SamplingLayer(name="draw")(list(encoder_tensors(dropped)))))
    with pytest.raises(SamplingSiteError, match=r"^m: layer 'always' \(Dropout\) draws noise outside"):
        find_sampling_site(model)


class WithThird(ListSampler):
    def call(self, inputs):
        mu, logvar, third = inputs
        return super().call([mu, logvar]) * 1.0 + 0.0 * ops.mean(third)


class WithTemperature(ListSampler):
    def call(self, inputs):
        mu, logvar, temperature = inputs
        return mu + temperature * ops.exp(0.5 * logvar) * keras.random.normal(ops.shape(mu))


@pytest.mark.parametrize("of_x", [False, True])
def test_a_third_tensor_that_scales_the_noise_is_not_taken_for_a_number(of_x):
    x, t = keras.Input(X_SHAPE, name="x"), keras.Input((1,), name="t")
    third = layers.Dense(1, activation="softplus", name="t")(layers.Flatten()(x)) if of_x else t
    for layer, refused in ((WithTemperature(name="draw"), True), (WithThird(name="draw"), False)):
        z = layer([*encoder_tensors(x), third])
        model = keras.Model([x] if of_x else [x, t], decoder_tensors(z))
        if not refused:
            assert find_sampling_site(model).layer_name == "draw"
            continue
        with pytest.raises(SamplingSiteError, match=r"^m: layer 'draw' .*, and takes 't' besides; expected"):
            find_sampling_site(model)


def test_scalars_in_the_graph():
    x = keras.Input(X_SHAPE)
    mu, logvar = encoder_tensors(x)
    kl = ops.mean(-0.5 * ops.sum(1 + logvar - mu**2 - ops.exp(logvar), -1))
    model = keras.Model(x, [decoder_tensors(SamplingLayer(name="draw")([mu, logvar])), kl])
    assert find_sampling_site(model).layer_name == "draw"


def test_a_layer_that_also_adds_a_loss():
    class WithKl(ListSampler):
        def call(self, inputs):
            mean, log_var = inputs
            self.add_loss(-0.5 * ops.mean(1 + log_var - mean**2 - ops.exp(log_var)))
            return super().call(inputs)

    assert find_sampling_site(vae_with(WithKl(name="draw"))).layer_name == "draw"


def test_one_noise_for_all_rows_is_none():
    model = vae_with(sampler(lambda mu, logvar, epsilon: mu + spread(logvar) * epsilon[:1]))
    with pytest.raises(
        SamplingSiteError,
        match=r"^m: layer 'draw' \(Drawn\) draws one epsilon for all rows of a batch, expec",
    ):
        find_sampling_site(model)


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
    site = find_sampling_site(keras.Model(x, decoder_tensors(z)))
    assert site.layer_name == "draw"


@pytest.mark.parametrize("draw", [SamplingLayer, TrainingOnlySampler])
def test_probing_changes_no_variable(draw):
    x = keras.Input(X_SHAPE)
    mu, logvar = encoder_tensors(x)
    z = draw(name="draw")([WithStatistics()([mu, logvar]), logvar])
    model = keras.Model(x, decoder_tensors(z))
    before = [ops.convert_to_numpy(variable) for variable in model.variables]
    find_sampling_site(model)
    assert len(before) > 14
    for variable, old in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(variable), old)


def test_latents_of_unknown_size():
    x = keras.Input((None, None, 1), name="image")
    mu, logvar = (layers.Conv2D(1, 3, name=name)(x) for name in ("mu", "logvar"))
    model = keras.Model(x, layers.Conv2DTranspose(1, 3)(SamplingLayer(name="draw")([mu, logvar])))
    with pytest.raises(
        ModelError, match=r"^input 'image' has shape \(None, None, None, 1\), expected known sizes after the"
    ):
        find_sampling_site(model)
