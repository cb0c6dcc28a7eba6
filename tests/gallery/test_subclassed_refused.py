"""Subclassed models whose call() does more than encoder and decoder."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import vae_export
from tests.gallery.parts.subclassed import LABELS, SIZE, Method, Vae, WithoutHalves, called
from vae_export.errors import ModelError, SamplingSiteError


class ScaledByTensorFlow(Method):
    def call(self, x):
        mean, log_var = self.encoder(tf.identity(x) / 255.0)
        return self.decoder(self.reparameterize(mean, log_var))


class SigmoidByTensorFlow(Method):
    def call(self, x):
        mean, log_var = self.encoder(x)
        return tf.sigmoid(self.decoder(self.reparameterize(mean, log_var)))


class ClipsByTensorFlow(Method):
    def call(self, x):
        mean, log_var = self.encoder(tf.clip_by_value(x, 0.0, 1.0))
        return self.decoder(self.reparameterize(mean, log_var))


class ClipsNoise(Vae):
    def call(self, x):
        mean, log_var = self.encoder(x)
        epsilon = tf.clip_by_value(tf.random.normal(tf.shape(mean)), -2.5, 2.5)
        return self.decoder(mean + tf.exp(0.5 * log_var) * epsilon)


class LogitsBeside(Method):
    def call(self, x):
        logits = self.decoder(self.reparameterize(*self.encoder(x)))
        return {"logits": logits, "reconstruction": tf.sigmoid(logits)}


class DrawsTwice(Method):
    def call(self, x):
        mean, log_var = self.encoder(x)
        return self.decoder(0.5 * (self.reparameterize(mean, log_var) + self.reparameterize(mean, log_var)))


class JoinsByTensorFlow(Method):
    def call(self, x):
        mean, log_var = self.encoder(tf.concat([x, tf.zeros_like(x[:, :LABELS])], -1))
        return self.decoder(self.reparameterize(mean, log_var))


class SilentInCall(Vae):
    """Noise that is not TensorFlow's."""

    def call(self, x):
        mean, log_var = self.encoder(x)
        return self.decoder(mean + tf.exp(0.5 * log_var) * np.random.default_rng().normal(size=mean.shape))


class NoGraph(keras.Model):
    def call(self, x):
        return tf.identity(x)


WAY_OUT = "; build the whole as one functional model, or give encoder and decoder alone "


ELSE = (
    "call\\(\\) computes something else than decoder\\(mu \\+ sigma \\* epsilon\\) of its encoder and decoder"
)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (ScaledByTensorFlow, f"^m: {ELSE} \\(it differs by .* of the largest value\\), expected nothing .*{WAY_OUT}"),
        (SigmoidByTensorFlow, f"^m: {ELSE} \\(it differs by "),
        (ClipsByTensorFlow, f"^m: {ELSE} \\(it differs by "),
        (ClipsNoise, f"^m: {ELSE} \\(it differs by "),
        (LogitsBeside, f"^m: {ELSE}, expected nothing before, between and after them"),
        (DrawsTwice, f"^m: call\\(\\) has 2 draws of noise, expected one draw of the shape of z, .*{WAY_OUT}"),
        (
            lambda: JoinsByTensorFlow(size=SIZE + LABELS),
            r"^m: call\(\) cannot be run on the inputs of its encoder and decoder, '.*' \(None, 16\) \(.*\), and may do",
        ),
        (SilentInCall, f"^m: {ELSE} \\(it differs by "),
        (lambda: NoGraph(name="m"), r"^m: got a NoGraph without a graph of layers, call\(\) cannot be traced \(.*\); exp"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_a_call_that_does_more_is_refused(build, message, tmp_path):
    with pytest.raises((ModelError, SamplingSiteError), match=message):
        vae_export.export(called(build), tmp_path / "b", format="onnx", name="m")
    assert not (tmp_path / "b").exists()


def test_encoder_and_decoder_alone_are_the_way_out(tmp_path):
    model = called(ScaledByTensorFlow)
    names = model.encoder.output_names
    result = vae_export.export(
        encoder=model.encoder,
        decoder=model.decoder,
        output=tmp_path / "b",
        format="onnx",
        parametrisation="log-variance",
        epsilon_scale=1.0,
        mu=names[0],
        logvar=names[1],
    )
    assert result.manifest.to_dict()["latents"][0]["parametrisation_source"] == "given"


def test_a_model_that_was_never_called(tmp_path):
    with pytest.raises(ModelError, match=r"^m: got a WithoutHalves without a graph of layers, it was never"):
        vae_export.export(WithoutHalves(), tmp_path / "b", name="m")
