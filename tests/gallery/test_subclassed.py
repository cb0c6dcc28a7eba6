"""Subclassed models: what call() computes is exported."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

import vae_export
from tests.gallery.parts.noise import give_noise
from tests.gallery.parts.sampling import Sampling
from tests.gallery.parts.styles import peak
from tests.gallery.parts.subclassed import LABELS, LATENT, RNG, SIZE, Method, Vae, WithoutHalves, X, called
from vae_export.errors import QuestionError

Y = np.eye(LABELS, dtype=np.float32)[RNG.integers(0, LABELS, 8)]


class LogStdInCall(Vae):
    def call(self, x):
        mean, log_std = self.encoder(x)
        return self.decoder(mean + ops.exp(log_std) * keras.random.normal(ops.shape(mean)))


class SwappedInCall(Vae):
    def call(self, x):
        spread, mean = self.encoder(x)
        epsilon = tf.random.normal(tf.shape(mean))
        return self.decoder(mean + tf.exp(0.5 * spread) * epsilon), mean, spread


class SwappedMethod(Method):
    """The order of the encoder's outputs is not that of the method's arguments."""

    def call(self, x):
        log_var, mean = self.encoder(x)
        return self.decoder(self.reparameterize(mean, log_var))


class InsideTfFunction(Method):
    @tf.function
    def call(self, x):
        mean, log_var = self.encoder(x)
        return {"image": self.decoder(self.reparameterize(mean, log_var)), "mean": mean}


class AroundTheHalves(Vae):
    """Layers and operations before, between and behind the halves, which belong to the model."""

    def __init__(self):
        super().__init__()
        self.sampling, self.widen = Sampling(name="draw"), layers.Dense(LATENT, name="widen")

    def call(self, x):
        mean, log_var = self.encoder(x * 2.0 - 1.0)
        self.add_loss(-0.5 * ops.mean(1 + log_var - mean**2 - ops.exp(log_var)))
        return ops.sigmoid(self.decoder(ops.tanh(self.widen(self.sampling([mean, log_var])))))


class FunctionalWithCall(keras.Model):
    """A functional model whose call() does more than its graph."""

    def call(self, x, training=None):
        return super().call(x, training=training) * 2.0 - 1.0


def functional_with_call():
    keras.utils.set_random_seed(0)
    x = keras.Input((SIZE,), name="x")
    h = layers.Dense(16, activation="tanh")(x)
    z = Sampling(name="draw")([layers.Dense(LATENT)(h), layers.Dense(LATENT)(h)])
    return FunctionalWithCall(x, layers.Dense(SIZE)(z))


class DrawsForALoss(Method):
    """InfoVAE: a second draw, from the prior, for the loss alone."""

    def call(self, x):
        mean, log_var = self.encoder(x)
        z = self.reparameterize(mean, log_var)
        self.add_loss(tf.reduce_mean((tf.random.stateless_normal((5, LATENT), [1, 2])[:, None] - z) ** 2))
        return self.decoder(z)


class TracksKl(WithoutHalves):
    """A metric that is updated in call(), and `training` without a default."""

    def __init__(self):
        super().__init__()
        self.kl = keras.metrics.Mean(name="kl")
        self.dropout = layers.Dropout(0.5)

    def call(self, x, training):
        h = self.dropout(ops.relu(self.hidden(x)), training=training)
        mean, log_var = self.mean(h), self.log_var(h)
        self.kl.update_state(ops.mean(log_var))
        return self.out(self.sampling([mean, log_var]))


class OlderNames(Vae):
    """As TensorFlow's tutorial called them once."""

    def __init__(self):
        super().__init__()
        self.inference_net, self.generative_net = self.encoder, self.decoder
        del self.encoder, self.decoder

    def call(self, x):
        mean, log_var = self.inference_net(x)
        return self.generative_net(mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean)))


