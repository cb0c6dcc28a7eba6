"""A new parametrisation is one entry: a toy goes from a sampling layer to a true log-variance."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from keras import ops

from tests.tiny_models import ListSampler, samples, tiny_vae
from vae_export.cli.main import main
from vae_export.core.evidence import WAYS_OF_KNOWING
from vae_export.core.manifest import schema
from vae_export.core.parametrisation import PARAMETRISATIONS, Parametrisation, register_parametrisation
from vae_export.errors import SamplingSiteError
from vae_export.split.asking import KINDS_BY_NAME
from vae_export.split.split_vae import split

# v is the precision of the posterior, 1 / sigma^2, over what a layer before the sampler may give.
TOY = Parametrisation(
    "scaled-precision",
    "(1 + v^2)^-0.5",
    "(1 + v²)^-0.5",
    lambda v: (1 + v**2) ** -0.5,
    lambda ops, v: -ops.log(1.0 + v * v),
    lambda s: np.sqrt(np.maximum(s**-2 - 1, 0)),
    (0.1, 4),
)


class PrecisionSampler(ListSampler):
    """Takes something that a precision is made of."""

    def call(self, inputs):
        mean, v = inputs
        noise = keras.random.normal(ops.shape(mean), seed=self.generator)
        return mean + ops.rsqrt(1.0 + ops.square(v)) * noise


@pytest.fixture
def toy():
    yield register_parametrisation(TOY)
    del PARAMETRISATIONS[TOY.name]


def test_without_it_the_layer_is_refused():
    with pytest.raises(SamplingSiteError, match=r"expected noise around mu, mu \+ sigma \* epsilon"):
        split(tiny_vae(sampler=PrecisionSampler()))


def test_a_toy_is_measured_and_becomes_a_log_variance(toy):
    model = tiny_vae(sampler=PrecisionSampler(name="draw"))
    vae = split(model)
    (latent,) = vae.latents
    assert (latent.parametrisation, latent.parametrisation_source) == ("scaled-precision", "probed")
    x = samples(5)
    posterior = vae.encoder.run({"x": x})
    v = keras.Model(model.inputs, model.get_layer("logvar").output)([x]).numpy().astype(np.float64)
    np.testing.assert_allclose(posterior["logvar"], -np.log(1 + v**2), rtol=0, atol=1e-5)


def test_the_command_line_offers_it(toy, capfd):
    with pytest.raises(SystemExit):
        main(["inspect", "--help"])
    assert "scaled-precision" in capfd.readouterr().out


def test_the_manifest_takes_it(toy):
    (word,) = {latent.parametrisation for latent in split(tiny_vae(sampler=PrecisionSampler())).latents}
    assert word in schema()["$defs"]["Latent"]["properties"]["parametrisation"]["enum"]


def test_the_schema_that_ships_has_the_table(root):
    shipped = json.loads((root / "vae_export" / "bundle" / "manifest.schema.json").read_text())
    properties = shipped["$defs"]["Latent"]["properties"]
    assert properties["parametrisation"]["enum"] == list(PARAMETRISATIONS)
    sources = [way.in_manifest for way in WAYS_OF_KNOWING.values()]
    assert properties["parametrisation_source"]["enum"] == sources


def test_kinds_that_names_tell_are_in_the_table():
    assert {kind for kind, _ in KINDS_BY_NAME} <= set(PARAMETRISATIONS)


def test_names_are_taken_once():
    with pytest.raises(ValueError, match=r"^parametrisation 'std' is registered already$"):
        register_parametrisation(PARAMETRISATIONS["std"])


@pytest.mark.parametrize("name", PARAMETRISATIONS)
def test_the_columns_of_the_table_agree(name):
    """Sigma, log-variance and inverse are three ways to say one thing."""
    one = PARAMETRISATIONS[name]
    v = np.linspace(*one.probe_range, 50)
    sigma = one.sigma(v)
    np.testing.assert_allclose(one.inverse(sigma), v, rtol=1e-6, atol=1e-6)
    logvar = ops.convert_to_numpy(one.logvar(ops, ops.convert_to_tensor(v, "float32")))
    np.testing.assert_allclose(logvar, 2 * np.log(sigma), rtol=1e-4, atol=1e-4)
