"""What is measured of a sampling site: parametrisation, scale and order."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from tests.split.samplers import find_sampling_site, sampler, spread, vae_with
from tests.tiny_models import (
    LATENT,
    X_SHAPE,
    ListSampler,
    StandardDeviationSampler,
    decoder_tensors,
    encoder_tensors,
)
from vae_export.core.evidence import in_words
from vae_export.errors import SamplingSiteError
from vae_export.split.graph import flatten
from vae_export.split.sampling_layer import SamplingLayer

WRONG_SAMPLERS = {
    "mu clipped": lambda mu, logvar, epsilon: ops.clip(mu, -1, 1) + spread(logvar) * epsilon,
    "mu clipped far out": lambda mu, logvar, epsilon: ops.clip(mu, -8, 8) + spread(logvar) * epsilon,
    "mu reordered": lambda mu, logvar, epsilon: ops.flip(mu, -1) + spread(logvar) * epsilon,
    "logvar reordered": lambda mu, logvar, epsilon: mu + spread(ops.flip(logvar, -1)) * epsilon,
    "mean over the batch": lambda mu, logvar, epsilon: (
        ops.mean(mu, 0, keepdims=True) + spread(logvar) * epsilon
    ),
    "0.985 mu": lambda mu, logvar, epsilon: 0.985 * mu + spread(logvar) * epsilon,
    "mu + 0.015": lambda mu, logvar, epsilon: mu + 0.015 + spread(logvar) * epsilon,
    "one epsilon a row": lambda mu, logvar, epsilon: mu + spread(logvar) * epsilon[:, :1],
    "scale by latent": lambda mu, logvar, epsilon: mu + spread(logvar) * epsilon * np.float32([1.4, 1, 0.2]),
    "scale nearly the same": lambda mu, logvar, epsilon: (
        mu + spread(logvar) * epsilon * np.float32([1, 1.01, 0.99])
    ),
    "root of the absolute value": lambda mu, v, epsilon: mu + ops.sqrt(ops.abs(v)) * epsilon,
    "sigmoid": lambda mu, v, epsilon: mu + ops.sigmoid(v) * epsilon,
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
        find_sampling_site(vae_with(sampler(WRONG_SAMPLERS[kind])))


PARAMETRISATIONS = [
    ("log-variance", 1.0, lambda v: ops.exp(0.5 * v)),
    ("log-variance", 1.0, lambda v: ops.sqrt(ops.exp(v))),
    ("log-variance", 0.1, lambda v: 0.1 * ops.exp(0.5 * v)),
    ("log-variance", 0.96, lambda v: 0.96 * ops.exp(0.5 * v)),
    ("log-variance clipped to [-10, 10]", 1.0, lambda v: ops.exp(0.5 * ops.clip(v, -10, 10))),
    ("log-variance clipped to [-30, 20]", 1.0, lambda v: ops.exp(0.5 * ops.clip(v, -30, 20))),
    ("log-variance clipped to [, 10]", 0.5, lambda v: 0.5 * ops.exp(0.5 * ops.minimum(v, 10))),
    ("log-variance clipped to [-1, 1]", 1.0, lambda v: ops.exp(0.5 * ops.clip(v, -1, 1))),
    ("log-variance + 0.001", 1.0, lambda v: ops.exp(0.5 * v) + 1e-3),
    ("log-variance, variance + 1e-05", 1.0, lambda v: ops.sqrt(ops.exp(v) + 1e-5)),
    ("log-std", 1.0, ops.exp),
    ("log-std", 0.01, lambda v: 0.01 * ops.exp(v)),
    ("log-std clipped to [-5, 2.5]", 1.0, lambda v: ops.exp(ops.clip(v, -5, 2.5))),
    ("softplus", 1.0, ops.softplus),
    ("softplus", 1.0, lambda v: ops.log(1 + ops.exp(v))),
    ("softplus + 0.001", 1.0, lambda v: ops.softplus(v) + 1e-3),
    ("softplus + 0.01", 0.5, lambda v: 0.5 * (ops.softplus(v) + 1e-2)),
    ("std", 1.0, lambda v: v),
    ("std", 2.0, lambda v: 2 * v),
    ("std clipped to [0.01, ]", 1.0, lambda v: ops.maximum(v, 0.01)),
    ("variance", 1.0, ops.sqrt),
    ("variance clipped to [0.0001, ]", 1.0, lambda v: ops.sqrt(ops.maximum(v, 1e-4))),
]


# The noise of one draw can be given, that of two is judged by what comes out.
@pytest.mark.parametrize("draws", [1, 2])
@pytest.mark.parametrize(("found", "scale", "sigma"), PARAMETRISATIONS)
def test_parametrisations_are_told_apart(found, scale, sigma, draws):
    model = vae_with(sampler(lambda mu, v, epsilon: mu + sigma(v) * epsilon, draws))
    posterior = find_sampling_site(model).posterior
    described = found if scale == 1 else f"{found}, epsilon scale {scale:g}"
    assert posterior.describe() == f"{described} (measured)"
    assert ("known noise" if draws == 1 else "by drawing") in in_words(posterior.evidence)
    # What the encoder emits is the logarithm of the variance that the layer had.
    positive = posterior.parametrisation in ("std", "variance")
    v = np.float32([0.01, 0.5, 2.0] if positive else [-13, -10, -3, 0, 0.5, 2, 8])
    logvar = ops.convert_to_numpy(posterior.logvar(ops.convert_to_tensor(v)))
    deviation = ops.convert_to_numpy(sigma(v)) / scale
    np.testing.assert_allclose(np.exp(logvar / 2), deviation, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(posterior.sigma(v.astype(np.float64)), deviation, rtol=1e-5, atol=1e-7)
    extreme = ops.convert_to_tensor(np.float32([-1e4, -100, 0, 100, 1e4]))
    assert np.isfinite(ops.convert_to_numpy(posterior.logvar(extreme))).all()


@pytest.mark.parametrize("scale", [5**-0.5, 1 / 3, 0.123])
def test_a_scale_is_measured_with_known_noise(scale):
    model = vae_with(sampler(lambda mu, v, epsilon: mu + scale * spread(v) * epsilon))
    assert find_sampling_site(model).posterior.epsilon_scale == pytest.approx(scale, rel=3e-6)


def test_names_that_are_no_scopes():
    site = find_sampling_site(vae_with(SamplingLayer(name="ziehung №1")))
    assert (site.layer_name, "known noise" in in_words(site.posterior.evidence)) == ("ziehung №1", True)
    # Keras keeps open scopes in a stack: none is left behind.
    assert keras.Variable(1.0, name="after").path == "after"


def test_a_scale_is_measured_by_drawing():
    model = vae_with(sampler(lambda mu, v, epsilon: mu + 5**-0.5 * spread(v) * epsilon, draws=2))
    assert find_sampling_site(model).posterior.epsilon_scale == pytest.approx(5**-0.5, rel=3e-3)


def test_a_scale_is_read_from_the_layer_that_has_it():
    drawing = sampler(lambda mu, v, epsilon: mu + 0.123456 * spread(v) * epsilon)
    drawing.epsilon_std = 0.123456
    assert find_sampling_site(vae_with(drawing)).posterior.epsilon_scale == 0.123456


@pytest.mark.parametrize(("axis", "order"), [(-1, 1), (-1, -1), (1, 1)])
def test_one_tensor_that_the_layer_splits(axis, order):
    class Splitting(ListSampler):
        def call(self, tensor):
            return super().call(ops.split(tensor, 2, axis=axis)[::order])

    x = keras.Input((6, 6, 1))
    moments = layers.Conv2D(4, 3, padding="same", name="moments")(x)
    z = Splitting(name="draw")(moments)
    site = find_sampling_site(keras.Model(x, layers.Conv2DTranspose(1, 3)(z)))
    posterior = site.posterior
    assert site.latent_shape == ((6, 6, 2) if axis == -1 else (3, 6, 4))
    assert (posterior.mu.axis, posterior.mu.index) == (-1 if axis == -1 else -3, 0 if order == 1 else 1)
    assert posterior.spread.index == 1 - posterior.mu.index


def test_noise_written_with_operations():
    x = keras.Input(X_SHAPE)
    mu, logvar = encoder_tensors(x)
    epsilon = layers.GaussianNoise(1.0, name="epsilon")(ops.zeros_like(mu), training=True)
    z = ops.add(mu, ops.multiply(ops.exp(ops.multiply(0.5, logvar)), epsilon))
    site = find_sampling_site(keras.Model(x, decoder_tensors(z)))
    assert (site.layer_name, site.posterior.parametrisation) == ("epsilon", "log-variance")
    assert (site.posterior.mu.value.name, site.posterior.spread.value.name) == ("mu", "logvar")
    assert site.posterior.epsilon_scale == 1.0


def test_a_standard_deviation_made_before_the_layer_is_known_by_its_logarithm():
    x = keras.Input(X_SHAPE)
    mu, logvar = encoder_tensors(x)
    z = StandardDeviationSampler(name="draw")([mu, layers.Activation("exponential")(logvar * 0.5)])
    site = find_sampling_site(keras.Model(x, decoder_tensors(z)))
    assert (site.posterior.parametrisation, site.posterior.spread.value.name) == ("log-variance", "logvar")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_an_encoder_layer_that_returns_mu_logvar_and_z(order):
    class Encoder(ListSampler):
        def __init__(self, **options):
            super().__init__(**options)
            self.mu, self.logvar = layers.Dense(LATENT), layers.Dense(LATENT)

        def call(self, x):
            x = ops.reshape(x, (-1, 36))
            mu, logvar = 3 * self.mu(x), 3 * self.logvar(x)
            outputs = [mu, logvar, super().call([mu, logvar])]
            return [outputs[index] for index in order]

    x = keras.Input(X_SHAPE)
    outputs = Encoder(name="encoder")(x)
    site = find_sampling_site(keras.Model(x, decoder_tensors(outputs[order.index(2)])))
    assert site.posterior.parametrisation == "log-variance"
    assert site.posterior.mu.value.name == f"encoder:{order.index(0)}"
    assert site.posterior.spread.value.name == f"encoder:{order.index(1)}"


@pytest.mark.parametrize(
    "augmentation", [layers.RandomFlip, lambda name: layers.RandomRotation(0.2, name=name)]
)
def test_augmentation_is_off_as_in_predict(augmentation):
    x = keras.Input(X_SHAPE, name="x")
    augmented = augmentation(name="augment")(x)
    model = keras.Model(x, decoder_tensors(SamplingLayer(name="draw")(list(encoder_tensors(augmented)))))
    graph = flatten(model)
    assert find_sampling_site(model).layer_name == "draw"
    (call,) = (call for call in graph.calls if call.path == "augment")
    assert call.kwargs["training"] is False
