"""Samplers and models that pass for something else at first sight."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, ops

from tests.gallery.parts.pieces import LATENT, X_SHAPE, X, decoder, drawn_by, encoder_tensors
from tests.gallery.parts.styles import peak
from vae_export.core.told import Told
from vae_export.errors import ModelError, QuestionError, SamplingSiteError
from vae_export.sources.keras_loading import load_model
from vae_export.split.split_vae import split

normal = keras.random.normal
epsilon_std = 1.0


def lambda_of(function):
    return layers.Lambda(function, name="draw", output_shape=(LATENT,))


def clipped_noise(t):
    return t[0] + ops.exp(t[1] / 2) * ops.clip(keras.random.normal(ops.shape(t[0])), -3.0, 3.0)


def clipped_mu(t):
    return ops.clip(t[0], -40.0, 40.0) + ops.exp(t[1] / 2) * keras.random.normal(ops.shape(t[0]))


def clipped_z(t):
    z = t[0] + ops.exp(t[1] / 2) * keras.random.normal(ops.shape(t[0]))
    return ops.clip(z, -100.0, 100.0)


def sum_of_uniforms(t):
    shape = (12, *t[0].shape)
    noise = ops.sum(keras.random.uniform((12, ops.shape(t[0])[0], shape[-1])), axis=0) - 6.0
    return t[0] + ops.exp(t[1] / 2) * noise


@pytest.mark.parametrize("function", [clipped_noise, clipped_mu, clipped_z, sum_of_uniforms])
def test_what_looks_linear_near_zero_is_seen_further_out(function):
    with pytest.raises(
        SamplingSiteError, match=r"^m: layer 'draw' \(Lambda\) gave .*; expected noise around mu"
    ):
        split(drawn_by(lambda_of(function)), "m")


def test_noise_of_another_dtype():
    def of_doubles(t):
        epsilon = ops.cast(keras.random.normal(ops.shape(t[0]), dtype="float64"), "float32")
        return t[0] + ops.exp(t[1] / 2) * epsilon

    (site,) = split(drawn_by(lambda_of(of_doubles)), "m").sites
    assert site.posterior.describe() == "log-variance (measured)"


def test_keyword_only_arguments_have_no_value_in_a_file(tmp_path):
    def draw(a, s=0.3, *, t=0.5):
        return a[0] + s * t * ops.exp(a[1] / 2) * keras.random.normal(ops.shape(a[0]))

    draw.__name__ = "<lambda>"
    model = drawn_by(layers.Lambda(draw, name="draw", output_shape=(LATENT,), arguments={"s": 2.0}))
    model.save(tmp_path / "m.keras")
    with pytest.raises(
        QuestionError, match=r"is not understood: the argument 't', which has no value in the file;"
    ):
        split(load_model(tmp_path / "m.keras"), "m")


def test_the_factor_beside_an_unknown_scale_is_named(tmp_path):
    model = drawn_by(
        layers.Lambda(
            lambda a: a[0] - 0.5 * ops.exp(a[1] / 2) * keras.random.normal(ops.shape(a[0]), 0.0, epsilon_std),
            name="draw",
            output_shape=(LATENT,),
        )
    )
    model.save(tmp_path / "m.keras")
    with pytest.raises(QuestionError, match=r"tell --epsilon-scale, the value of -0\.5 · epsilon_std$"):
        split(load_model(tmp_path / "m.keras"), "m")
    known = load_model(tmp_path / "m.keras", {"epsilon_std": 3.0})
    assert split(known, "m").latents[0].epsilon_scale == -1.5
    told = split(load_model(tmp_path / "m.keras"), "m", told=Told(epsilon_scale=-1.5))
    assert told.latents[0].epsilon_scale == -1.5


class Scaled(keras.Model):
    """A functional model that does more in call()."""

    def call(self, x):
        return super().call(x / 255.0)


class ScaledInARow(keras.Sequential):
    def call(self, x, training=None):
        return super().call(x) * 2.0


def scaled_model():
    x = keras.Input(X_SHAPE)
    mean, log_var = encoder_tensors(x)
    draw = layers.Lambda(
        lambda t: t[0] + ops.exp(t[1] / 2) * keras.random.normal(ops.shape(t[0])), output_shape=(LATENT,)
    )
    return Scaled(x, decoder()(draw([mean, log_var])))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_a_functional_subclass_whose_class_is_gone(suffix, tmp_path, monkeypatch):
    monkeypatch.setattr(Scaled, "__module__", "a_script_that_is_gone")
    scaled_model().save(tmp_path / f"m{suffix}")
    (site,) = split(load_model(tmp_path / f"m{suffix}"), "m").sites
    (assumption,) = site.posterior.assumptions
    assert assumption.words == (
        "class 'Scaled' is not known here: what its call() may do beside its graph of layers is not seen; "
        "--custom-objects tells"
    )


def test_a_sequential_subclass_is_no_list_of_layers():
    row = ScaledInARow(
        [keras.Input((LATENT,)), layers.Dense(36, activation="sigmoid"), layers.Reshape(X_SHAPE)]
    )
    x = keras.Input(X_SHAPE)
    draw = layers.Lambda(
        lambda t: t[0] + ops.exp(t[1] / 2) * keras.random.normal(ops.shape(t[0])), output_shape=(LATENT,)
    )
    model = keras.Model(x, row(draw(list(encoder_tensors(x)))))
    peak(model)
    vae = split(model, "m")
    z = np.random.default_rng(0).standard_normal((8, LATENT)).astype(np.float32)
    np.testing.assert_allclose(vae.decoder.run({"z": z})["reconstruction"], row(z), rtol=1e-5, atol=1e-6)


class HalfInTraining(keras.Model):
    """In training half of the noise is left out."""

    def __init__(self):
        super().__init__(name="m")
        x = keras.Input(X_SHAPE)
        self.encoder, self.decoder = keras.Model(x, list(encoder_tensors(x))), decoder()

    def sampling(self, mean, log_var):
        return mean + ops.exp(log_var / 2) * keras.random.normal(ops.shape(mean))

    def call(self, x, training=False):
        # NumPy keeps it from being traced as a graph.
        np.zeros(1)
        mean, log_var = self.encoder(x)
        z = mean + 0.5 * (self.sampling(mean, log_var) - mean) if training else mean
        return self.decoder(z * np.float32(1))


class TwoPictures(HalfInTraining):
    def call(self, x, training=False):
        np.zeros(1)
        picture = self.decoder(self.sampling(*self.encoder(x)))
        return picture, keras.ops.convert_to_tensor(np.float32(1)) * keras.ops.sigmoid(picture)


@pytest.mark.parametrize("model", [HalfInTraining, TwoPictures])
def test_a_call_that_contradicts_what_was_measured_is_refused(model, monkeypatch):
    from vae_export.split import split_vae
    from vae_export.split.traced_call import CannotTraceError

    def cannot(*_, **__):
        raise CannotTraceError("here")

    # As for code that is no graph of layers.
    monkeypatch.setattr(split_vae, "trace_call", cannot)
    built = model()
    built(X)
    with pytest.raises(
        ModelError, match=r"^m: call\(\) (draws z in training in another way than|computes something)"
    ):
        split(built, "m")


def grow(operation, steps):
    body = "\n".join(f"    t = {operation}" for _ in range(steps))
    space = {"ops": ops}
    exec(f"def f(t):\n{body}\n    return t", space)
    space["f"].__name__ = "<lambda>"
    return space["f"]


@pytest.mark.parametrize(
    ("operation", "steps", "problem"),
    [
        ("(t, t)", 60, "a sequence of more than 256 values"),
        ("(t,) + (t,)", 20, "a sequence of more than 256 values"),
        ("t[:, None]", 300, "a tensor of more than 8 axes"),
        ("ops.split(t, 10**8, axis=0)", 1, "a tensor in 100,000,000 parts"),
    ],
)
def test_code_that_would_never_end(operation, steps, problem):
    from keras.src.utils import python_utils

    from vae_export.split.lambdas.layer import ReadLambda

    code, *_ = python_utils.func_dump(grow(operation, steps))
    layer = ReadLambda(code, missing_class="Lambda", name="draw")
    layer(keras.Input((4,)))
    assert layer.problem == problem


def test_registered_classes_are_no_functions_of_the_code():
    from keras.src.utils import python_utils

    from vae_export.split.lambdas.layer import ReadLambda

    code, *_ = python_utils.func_dump(lambda t: StandIn(t))  # noqa: F821
    with keras.saving.custom_object_scope({"StandIn": layers.Dense}):
        layer = ReadLambda(code, missing_class="Lambda", name="draw")
    layer(keras.Input((4,)))
    assert layer.problem == "a call of StandIn, which is not known"


batch_size, epsilon_mean = 16, 0.0


def named_batch(t):
    return t[0] + ops.exp(t[1]) * keras.random.normal((batch_size, LATENT))


def named_mean(t):
    return t[0] + ops.exp(t[1]) * keras.random.normal(ops.shape(t[0]), epsilon_mean)


def saved(function, folder):
    function.__name__ = "<lambda>"
    drawn_by(lambda_of(function)).save(folder / "m.keras")
    return folder / "m.keras"


def test_a_batch_size_that_the_user_tells_is_the_batch(tmp_path):
    # The author's model runs on 16 rows alone.
    x = keras.Input(X_SHAPE, batch_size=16)
    named_batch.__name__ = "<lambda>"
    model = keras.Model(x, decoder()(lambda_of(named_batch)(list(encoder_tensors(x)))))
    model.save(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras", {"batch_size": 16, "LATENT": LATENT})
    (site,) = split(loaded, "m").sites
    assert site.posterior.describe() == "log-std (read from code)"


def test_an_unknown_mean_is_asked_for(tmp_path):
    file = saved(named_mean, tmp_path)
    with pytest.raises(
        SamplingSiteError, match=r"uses epsilon_mean, whose value is not in the file; give --custom-o"
    ):
        split(load_model(file), "m")
    (site,) = split(load_model(file, {"epsilon_mean": 0.0}), "m").sites
    assert site.posterior.describe() == "log-std (read from code)"
