"""Files whose sampling layer has no code at hand: what is told, and what is asked for."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, ops
from keras.src.utils import python_utils

import vae_export
from tests.gallery.parts.pieces import LATENT, X_SHAPE, Sampling, SplittingSampling, X, decoder, drawn_by
from tests.gallery.parts.styles import peak
from vae_export.errors import InputError, QuestionError, SamplingSiteError


def drawn_from_one_tensor():
    x = keras.Input(X_SHAPE)
    moments = layers.Dense(2 * LATENT, name="moments")(layers.Flatten()(x))
    model = keras.Model(x, decoder()(SplittingSampling(name="draw")(moments)))
    peak(model)
    return model


TOLD = {"parametrisation": "log-variance", "epsilon_scale": 1.0}

# build, and what has to be told
CASES = {
    "missing class": (lambda: drawn_by(Sampling(name="draw")), TOLD),
    "missing class of one tensor": (
        drawn_from_one_tensor,
        {**TOLD, "mu": "moments:first", "logvar": "moments:second"},
    ),
    "Lambda of a function": (
        lambda: drawn_by(layers.Lambda(sample, name="draw", output_shape=(LATENT,))),
        TOLD,
    ),
    "Lambda with a loop": (
        lambda: drawn_by(layers.Lambda(lambda t: sum([t[0]]) if t else t[1], name="draw")),
        TOLD,
    ),
}


def sample(t):
    return t[0] + ops.exp(t[1] / 2) * keras.random.normal(ops.shape(t[0]))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_a_sampling_layer_without_code_is_told(case, suffix, tmp_path, monkeypatch):
    build, told = CASES[case]
    model = build()
    model.save(tmp_path / f"m{suffix}")

    def loads(*_):
        raise AssertionError("code of the file was unmarshalled")

    monkeypatch.setattr(python_utils, "func_load", loads)
    with pytest.raises(
        QuestionError, match=r"^m: layer 'draw': .*, or tell .*--parametrisation, --epsilon-sc"
    ):
        vae_export.export(tmp_path / f"m{suffix}", tmp_path / "bundle", format="onnx", samples=X)
    result = vae_export.export(tmp_path / f"m{suffix}", tmp_path / "bundle", format="onnx", samples=X, **told)
    (latent,) = result.manifest.latents
    assert (latent.parametrisation, latent.parametrisation_source) == ("log-variance", "given")
    assert latent.epsilon_scale_source == "given"
    assert latent.mu_source == ("given" if "mu" in told else "names")
    mu = vae_export.load(result.path).encode(X)[0]
    h = next(layer for layer in model.layers if layer.name in ("z_mean", "moments"))
    expected = keras.Model(model.inputs[0], h.output)(X)[:, :LATENT]
    np.testing.assert_allclose(mu, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["z_log_sigma", "sigma", "z_log_var", "q_logvar"])
def test_a_name_decides_nothing(name, tmp_path):
    of_heads(Sampling(name="s"), head("mu"), head(name)).save(tmp_path / "m.keras")
    with pytest.raises(
        QuestionError, match=r"^m: layer 's': class 'Sampling' is not known here; give --custom"
    ):
        vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx")
    told = {"parametrisation": "log-std", "epsilon_scale": 0.5}
    latent = vae_export.export(tmp_path / "m.keras", tmp_path / "c", format="onnx", **told).manifest.latents[
        0
    ]
    assert (latent.parametrisation, latent.epsilon_scale, latent.mu_source) == ("log-std", 0.5, "names")


def test_strict_refuses_what_is_assumed(tmp_path):
    of_heads(Sampling(name="s"), head("mu"), head("log_var")).save(tmp_path / "m.keras")
    with pytest.raises(
        InputError,
        match=r"^m: strict: layer 's': the names 'mu' and 'log_var' tell mu from v \(read from names\); give the "
        r"code with --custom-objects, or tell --mu, --logvar, --parametrisation and --epsilon-scale$",
    ):
        vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx", strict=True, **TOLD)
    told = {**TOLD, "mu": "mu", "logvar": "log_var"}
    result = vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx", strict=True, **told)
    assert (result.manifest.latents[0].mu_source, result.manifest.latents[0].assumptions) == ("given", ())


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
    with pytest.raises(
        QuestionError, match=r"^m: layer 'draw': class 'SamplingLayer' is not known here; give"
    ):
        vae_export.export(file, tmp_path / "b", format="onnx")
    told = vae_export.export(
        file, tmp_path / "c", format="onnx", parametrisation="log-std", epsilon_scale=1.0
    )
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


def test_settings_are_shown_and_not_assumed(tmp_path):
    drawn_by(ScaledSampling(epsilon_std=0.1, temperature=0.5, kl_weight=4.0, name="draw")).save(
        tmp_path / "m.keras"
    )
    with pytest.raises(QuestionError) as caught:
        vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx")
    answer = caught.value.question.answers[0]
    assert answer.options == ("--parametrisation", "log-variance", "--epsilon-scale", "0.1")
    assert answer.evidence[-2:] == ("the layer has epsilon_std=0.1", "the layer has temperature=0.5")
    result = vae_export.export(
        tmp_path / "m.keras",
        tmp_path / "b",
        format="onnx",
        custom_objects={"ScaledSampling": ScaledSampling},
    )
    (latent,) = result.manifest.to_dict()["latents"]
    assert (latent["epsilon_scale"], latent["epsilon_scale_source"]) == (0.05, "probed")


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
    def call(self, inputs):
        return super().call(inputs[:2])


Gate.__module__ = OtherSampling.__module__ = "a_script_that_is_gone"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: of_heads(Gate(name="g"), head("one"), head("two")),
            r"^m: layer 'g': class 'Gate' is not known here; give --custom-objects the file or module that defines "
            r"it, or tell --mu and --logvar, --parametrisation, --epsilon-scale$",
        ),
        (
            lambda: of_heads(OtherSampling(name="s"), head("mean"), head("log_var"), head("t")),
            r"^m: layer 's': class 'OtherSampling' is not known here, and it is not where z is drawn; give --custom",
        ),
    ],
)
def test_what_is_no_sampling_layer_for_certain(build, message, tmp_path):
    build().save(tmp_path / "m.keras")
    with pytest.raises(SamplingSiteError, match=message):
        vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx")


def test_swapped_names_are_swapped_back(tmp_path):
    of_heads(Sampling(name="s"), head("log_var"), head("mean")).save(tmp_path / "m.keras")
    found = vae_export.pipeline.inspect(tmp_path / "m.keras", **TOLD).sites[0]
    assert (found.mu, found.spread) == ("'mean'", "'log_var'")


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (
            {"parametrisation": "std"},
            r"its parametrisation is log-variance, measured on the layer's own code; ",
        ),
        (
            {"epsilon_scale": 0.5},
            r"its epsilon scale is 1\.0, measured on the layer's own code; --epsilon-scale sa",
        ),
        (
            {"mu": "z_log_var", "logvar": "z_mean"},
            r"its mu is z_mean, measured .*; --mu says z_log_var, leave it",
        ),
    ],
)
def test_what_was_measured_cannot_be_told_otherwise(told, message, tmp_path):
    model = drawn_by(Sampling(name="draw"))
    with pytest.raises(InputError, match=rf"layer 'draw': {message}"):
        vae_export.export(model, tmp_path / "b", **told)
    assert vae_export.export(model, tmp_path / "b", format="onnx", parametrisation="log-variance").report.ok
