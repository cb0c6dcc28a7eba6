"""A new way to write a sampling site is one file and one line."""

from __future__ import annotations

import keras
import pytest
from keras import ops

from tests.tiny_models import ListSampler, tiny_vae
from vae_export.core.evidence import Evidence
from vae_export.errors import SamplingSiteError
from vae_export.split.finding import find_sampling_sites
from vae_export.split.graph import flatten
from vae_export.split.posterior import Posterior, Slot
from vae_export.split.recognisers import RECOGNISERS, register_recogniser
from vae_export.split.sampling_site import site_of


class UniformSampler(ListSampler):
    """Noise that is not normal, which no recogniser of ours takes."""

    def call(self, inputs):
        mean, v = inputs
        return mean + ops.exp(v) * keras.random.uniform(ops.shape(mean), -1, 1, seed=self.generator)


class Uniform:
    """Takes that layer by its class."""

    name = "a layer that draws uniform noise"

    def recognise(self, search, call):
        if type(call.operation) is not UniformSampler:
            return None
        mu, v = map(Slot, call.inputs)
        evidence = Evidence("parametrisation", "told", "by its class")
        region = search.run.region([call], search.run.random[call][0])
        return site_of(region, Posterior(mu, v, "log-std", (evidence,)), call)


@pytest.fixture
def uniform():
    yield register_recogniser(Uniform())
    RECOGNISERS.pop()


def graph():
    return flatten(tiny_vae(sampler=UniformSampler(name="draw")))


def test_without_it_the_layer_is_refused():
    with pytest.raises(SamplingSiteError, match=r"^m: layer 'draw' .*expected noise around mu"):
        find_sampling_sites(graph(), "m")


def test_a_toy_is_asked_after_the_others(uniform):
    (site,) = find_sampling_sites(graph(), "m")
    assert (site.layer_name, site.posterior.parametrisation) == ("draw", "log-std")
    (site,) = find_sampling_sites(flatten(tiny_vae(sampler=ListSampler(name="draw"))), "m")
    assert site.posterior.parametrisation == "log-variance"


def test_the_order_is_written_down():
    assert [one.name for one in RECOGNISERS] == [
        "a layer that draws z",
        "a layer that returns mu, v and z",
        "operations that make z of noise",
        "a layer without code",
    ]


def test_names_are_taken_once():
    with pytest.raises(ValueError, match=r"^recogniser 'a layer that draws z' is registered already$"):
        register_recogniser(RECOGNISERS[0])
