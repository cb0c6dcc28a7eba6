"""Files of classes that are missing, and models in unusual states."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, ops

import vae_export
from tests.gallery.parts.pieces import (
    LATENT,
    X_SHAPE,
    Sampling,
    X,
    decoder,
    drawn_by,
    encoder_of,
    encoder_tensors,
    without_noise,
)
from vae_export.errors import InputError, ModelError


class SavedVae(keras.Model):
    """keras.io's class, saved with a get_config of its own."""

    def __init__(self, encoder, decoder, beta=1.0, **options):
        super().__init__(**options)
        self.encoder, self.decoder, self.beta = encoder, decoder, beta

    def call(self, x):
        return self.decoder(self.encoder(x)[2])

    def get_config(self):
        return {**super().get_config(), "encoder": self.encoder, "decoder": self.decoder, "beta": self.beta}


SavedVae.__module__ = "a_script_that_is_gone"


def test_a_file_of_a_subclassed_model_whose_class_is_missing(tmp_path):
    encoder = encoder_of(lambda mean, log_var: [mean, log_var, Sampling(name="draw")([mean, log_var])])
    model = SavedVae(encoder, decoder(), beta=4.0)
    model(X)
    model.save(tmp_path / "m.keras")
    told = {"parametrisation": "log-variance", "epsilon_scale": 1.0, "mu": "z_mean", "logvar": "z_log_var"}
    result = vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx", **told)
    words = (
        "class 'SavedVae' is not known here: what its call() does before, between and after encoder and "
        "decoder is not seen; --custom-objects tells"
    )
    assert result.cut.endswith(f": {words}")
    assert result.manifest.latents[0].assumptions == (words,)
    with pytest.raises(
        InputError, match=r"^m: strict: layer 'draw': class 'SavedVae' is not known here: what"
    ):
        vae_export.export(tmp_path / "m.keras", tmp_path / "c", format="onnx", strict=True, **told)
    mean = keras.Model(encoder.inputs[0], encoder.get_layer("z_mean").output)(X)
    np.testing.assert_allclose(without_noise(tmp_path / "b"), model.decoder(mean), rtol=0, atol=1e-5)


def test_one_sampling_layer_called_twice(tmp_path):
    x = keras.Input(X_SHAPE)
    h, draw = layers.Flatten()(x), Sampling(name="s")
    one, other = (draw([layers.Dense(size)(h), layers.Dense(size)(h)]) for size in (4, 3))
    model = keras.Model(x, layers.Dense(5)(layers.Concatenate()([one, other])))
    result = vae_export.export(model, tmp_path / "b", format="onnx")
    assert [latent["z"] for latent in result.manifest.to_dict()["latents"]] == ["z_s_1", "z_s_2"]


class SavedFunctional(keras.Model):
    """A functional model by its configuration, with a train_step of its own."""


SavedFunctional.__module__ = "a_script_that_is_gone"


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_a_file_of_a_functional_model_whose_class_is_missing(suffix, tmp_path):
    x = keras.Input(X_SHAPE)
    model = SavedFunctional(x, decoder()(Sampling(name="draw")(list(encoder_tensors(x)))))
    model.save(tmp_path / f"m{suffix}")
    told = {"parametrisation": "log-variance", "epsilon_scale": 1.0}
    result = vae_export.export(tmp_path / f"m{suffix}", tmp_path / "b", format="onnx", **told)
    assert result.manifest.to_dict()["latents"][0]["layer"] == "draw"


class BuildsItself(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(4)

    def call(self, x):
        return self.hidden(x)


BuildsItself.__module__ = "a_script_that_is_gone"


def test_a_file_that_does_not_say_how_its_class_is_built(tmp_path):
    model = BuildsItself()
    model(X)
    model.save(tmp_path / "m.keras")
    with pytest.raises(
        ModelError,
        match=r"m\.keras: the model's class 'BuildsItself' is not known here, and the file does not say how it "
        "is built; give --custom-objects the file or module that defines it$",
    ):
        vae_export.export(tmp_path / "m.keras", tmp_path / "b")


def test_inputs_that_nobody_named_are_numbered_in_the_model(tmp_path):
    def build():
        x, label = keras.Input(X_SHAPE), keras.Input((4,))
        h = layers.Concatenate()([layers.Flatten()(x), label])
        z = Sampling(name="draw")([layers.Dense(LATENT)(h), layers.Dense(LATENT)(h)])
        h = layers.Dense(36)(layers.Concatenate()([z, label]))
        return keras.Model([x, label], layers.Reshape(X_SHAPE)(h))

    for model in (build(), build()):
        assert set(vae_export.pipeline.inspect(model).encoder[0]) == {"x", "input_2"}


def test_noise_for_a_fixed_batch(tmp_path):
    class ForHundred(Sampling):
        def call(self, inputs):
            return inputs[0] + ops.exp(0.5 * inputs[1]) * keras.random.normal((100, LATENT))

    with pytest.raises(
        ModelError,
        match=r"^layer 'draw' \(ForHundred\) cannot be called: Incompatible shapes: \[8,3\] vs\. \[100,3\] "
        r"\(on a batch of 8\); noise for a fixed batch has to follow keras\.ops\.shape\(mu\)$",
    ):
        vae_export.export(drawn_by(ForHundred(name="draw")), tmp_path / "b")
