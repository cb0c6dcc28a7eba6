"""Files whose sampling layer has no code at hand: names, settings and --parametrisation."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, ops
from keras.src.utils import python_utils

import vae_export
from tests.gallery.parts.pieces import LATENT, X_SHAPE, Sampling, SplittingSampling, X, decoder, drawn_by
from tests.gallery.parts.styles import peak
from vae_export.errors import InputError, SamplingSiteError


def drawn_from_one_tensor():
    x = keras.Input(X_SHAPE)
    moments = layers.Dense(2 * LATENT, name="moments")(layers.Flatten()(x))
    model = keras.Model(x, decoder()(SplittingSampling(name="draw")(moments)))
    peak(model)
    return model


CASES = {
    "missing class": lambda: drawn_by(Sampling(name="draw")),
    "missing class of one tensor": drawn_from_one_tensor,
    "Lambda": lambda: drawn_by(layers.Lambda(lambda t: t[0] + ops.exp(t[1] / 2), name="draw")),
    "Lambda with a shape": lambda: drawn_by(
        layers.Lambda(lambda t: t[0], output_shape=(LATENT,), name="draw")
    ),
}


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_a_sampling_layer_without_code_is_no_obstacle(case, suffix, tmp_path, monkeypatch):
    model = CASES[case]()
    model.save(tmp_path / f"m{suffix}")

    def loads(*_):
        raise AssertionError("code of the file was unmarshalled")

    monkeypatch.setattr(python_utils, "func_load", loads)
    result = vae_export.export(tmp_path / f"m{suffix}", tmp_path / "bundle", format="onnx", samples=X)
    (latent,) = result.manifest.to_dict()["latents"]
    assert (latent["parametrisation"], latent["parametrisation_source"]) == ("log-variance", "assumed")
    assert "the layer's code is not at hand; --parametrisation decides" in result.cut
    mu = vae_export.load(result.path).encode(X)[0]
    h = next(layer for layer in model.layers if layer.name in ("z_mean", "moments"))
    expected = keras.Model(model.inputs[0], h.output)(X)[:, :LATENT]
    np.testing.assert_allclose(mu, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "kind", "source"),
    [
        ("z_log_sigma", "log-std", "names"),
        ("sigma", "std", "names"),
        ("z_log_var", "log-variance", "assumed"),
    ],
)
def test_names_say_otherwise(name, kind, source, tmp_path):
    x = keras.Input(X_SHAPE)
    h = layers.Flatten()(x)
    z = Sampling()(
        [layers.Dense(LATENT, name="mu")(h), layers.Dense(LATENT, name=name, activation="softplus")(h)]
    )
    keras.Model(x, decoder()(z)).save(tmp_path / "m.keras")
    (latent,) = vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx").manifest.to_dict()[
        "latents"
    ]
    assert (latent["parametrisation"], latent["parametrisation_source"]) == (kind, source)
    told = vae_export.export(tmp_path / "m.keras", tmp_path / "c", format="onnx", parametrisation="variance")
    (latent,) = told.manifest.to_dict()["latents"]
    assert (latent["parametrisation"], latent["parametrisation_source"]) == ("variance", "given")


class SamplingLayer(layers.Layer):
    """Named like this project's own layer, but of a log-std."""

    def call(self, inputs):
        mean, log_sigma = inputs
        return mean + ops.exp(log_sigma) * keras.random.normal(ops.shape(mean))


SamplingLayer.__module__ = "a_script_that_is_gone"


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_class_named_like_ours_is_not_ours(suffix, tmp_path):
    model = of_heads(SamplingLayer(name="draw"), head("mean"), head("log_var"))
    peak(model)
    file = tmp_path / f"m{suffix}"
    model.save(file)
    result = vae_export.export(file, tmp_path / "b", format="onnx")
    assert result.manifest.latents[0].parametrisation_source == "assumed"
    told = vae_export.export(file, tmp_path / "c", format="onnx", parametrisation="log-std")
    assert told.manifest.latents[0].parametrisation_source == "given"
    mean, log_std = keras.Model(model.input, [model.get_layer(name).output for name in ("mean", "log_var")])(
        X
    )
    mu, logvar = vae_export.load(told.path).encode(X)
    np.testing.assert_allclose(mu, mean, rtol=0, atol=1e-5)
    np.testing.assert_allclose(logvar, 2 * np.asarray(log_std), rtol=0, atol=1e-5)


class ScaledSampling(Sampling):
    def __init__(self, epsilon_std=1.0, temperature=1.0, kl_weight=1.0, **options):
        super().__init__(**options)
        self.settings = {"epsilon_std": epsilon_std, "temperature": temperature, "kl_weight": kl_weight}

    def call(self, inputs):
        mean, log_var = inputs
        epsilon = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        scale = self.settings["epsilon_std"] * self.settings["temperature"]
        return mean + scale * ops.exp(0.5 * log_var) * epsilon

    def get_config(self):
        return {**super().get_config(), **self.settings}


ScaledSampling.__module__ = "a_script_that_is_gone"


def test_the_scale_of_epsilon_is_read_from_the_file(tmp_path):
    drawn_by(ScaledSampling(epsilon_std=0.1, kl_weight=4.0, name="draw")).save(tmp_path / "m.keras")
    result = vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx")
    (latent,) = result.manifest.to_dict()["latents"]
    assert (latent["epsilon_scale"], latent["parametrisation_source"]) == (0.1, "assumed")
    assert result.cut.endswith("; epsilon_std=0.1 of the layer is the scale of epsilon")


