"""What is not known of a sampling layer without code is told, or asked for with the candidates."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.tiny_models import ListSampler, tiny_vae
from vae_export.core.evidence import WAYS_OF_KNOWING, Evidence, in_words, weakest
from vae_export.core.parametrisation import PARAMETRISATIONS
from vae_export.core.told import Told
from vae_export.errors import InputError, QuestionError
from vae_export.split.asking import OpenSite, names_of, spread_index, told_posterior, with_moments
from vae_export.split.finding import find_sampling_sites
from vae_export.split.graph import flatten
from vae_export.split.posterior import Posterior, Slot, split_slots
from vae_export.split.split_vae import split


def open_site(*names, activation=None, settings=None):
    x = keras.Input((4,))
    heads = [keras.layers.Dense(2, name=name, activation=activation)(x) for name in names]
    graph = flatten(keras.Model(x, heads))
    slots = tuple(map(Slot, graph.outputs))
    return OpenSite("m: layer 'draw'", "no code; give it, or", graph, slots, names, settings or {})


def asked(site, **told):
    with pytest.raises(QuestionError) as caught:
        told_posterior(site, Told(**told))
    return caught.value


ALL_TOLD = {"parametrisation": "log-std", "epsilon_scale": 0.5}


@pytest.mark.parametrize(
    ("names", "mu", "how"),
    [
        (("mean", "log_std"), "mean", "read from names"),
        (("lv", "b"), "b", "told"),
        (("log_sigma2", "loc"), "loc", "read from names"),
        (("z_log_var", "mu"), "mu", "read from names"),
        (("b", "a"), "b", "told"),
    ],
)
def test_what_was_told_is_taken(names, mu, how):
    other = next(name for name in names if name != mu)
    told = Told(**ALL_TOLD, **({"mu": mu, "logvar": other} if how == "told" else {}))
    found = told_posterior(open_site(*names), told)
    assert (found.mu.value.name, found.spread.value.name) == (mu, other)
    assert (found.parametrisation, found.epsilon_scale) == ("log-std", 0.5)
    assert [found.how(of) for of in ("mu", "parametrisation", "scale")] == [how, "told", "told"]
    assert bool(found.assumptions) == (how == "read from names")


@pytest.mark.parametrize(
    ("names", "told", "what"),
    [
        (("mean", "log_var"), {}, "--parametrisation, --epsilon-scale"),
        (("mean", "log_var"), {"parametrisation": "std"}, "--epsilon-scale"),
        (("mean", "log_var"), {"epsilon_scale": 1.0}, "--parametrisation"),
        (("mean", "hidden"), ALL_TOLD, "--mu and --logvar"),
        (("a", "log_var"), ALL_TOLD, "--mu and --logvar"),
        (("mean", "mean_2"), ALL_TOLD, "--mu and --logvar"),
        (("a", "b"), {}, "--mu and --logvar, --parametrisation, --epsilon-scale"),
    ],
)
def test_what_is_missing_is_asked_for(names, told, what):
    error = asked(open_site(*names), **told)
    assert str(error) == f"m: layer 'draw': no code; give it, or tell {what}"
    orders = 2 if "--mu" in what else 1
    kinds = len(PARAMETRISATIONS) if "--parametrisation" in what else 1
    assert len(error.question.answers) == orders * kinds
    for answer in error.question.answers:
        options = dict(zip(answer.options[::2], answer.options[1::2], strict=True))
        keys = {option.removeprefix("--").replace("-", "_"): value for option, value in options.items()}
        if "epsilon_scale" in keys:
            keys["epsilon_scale"] = float(keys["epsilon_scale"])
        found = told_posterior(open_site(*names), Told(**{**told, **keys}))
        assert found.parametrisation == answer.parametrisation


def evidence(error):
    return {answer.parametrisation: "; ".join(answer.evidence) for answer in error.question.answers}


def test_names_are_evidence_and_no_answer():
    found = evidence(asked(open_site("mean", "z_log_sigma")))
    assert found["log-std"] == "the name 'z_log_sigma' is that of a log-std, which is not always true"
    assert found["std"] == "against it: v may be negative"
    assert found["log-variance"] == found["softplus"] == ""


def test_activations_are_evidence_and_no_answer():
    found = evidence(asked(open_site("mean", "z_log_var", activation="relu")))
    against = "against it: v comes from relu and is never negative, so sigma is never below 1"
    assert found["log-variance"].endswith(against)
    assert found["log-std"] == against
    assert found["std"] == found["variance"] == ""


def test_settings_are_evidence_and_the_scale_of_the_candidates():
    error = asked(open_site("mean", "z_log_var", settings={"epsilon_std": 0.1}))
    assert all("the layer has epsilon_std=0.1" in answer.evidence for answer in error.question.answers)
    assert error.question.answers[0].options[-2:] == ("--epsilon-scale", "0.1")
    assert error.question.answers[0].meaning == (
        "z = mu + 0.1 · exp(v/2) · epsilon, mu = mean, v = z_log_var"
    )


def test_samples_show_the_second_moment_of_the_aggregate_posterior():
    site = open_site("mean", "z_log_var")
    x = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    error = with_moments(asked(site), x)
    mu, v = (
        np.asarray(keras.ops.convert_to_numpy(dense_of(site, number, x)), np.float64) for number in (0, 1)
    )
    for kind, words in evidence(error).items():
        with np.errstate(invalid="ignore"):
            expected = (mu**2 + PARAMETRISATIONS[kind].sigma(v) ** 2).mean()
        figure = "no number" if np.isnan(expected) else f"{expected:.3g}"
        assert f"mean of mu² + sigma² over 50 samples: {figure}" in words
    assert error.question.hint == "of a VAE that learned its KL term the mean of mu² + sigma² is near 1"


def dense_of(site, number, x):
    layer = next(call.operation for call in site.graph.calls if site.graph.outputs[number] in call.outputs)
    return layer(x)


def test_a_name_that_is_not_there():
    with pytest.raises(InputError, match=r"^m: layer 'draw': mu: got c, expected one of a, b$"):
        told_posterior(open_site("a", "b"), Told(mu="c", logvar="b"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"parametrisation": "precision"},
            r"^parametrisation: got 'precision', expected log-variance, log-std, ",
        ),
        ({"epsilon_scale": 0.0}, r"^epsilon scale: got 0, expected a finite number other than 0$"),
        ({"epsilon_scale": float("nan")}, r"^epsilon scale: got nan, expected"),
        ({"mu": "a"}, r"^mu, logvar: got a and None, expected the names of two tensors, or neither$"),
        ({"mu": "a", "logvar": "a"}, r"^mu, logvar: got a and a, expected the names of two tensors"),
    ],
)
def test_what_cannot_be_told(given, message):
    with pytest.raises(InputError, match=message):
        Told(**given)


def test_the_parts_of_one_tensor_are_told_by_first_and_second():
    graph = flatten(keras.Model(x := keras.Input((4,)), keras.layers.Dense(4, name="moments")(x)))
    slots = split_slots(graph.outputs[0], (4,), (2,))
    site = OpenSite("m", "no code; give it, or", graph, tuple(slots), names_of(graph, slots), {})
    assert site.keys == ["moments:first", "moments:second"]
    found = told_posterior(site, Told("std", 1.0, "moments:second", "moments:first"))
    assert (found.mu, found.spread) == (slots[1], slots[0])


def test_parts_that_were_concatenated_have_their_names():
    x = keras.Input((4,))
    heads = [keras.layers.Dense(2, name=name)(x) for name in ("z_mean", "z_log_var")]
    graph = flatten(keras.Model(x, keras.layers.Concatenate()(heads)))
    assert names_of(graph, split_slots(graph.outputs[0], (4,), (2,))) == ("z_mean", "z_log_var")


@pytest.mark.parametrize(
    ("names", "index"),
    [
        (("z_mean", "z_log_var"), 1),
        (("log_sigma2", "loc"), 0),
        (("mean", "dense"), None),
        (("dense", "log_var"), None),
        (("mean", "mean_log_var"), None),
        (("a", "b"), None),
    ],
)
def test_both_names_have_to_tell(names, index):
    assert spread_index(names) == index


def test_what_is_measured():
    (site,) = find_sampling_sites(flatten(tiny_vae(sampler=ListSampler(name="draw"))), "m")
    found = site.posterior.evidence
    assert [(one.of, one.how) for one in found] == [("parametrisation", "measured"), ("mu", "measured")]
    assert "sigma(v) = exp(v/2) within" in found[0].words
    assert "independent and standard normal" in found[1].words
    assert site.posterior.how("scale") == "measured"
    assert split(tiny_vae(sampler=ListSampler(name="draw"))).describe_cut().endswith("(measured)")


def test_the_weakest_way_counts():
    assert weakest(["measured", "assumed", "told"]) == "assumed"
    evidence = (Evidence("parametrisation", "told", "a"), Evidence("mu", "read from names", "b"))
    posterior = Posterior(None, None, "std", evidence, 0.5)
    assert posterior.describe() == (
        "std, epsilon scale 0.5 (mu read from names, parametrisation and scale told)"
    )
    assert posterior.assumptions == posterior.unproven == (evidence[1],)


def test_what_is_certain():
    assert [how for how, way in WAYS_OF_KNOWING.items() if not way.certain] == ["read from names", "assumed"]


def test_words_stand_once():
    found = in_words(Evidence(of, "told", "b" if of == "mu" else "a") for of in ("scale", "mu", "cut"))
    assert found == "a; b"