class PartialMethod(Vae):
    """The method is an object without a name."""

    def __init__(self):
        super().__init__()
        self.reparameterize = functools.partial(reparameterize, scale=0.5)

    def call(self, x):
        return self.decoder(self.reparameterize(*self.encoder(x)))


def reparameterize(mean, log_var, scale):
    return mean + tf.exp(scale * log_var) * tf.random.normal(tf.shape(mean))


class MeanInInference(Method):
    def call(self, x, training=False):
        mean, log_var = self.encoder(x)
        return self.decoder(self.reparameterize(mean, log_var) if training else mean)


@pytest.mark.parametrize(
    ("build", "kind"),
    [
        (LogStdInCall, "log-std"),
        (lambda: SwappedInCall(swapped=True), "log-variance"),
        (lambda: SwappedMethod(swapped=True), "log-variance"),
        (InsideTfFunction, "log-variance"),
        (AroundTheHalves, "log-variance"),
        (WithoutHalves, "log-variance"),
        (functional_with_call, "log-variance"),
        (DrawsForALoss, "log-variance"),
        (PartialMethod, "log-variance"),
        (OlderNames, "log-variance"),
    ],
)
def test_what_call_computes_is_exported(build, kind, tmp_path, monkeypatch):
    model = called(build)
    result = vae_export.export(model, tmp_path / "b")
    (latent,) = result.manifest.to_dict()["latents"]
    assert (latent["parametrisation"], latent["parametrisation_source"]) == (kind, "probed")
    vae = vae_export.load(tmp_path / "b")
    got = vae.reconstruct(X, seed=5)
    give_noise(monkeypatch, [vae._epsilon(vae.latents[0], 5, 0, len(X))])
    tf.config.run_functions_eagerly(True)
    try:
        expected = keras.tree.flatten(model(X))[0]
    finally:
        tf.config.run_functions_eagerly(False)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert np.std(got) > 0.1


def test_a_model_that_passes_the_mean_on_in_inference(tmp_path):
    model = called(MeanInInference)
    result = vae_export.export(model, tmp_path / "b", format="onnx")
    assert result.manifest.to_dict()["latents"][0]["layer"] == "reparameterize"
    assert np.abs(vae_export.load(tmp_path / "b").reconstruct(X) - model(X)).max() > 0.1


class LogStdInTraining(Vae):
    def call(self, x, training=False):
        mean, log_std = self.encoder(x)
        if training:
            mean += tf.exp(log_std) * tf.random.normal(tf.shape(mean))
        return self.decoder(mean)


class WithoutHalvesInTraining(WithoutHalves):
    def call(self, x, training=False):
        h = ops.relu(self.hidden(x))
        mean = self.mean(h)
        z = self.sampling([mean, self.log_var(h)])
        return self.out(z if training else mean)


class MeanAlone(Vae):
    """z is drawn in train_step(), which is not read."""

    def call(self, x):
        return self.decoder(tf.identity(self.encoder(x)[1]))


@pytest.mark.parametrize(
    ("build", "kind", "source"),
    [
        (LogStdInTraining, "log-std", "probed"),
        (WithoutHalvesInTraining, "log-variance", "probed"),
        (MeanAlone, "log-std", "given"),
    ],
)
def test_what_inference_does_not_show_is_looked_for_in_training(build, kind, source, tmp_path):
    model = called(build)
    if source == "given":
        with pytest.raises(QuestionError, match=r"tell --parametrisation, --epsilon-scale$"):
            vae_export.export(model, tmp_path / "b", format="onnx")
    told = {"parametrisation": kind, "epsilon_scale": 1.0} if source == "given" else {}
    result = vae_export.export(model, tmp_path / "b", format="onnx", **told)
    (latent,) = result.manifest.to_dict()["latents"]
    assert (latent["parametrisation"], latent["parametrisation_source"]) == (kind, source)
    assert latent["mu_source"] == "probed"
    vae = vae_export.load(tmp_path / "b")
    # Which tensor is the mean is seen in inference.
    np.testing.assert_allclose(vae.decode(vae.encode(X)[0]), model(X), rtol=0, atol=1e-4)