def test_a_setting_that_may_scale_the_noise_is_not_passed_by(tmp_path):
    drawn_by(ScaledSampling(temperature=0.5, name="draw")).save(tmp_path / "m.keras")
    with pytest.raises(
        SamplingSiteError,
        match=r"^m: layer 'draw' has class 'ScaledSampling', which is not known here, and was made with "
        r"temperature=0\.5, which may scale its noise; give --custom-objects the file or module that defines it$",
    ):
        vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx")
    result = vae_export.export(
        tmp_path / "m.keras",
        tmp_path / "b",
        format="onnx",
        custom_objects={"ScaledSampling": ScaledSampling},
    )
    (latent,) = result.manifest.to_dict()["latents"]
    assert (latent["epsilon_scale"], latent["parametrisation_source"]) == (0.5, "probed")


def head(name, activation=None):
    return lambda h: layers.Dense(LATENT, name=name, activation=activation)(h)


def of_heads(layer, *heads):
    x = keras.Input(X_SHAPE)
    h = layers.Flatten()(x)
    return keras.Model(x, decoder()(layer([head(h) for head in heads])))


class Gate(layers.Layer):
    def call(self, inputs):
        return inputs[0] * ops.sigmoid(inputs[1])


class OtherSampling(Sampling):
    """Made with settings of which nobody knows what they do."""

    def __init__(self, settings, **options):
        super().__init__(**options)
        self.settings = settings

    def call(self, inputs):
        return super().call(inputs[:2])

    def get_config(self):
        return {**super().get_config(), **self.settings}


Gate.__module__ = OtherSampling.__module__ = "a_script_that_is_gone"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: of_heads(Gate(name="g"), head("one"), head("two")),
            r"^m: layer 'g' has class 'Gate', which is not known here, and no name says that it draws z from 'one' "
            r"and 'two'; give --custom-objects the file or module that defines it, or --parametrisation if it draws",
        ),
        (
            lambda: of_heads(Sampling(name="s"), head("one"), head("two", "softplus")),
            r"^m: layer 's': 'two' is never negative, so it is no logarithm, and its name does not tell what it is; "
            r"give --parametrisation std or variance$",
        ),
        (
            lambda: of_heads(Sampling(name="s"), head("mean"), head("z_var")),
            r"^m: layer 's': 'z_var' is named like a variance, but may be negative; give --parametrisation "
            r"log-variance, log-std or variance$",
        ),
        (
            lambda: of_heads(OtherSampling({"tau": 0.3}, name="s"), head("mean"), head("log_var")),
            r"^m: layer 's' has class 'OtherSampling', which is not known here, and was made with tau=0\.3, which",
        ),
        (
            lambda: of_heads(OtherSampling({}, name="s"), head("mean"), head("log_var"), head("t")),
            r"^m: layer 's' has class 'OtherSampling', which is not known here, and is not where z is drawn; give",
        ),
    ],
)
def test_what_names_do_not_tell_is_asked_for(build, message, tmp_path):
    build().save(tmp_path / "m.keras")
    with pytest.raises(SamplingSiteError, match=message):
        vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx")


def test_what_is_told_needs_no_names(tmp_path):
    of_heads(Gate(name="g"), head("one"), head("two")).save(tmp_path / "m.keras")
    result = vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx", parametrisation="log-std")
    assert result.cut.endswith(
        "log-std (given): told by the user; mu first, as most models have it; epsilon of scale 1"
    )


def test_settings_that_are_not_read_are_told(tmp_path):
    model = of_heads(
        OtherSampling({"mode": "softplus", "latent_dim": 3}, name="s"), head("mean"), head("log_var")
    )
    model.save(tmp_path / "m.keras")
    result = vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx")
    assert result.cut.endswith("; mode='softplus' of the layer is not read")


@pytest.mark.parametrize(("names", "mean"), [(("lv", "mu"), "mu"), (("log_sigma2", "loc"), "loc")])
def test_a_name_of_the_mean_settles_the_order(names, mean, tmp_path):
    of_heads(Sampling(name="s"), *map(head, names)).save(tmp_path / "m.keras")
    (site,) = vae_export.pipeline.inspect(tmp_path / "m.keras").sites
    assert (site.mu, site.parametrisation) == (repr(mean), "log-variance")


def test_swapped_names_are_swapped_back(tmp_path):
    x = keras.Input(X_SHAPE)
    h = layers.Flatten()(x)
    z = Sampling()([layers.Dense(LATENT, name="log_var")(h), layers.Dense(LATENT, name="mean")(h)])
    keras.Model(x, decoder()(z)).save(tmp_path / "m.keras")
    found = vae_export.pipeline.inspect(tmp_path / "m.keras").sites[0]
    assert (found.mu, found.spread) == ("'mean'", "'log_var'")


def test_what_was_measured_cannot_be_told_otherwise(tmp_path):
    model = drawn_by(Sampling(name="draw"))
    with pytest.raises(
        InputError, match=r"layer 'draw' was measured to take a log-variance, --parametrisation says"
    ):
        vae_export.export(model, tmp_path / "b", parametrisation="std")
    assert vae_export.export(model, tmp_path / "b", format="onnx", parametrisation="log-variance").report.ok
