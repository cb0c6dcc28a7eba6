"""Whatever a sampler computes, whatever its tensors are called and however it comes: right, or a question.

Every sampler of a table, with names that tell, mislead or say nothing, in each way in which a model comes: as an
object, in a file whose class is gone, as a Lambda in a file, as a pair of files with and without the sampler, as
a subclassed model. What comes out is compared with the author's mu and sigma; a refusal has to be one that exits
with 2. Then every style of the gallery, in files whose classes are gone.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, ops

from tests.gallery.parts.pieces import LATENT, X_SHAPE, X, decoder
from tests.gallery.parts.styles import STYLES, build_style, inputs, peak
from vae_export.errors import InputError, ModelError, QuestionError
from vae_export.sources.keras_loading import load_model
from vae_export.split.finding import find_sampling_sites
from vae_export.split.float32 import computing_in_float32
from vae_export.split.graph import is_functional
from vae_export.split.pair import Pair
from vae_export.split.split_vae import split

normal = keras.random.normal


class Sampler(layers.Layer):
    """A sampling layer in a script of its own."""

    def call(self, inputs):
        return self.draw(inputs)


# name -> the code of the sampler, and sigma of (first tensor, second tensor) -> (mu, signed sigma)
SAMPLERS = {
    "log-variance": (
        "lambda t: t[0] + ops.exp(0.5 * t[1]) * normal(ops.shape(t[0]))",
        lambda a, b: (a, np.exp(b / 2)),
    ),
    "log-std": (
        "lambda t: t[0] + ops.exp(t[1]) * normal(ops.shape(t[0]))",
        lambda a, b: (a, np.exp(b)),
    ),
    "softplus": (
        "lambda t: t[0] + ops.softplus(t[1]) * normal(ops.shape(t[0]))",
        lambda a, b: (a, np.logaddexp(0, b)),
    ),
    "std": ("lambda t: t[0] + t[1] * normal(ops.shape(t[0]))", lambda a, b: (a, b)),
    "swapped": (
        "lambda t: t[1] + ops.exp(0.5 * t[0]) * normal(ops.shape(t[0]))",
        lambda a, b: (b, np.exp(a / 2)),
    ),
    "subtracted": (
        "lambda t: t[0] - ops.exp(0.5 * t[1]) * normal(ops.shape(t[0]))",
        lambda a, b: (a, -np.exp(b / 2)),
    ),
    "stddev of a tenth": (
        "lambda t: t[0] + ops.exp(0.5 * t[1]) * normal(ops.shape(t[0]), stddev=0.1)",
        lambda a, b: (a, 0.1 * np.exp(b / 2)),
    ),
    "clipped": (
        "lambda t: t[0] + ops.exp(0.5 * ops.clip(t[1], -1.0, 1.0)) * normal(ops.shape(t[0]))",
        lambda a, b: (a, np.exp(np.clip(b, -1, 1) / 2)),
    ),
    "floor": (
        "lambda t: t[0] + (ops.exp(t[1]) + 0.1) * normal(ops.shape(t[0]))",
        lambda a, b: (a, np.exp(b) + 0.1),
    ),
    "sigma of tanh": ("lambda t: t[0] + ops.exp(ops.tanh(t[1])) * normal(ops.shape(t[0]))", None),
    "scaled mu": ("lambda t: 2 * t[0] + ops.exp(t[1]) * normal(ops.shape(t[0]))", None),
    "uniform": ("lambda t: t[0] + t[1] * keras.random.uniform(ops.shape(t[0]))", None),
    "shared": (f"lambda t: t[0] + ops.exp(t[1]) * normal((1, {LATENT}))", None),
    "gate": ("lambda t: t[0] * ops.sigmoid(t[1])", None),
}
NAMES = {"telling": ("z_mean", "z_log_var"), "misleading": ("z_mean", "z_log_sigma"), "silent": ("a", "b")}
SPACE = {"ops": ops, "keras": keras, "normal": normal}


def functional(layer, names):
    x = keras.Input(X_SHAPE)
    h = layers.Dense(16, activation="relu")(layers.Flatten()(x))
    heads = [layers.Dense(LATENT, name=name)(h) for name in names]
    z = layer(heads)
    encoder = keras.Model(x, [*heads, z], name="encoder")
    image = decoder()
    model = keras.Model(x, image(z), name="m")
    peak(model)
    return model, encoder, image


def of_object(draw, source, names, folder):
    model, encoder, _ = functional(sampler(draw), names)
    return model, encoder


def of_file_without_class(suffix):
    def of_file_without_class(draw, source, names, folder):
        model, encoder, _ = functional(sampler(draw), names)
        model.save(folder / f"m{suffix}")
        return load_model(folder / f"m{suffix}"), encoder

    return of_file_without_class


def of_lambda(suffix):
    def of_lambda(draw, source, names, folder):
        # In a file `normal` is keras.random.normal, which a script may well import alone.
        code = eval(source.replace("normal(", "keras.random.normal("), SPACE)
        model, encoder, _ = functional(layers.Lambda(code, name="draw", output_shape=(LATENT,)), names)
        model.save(folder / f"m{suffix}")
        return load_model(folder / f"m{suffix}"), encoder

    return of_lambda


def of_pair(draw, source, names, folder):
    _, encoder, image = functional(sampler(draw), names)
    return Pair(keras.Model(encoder.inputs[0], encoder.outputs[:2]), image, None, "m"), encoder


def of_pair_with_sampler(draw, source, names, folder):
    _, encoder, image = functional(sampler(draw), names)
    return Pair(encoder, image, None, "m"), encoder


def of_subclass(draw, source, names, folder):
    _, encoder, image = functional(sampler(draw), names)

    class Vae(keras.Model):
        def __init__(self):
            super().__init__(name="m")
            self.encoder, self.decoder = keras.Model(encoder.inputs[0], encoder.outputs[:2]), image

        def call(self, x):
            # NumPy keeps it from being traced as a graph.
            np.zeros(1)
            return self.decoder(draw(self.encoder(x)))

    model = Vae()
    model(X)
    return model, encoder


WAYS = {
    "object": of_object,
    "class gone in .keras": of_file_without_class(".keras"),
    "class gone in .h5": of_file_without_class(".h5"),
    "Lambda in .keras": of_lambda(".keras"),
    "Lambda in .h5": of_lambda(".h5"),
    "pair": of_pair,
    "pair with sampler": of_pair_with_sampler,
    "subclass": of_subclass,
}
# Where the code is at hand, or in the file, nothing has to be asked of a sampler of the table. A call() that cannot
# be traced is compared with what encoder and decoder compute with plain samplers.
WITHOUT_CODE = {"class gone in .keras", "class gone in .h5", "pair"}
WITH_CODE = set(WAYS) - WITHOUT_CODE
PLAIN = {"log-variance", "log-std", "softplus", "swapped", "subtracted"}


def sampler(draw):
    layer = Sampler(name="draw")
    layer.draw = draw
    return layer


@pytest.fixture(autouse=True)
def gone(monkeypatch):
    monkeypatch.setattr(Sampler, "__module__", "a_script_that_is_gone")


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.filterwarnings(
    "ignore:You are saving your model as an HDF5 file", "ignore:The object being serialized"
)
def test_it_is_right_or_it_asks(name, way, names, tmp_path):
    source, truth = SAMPLERS[name]
    model, encoder = WAYS[way](eval(source, SPACE), source, NAMES[names], tmp_path)
    vae, error = outcome(model)
    if error is not None:
        known = way in WITH_CODE and (way != "subclass" or name in PLAIN)
        assert truth is None or not known, error
        if way in WITHOUT_CODE:
            assert isinstance(error, QuestionError)
        return
    assert truth is not None, "a sampler that is none of ours was taken for one"
    assert way in WITH_CODE, "what cannot be known was assumed"
    mu, sigma = truth(*(np.asarray(one, np.float64) for one in encoder(X)[:2]))
    assert_same(vae, mu, sigma)
    assert not any(site.posterior.assumptions for site in vae.sites)


def outcome(model, **options):
    """The halves, or the error, which exits with 2."""
    assert issubclass(ModelError, InputError)
    try:
        return split(model, "m", **options), None
    except ModelError as error:
        return None, error


def assert_same(vae, mu, sigma):
    found = vae.encoder.run({"x": X})
    (latent,) = vae.latents
    np.testing.assert_allclose(found["mu"], mu, rtol=0, atol=1e-4 * np.abs(mu).max())
    signed = latent.epsilon_scale * np.exp(0.5 * found["logvar"].astype(np.float64))
    # A standard deviation that may be negative is known by its size alone.
    compared = np.abs(sigma) if latent.parametrisation == "std" else sigma
    np.testing.assert_allclose(signed, compared, rtol=1e-3, atol=1e-6)


# The file of a subclassed model does not say how it is built.
SUBCLASSED = {"layers_of_their_own", "keras_io_example", "tensorflow_cvae"}


def custom_classes(model):
    if not isinstance(model, keras.Layer):
        return set()
    return {
        type(layer)
        for layer in model._flatten_layers()
        if type(layer).__module__.split(".")[0] not in ("keras", "vae_export")
    }


@pytest.mark.parametrize("style", [style for style in STYLES if style not in SUBCLASSED])
def test_styles_whose_classes_are_gone(style, tmp_path, monkeypatch):
    module, model = build_style(style)
    assert is_functional(model)
    options = {"x_shape": getattr(module, "OPTIONS", {}).get("input_shape")}
    given = {"x": inputs(module, model), **getattr(module, "CONDITIONS", {})}
    with computing_in_float32(model):
        with_code = split(model, "m", **options)
        expected = with_code.encoder.run({name: given[name] for name in with_code.encoder.inputs})
    unread = [layer for layer in model._flatten_layers() if isinstance(layer, layers.Lambda)]
    for one in custom_classes(model):
        monkeypatch.setattr(one, "__module__", "a_script_that_is_gone")
    model.save(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras")
    with computing_in_float32(loaded):
        vae, error = outcome(loaded, **options)
        if error is not None:
            assert custom_classes(model) or unread, error
            return
        found = vae.encoder.run({name: given[name] for name in vae.encoder.inputs})
    for name, array in found.items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-3, atol=1e-4)
    assert [one.epsilon_scale for one in vae.latents] == [one.epsilon_scale for one in with_code.latents]
    assert not any(site.posterior.assumptions for site in vae.sites)


def test_a_planted_assumption_is_found(monkeypatch, tmp_path):
    """The matrix can fail: a second tensor that is always taken for a log-variance is caught."""
    source, truth = SAMPLERS["log-std"]
    model, encoder = of_object(eval(source, SPACE), source, NAMES["telling"], tmp_path)
    vae = split(model, "m")
    (site,) = find_sampling_sites(vae.graph, "m")
    assert site.posterior.parametrisation == "log-std"
    wrong = vae.encoder.run({"x": X})
    _, sigma = truth(*(np.asarray(one, np.float64) for one in encoder(X)[:2]))
    wrong_sigma = np.exp(0.25 * wrong["logvar"].astype(np.float64))
    assert np.abs(wrong_sigma - sigma).max() > 0.1
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(wrong_sigma, sigma, rtol=1e-3)
