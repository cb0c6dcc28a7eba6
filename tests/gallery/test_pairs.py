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
from vae_export.errors import InputError, ModelError, QuestionError

PAIRS = {
    "mu, logvar and z": (
        lambda mean, log_var: [mean, log_var, Sampling(name="draw")([mean, log_var])],
        "probed",
    ),
    "z alone": (lambda mean, log_var: Sampling(name="draw")([mean, log_var]), "probed"),
    "mu and logvar": (lambda mean, log_var: [mean, log_var], "given"),
    "one tensor": (lambda mean, log_var: layers.Concatenate()([mean, log_var]), "given"),
}
TOLD = {"parametrisation": "log-variance", "epsilon_scale": 1.0}
TELLING = ["--parametrisation", "log-variance", "--epsilon-scale", "1"]


@pytest.mark.parametrize("case", PAIRS)
def test_encoder_and_decoder_in_two_files(case, tmp_path, monkeypatch, capsys):
    outputs, source = PAIRS[case]
    encoder, image = encoder_of(outputs), decoder()
    monkeypatch.chdir(tmp_path)
    encoder.save("my_encoder.keras")
    image.save("my_decoder.keras")
    told = TOLD if source == "given" else {}
    in_memory = vae_export.export(encoder=encoder, decoder=image, output="memory", format="onnx", **told)
    assert in_memory.manifest.to_dict()["latents"][0]["parametrisation_source"] == source
    # In the file the sampling layer's class is missing.
    command = ["--encoder", "my_encoder.keras", "--decoder", "my_decoder.keras", "--format", "onnx"]
    assert main(command) == 2
    assert f"    vae-export {' '.join([*command, *TELLING])}\n" in capsys.readouterr().err
    assert main([*command, *TELLING]) == 0
    manifest = json.loads((tmp_path / "my-bundle" / "manifest.json").read_text())
    assert manifest["latents"][0]["parametrisation_source"] == "given"
    mean = keras.Model(encoder.inputs[0], encoder.get_layer("z_mean").output)(X)
    for path in ("memory", "my-bundle"):
        np.testing.assert_allclose(without_noise(path), image(mean), rtol=0, atol=1e-5)


class KlPassThrough(layers.Layer):
    """Adds nothing here; in training it adds a loss."""

    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(
    ("outputs", "question"),
    [
        (
            lambda mean, log_var: [mean, layers.Dense(LATENT, name="hidden")(mean)],
            "--mu and --logvar, --param",
        ),
        (
            lambda mean, log_var: KlPassThrough(name="kl")([mean, log_var]),
            "--mu and --logvar, --parametrisation",
        ),
        (lambda mean, log_var: [mean, log_var], "--parametrisation, --epsilon-scale"),
    ],
    ids=["a hidden layer", "a layer between", "names of both"],
)
def test_what_the_second_output_is_has_to_be_told(outputs, question, tmp_path):
    with pytest.raises(
        QuestionError,
        match=rf"^encoder: encoder: no code at hand draws z from what it returns; give the whole model with its "
        rf"sampling layer, or tell {question}",
    ):
        vae_export.export(encoder=encoder_of(outputs), decoder=decoder(), output=tmp_path / "b")


def test_three_outputs_of_one_shape(tmp_path):
    encoder = encoder_of(lambda mean, log_var: [layers.Dense(LATENT, name="hidden")(mean), mean, log_var])
    with pytest.raises(
        ModelError,
        match=r"returns 3 tensors of the shape of z \(hidden, z_mean, z_log_var\); give --mu and --logvar the nam",
    ):
        vae_export.export(encoder=encoder, decoder=decoder(), output=tmp_path / "b")
    told = {**TOLD, "mu": "z_mean", "logvar": "z_log_var"}
    result = vae_export.export(encoder=encoder, decoder=(image := decoder()), output=tmp_path / "b", **told)
    mean = keras.Model(encoder.inputs[0], encoder.get_layer("z_mean").output)(X)
    np.testing.assert_allclose(without_noise(result.path), image(mean), rtol=0, atol=1e-5)


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
