"""Where the code of a sampling layer is not at hand, each assumption is a piece of evidence of its own."""

from __future__ import annotations

import keras
import pytest

from tests.tiny_models import ListSampler, tiny_vae
from vae_export.core.evidence import WAYS_OF_KNOWING, Evidence, in_words
from vae_export.split.assumed import posterior_by_names
from vae_export.split.finding import find_sampling_sites
from vae_export.split.graph import flatten
from vae_export.split.posterior import Posterior, Slot, split_slots
from vae_export.split.split_vae import split

NO_CODE = "the layer's code is not at hand; --parametrisation decides"


def judged(*names, told=None):
    x = keras.Input((4,))
    heads = [keras.layers.Dense(2, name=f"head_{number}")(x) for number in (1, 2)]
    graph = flatten(keras.Model(x, heads))
    return posterior_by_names([Slot(value) for value in graph.outputs], names, graph, told, "m")


@pytest.mark.parametrize(
    ("names", "told", "expected"),
    [
        (
            ("mean", "log_std"),
            None,
            {
                "parametrisation": ("read from names", f"a tensor called 'log_std'; {NO_CODE}"),
                "order": ("read from names", "the names tell mu from v"),
            },
        ),
        (
            ("a", "b"),
            None,
            {
                "parametrisation": ("assumed", f"what most models have; {NO_CODE}"),
                "order": ("assumed", "mu first, as most models have it"),
            },
        ),
        (
            ("a", "mean"),
            "variance",
            {
                "parametrisation": ("told", "told by the user"),
                "order": ("read from names", "the names tell mu from v"),
            },
        ),
    ],
    ids=["names", "nothing", "told"],
)
def test_of_two_tensors(names, told, expected):
    found = judged(*names, told=told)
    scale = {"scale": ("assumed", "epsilon of scale 1")}
    assert {one.of: (one.how, one.words) for one in found.evidence} == {**expected, **scale}
    assert found.how == expected["parametrisation"][0]


@pytest.mark.parametrize(("told", "how", "source"), [(None, "assumed", "assumed"), ("std", "told", "given")])
def test_of_one_tensor(told, how, source):
    graph = flatten(keras.Model(x := keras.Input((4,)), keras.layers.Dense(4, name="moments")(x)))
    (both,) = graph.outputs
    found = posterior_by_names(split_slots(both, (4,), (2,)), ["moments"] * 2, graph, told, "m")
    assert [(one.of, one.how) for one in found.evidence] == [
        ("order", "assumed"),
        ("parametrisation", how),
        ("scale", "assumed"),
    ]
    assert found.source == source
    assert in_words(found.evidence) == f"mu first, as most models have it; {NO_CODE}; epsilon of scale 1"


def test_what_is_measured():
    (site,) = find_sampling_sites(flatten(tiny_vae(sampler=ListSampler(name="draw"))), "m")
    found = site.posterior.evidence
    assert [(one.of, one.how) for one in found] == [("parametrisation", "measured"), ("mu", "measured")]
    assert "sigma(v) = exp(v/2) within" in found[0].words
    assert "independent and standard normal" in found[1].words


@pytest.mark.parametrize("how", WAYS_OF_KNOWING)
def test_the_manifest_says_how_the_parametrisation_is_known(how):
    evidence = (Evidence("order", "assumed", "a"), Evidence("parametrisation", how, "b"))
    posterior = Posterior(None, None, "std", evidence)
    assert (posterior.how, posterior.source) == (how, WAYS_OF_KNOWING[how].in_manifest)


def test_what_was_not_measured_is_said():
    assert split(tiny_vae(sampler=ListSampler(name="draw"))).describe_cut().endswith("(probed)")
    measured, told = Evidence("order", "measured", "a"), Evidence("parametrisation", "told", "b")
    assert Posterior(None, None, "std", (measured, told)).unproven == (told,)


def test_words_stand_once():
    assert (
        in_words(Evidence(of, "told", "b" if of == "mu" else "a") for of in ("scale", "mu", "order"))
        == "a; b"
    )