def test_a_method_does_not_tell_which_output_it_takes_first(tmp_path):
    model = Method()
    with pytest.raises(QuestionError, match=r"^m: encoder: .*, or tell --mu and --logvar$") as caught:
        vae_export.export(model, tmp_path / "b", format="onnx", name="m")
    first, second = (answer.options for answer in caught.value.question.answers)
    assert (first[1], first[3]) == (second[3], second[1])
    result = vae_export.export(model, tmp_path / "b", format="onnx", mu=first[1], logvar=first[3])
    latent = result.manifest.latents[0]
    assert (latent.mu_source, latent.parametrisation_source) == ("given", "probed")


class Conditional(keras.Model):
    """Labels are joined to x and z in call()."""

    def __init__(self):
        super().__init__(name="m")
        self.encoder = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(2 * LATENT)])
        self.decoder = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(SIZE)])
        self.sampling = Sampling(name="draw")

    def call(self, inputs):
        x, label = inputs["x"], inputs["label"]
        mean, log_var = ops.split(self.encoder(ops.concatenate([x, label], -1)), 2, axis=-1)
        return self.decoder(ops.concatenate([self.sampling([mean, log_var]), label], -1))


def test_labels_that_are_joined_in_call(tmp_path, monkeypatch):
    model = Conditional()
    model({"x": X, "label": Y})
    peak(model)
    vae_export.export(model, tmp_path / "b", samples={"x": X, "label": Y})
    vae = vae_export.load(tmp_path / "b")
    assert {role: list(names) for role, names in vae.conditions.items()} == {
        "encoder": ["label"],
        "decoder": ["label"],
    }
    got = vae.reconstruct({"x": X, "label": Y}, seed=5)
    give_noise(monkeypatch, [vae._epsilon(vae.latents[0], 5, 0, len(X))])
    np.testing.assert_allclose(got, model({"x": X, "label": Y}), rtol=0, atol=1e-4)


def test_what_call_does_besides_is_left_out(tmp_path):
    model = TracksKl()
    model(X, training=False)
    peak(model)
    before = float(model.kl.result())
    vae_export.export(model, tmp_path / "b", format="onnx")
    assert float(model.kl.result()) == before
    vae = vae_export.load(tmp_path / "b")
    mean = model.mean(ops.relu(model.hidden(X)))
    np.testing.assert_allclose(vae.encode(X)[0], mean, rtol=0, atol=1e-5 * np.abs(mean).max())
    # The model is as it was: what was silenced speaks again.
    model.kl.update_state(5.0)
    assert float(model.kl.result()) != before


class Tokens(keras.Model):
    def __init__(self):
        super().__init__(name="m")
        self.embed, self.mean, self.log_var = (
            layers.Embedding(9, 4),
            layers.Dense(LATENT),
            layers.Dense(LATENT),
        )
        self.sampling, self.out = Sampling(name="draw"), layers.Dense(6 * 9)
        self.flat, self.shape_back = layers.Flatten(), layers.Reshape((6, 9))

    def call(self, inputs):
        h = ops.concatenate([self.flat(self.embed(inputs["tokens"])), inputs["weight"]], -1)
        z = self.sampling([self.mean(h), self.log_var(h)])
        return self.shape_back(self.out(ops.concatenate([z, inputs["weight"]], -1)))


def test_inputs_that_are_looked_up_are_integers(tmp_path):
    tokens = RNG.integers(0, 9, (8, 6)).astype(np.int32)
    model = Tokens()
    model({"tokens": tokens, "weight": X[:, :1]})
    result = vae_export.export(
        model, tmp_path / "b", format="onnx", samples={"x": tokens, "weight": X[:, :1]}
    )
    inputs = {entry["name"]: entry["dtype"] for entry in result.manifest.to_dict()["artifacts"][0]["inputs"]}
    assert inputs == {"x": "int32", "weight": "float32"}
