"""Encoder and decoder in two files, and the shape of x."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from keras import layers

import vae_export
from tests.gallery.parts.pieces import LATENT, Sampling, X, decoder, encoder_of, without_noise
from vae_export.cli.main import main
from vae_export.errors import InputError, ModelError

PAIRS = {
    "mu, logvar and z": (
        lambda mean, log_var: [mean, log_var, Sampling(name="draw")([mean, log_var])],
        "probed",
    ),
    "z alone": (lambda mean, log_var: Sampling(name="draw")([mean, log_var]), "probed"),
    "mu and logvar": (lambda mean, log_var: [mean, log_var], "assumed"),
    "one tensor": (lambda mean, log_var: layers.Concatenate()([mean, log_var]), "assumed"),
}


@pytest.mark.parametrize("case", PAIRS)
def test_encoder_and_decoder_in_two_files(case, tmp_path, monkeypatch):
    outputs, source = PAIRS[case]
    encoder, image = encoder_of(outputs), decoder()
    monkeypatch.chdir(tmp_path)
    encoder.save("my_encoder.keras")
    image.save("my_decoder.keras")
    in_memory = vae_export.export(encoder=encoder, decoder=image, output="memory", format="onnx")
    assert in_memory.manifest.to_dict()["latents"][0]["parametrisation_source"] == source
    # In the file the sampling layer's class is missing, and not missed.
    assert main(["--encoder", "my_encoder.keras", "--decoder", "my_decoder.keras", "--format", "onnx"]) == 0
    manifest = json.loads((tmp_path / "my-bundle" / "manifest.json").read_text())
    assert manifest["latents"][0]["parametrisation_source"] == "assumed"
    mean = keras.Model(encoder.inputs[0], encoder.get_layer("z_mean").output)(X)
    for path in ("memory", "my-bundle"):
        np.testing.assert_allclose(without_noise(path), image(mean), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (
            lambda: encoder_of(lambda mean, log_var: layers.Dense(5)(mean)),
            r"^encoder: the encoder returns \(None, 5\) and the decoder takes \(None, 3\); expected mu and a log-vari",
        ),
        (
            lambda: encoder_of(lambda mean, log_var: Sampling()([mean[:, :2], log_var[:, :2]])),
            r"^encoder: the decoder has the inputs .* \(None, 3\), expected one of the shape of z, \('n', 2\)$",
        ),
    ],
    ids=["another size", "a smaller z"],
)
def test_halves_that_do_not_fit(encoder, message, tmp_path):
    with pytest.raises(ModelError, match=message):
        vae_export.export(encoder=encoder(), decoder=decoder(), output=tmp_path / "b")


def test_a_layer_that_was_never_called(tmp_path):
    class Encoder(layers.Layer):
        pass

    class Whole(keras.Model):
        def __init__(self):
            super().__init__(name="whole")
            self.encoder, self.decoder = Encoder(), decoder()

    with pytest.raises(
        ModelError, match=r"^whole: encoder: got a Encoder that was never called, expected one with"
    ):
        vae_export.export(Whole(), tmp_path / "b")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            (8, 8),
            r"^input shape: got 8, 8, expected one that fits one of the inputs: .*\(None, None, None, 1\)$",
        ),
        ((8, 8, 3), r"^input shape: got 8, 8, 3, expected one that fits"),
        ((9, 9, 1), r"^m: layer 'flat' does not take the input shape 9, 9, 1 \(.*\)$"),
    ],
)
def test_input_shapes_that_do_not_fit(shape, message, tmp_path):
    x = keras.Input((None, None, 1))
    h = layers.Reshape((64,), name="flat")(x)
    z = Sampling()([layers.Dense(LATENT)(h), layers.Dense(LATENT)(h)])
    model = keras.Model(x, decoder()(z))
    with pytest.raises(InputError, match=message):
        vae_export.export(model, tmp_path / "b", name="m", input_shape=shape)
