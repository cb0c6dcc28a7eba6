import pytest

from vae_export.core.trace import INPUT, Layer, Outline
from vae_export.explain.matching import match_tensors


def outline(*layers, **outputs):
    """Layers as (key, kind, sources) or (key, kind, sources, shapes of constants); z is the input."""
    made = [Layer(key, key, kind, tuple(sources), (), *stored) for key, kind, sources, *stored in layers]
    return Outline((Layer("z", "z", INPUT, ()), *made), outputs)


def test_other_names_and_other_words_for_a_product():
    quantised = outline(
        ("a9", "Gemm", ["z"]), ("r9", "Relu", ["a9"]), ("y9", "MatMulInteger", ["r9"]), y="y9"
    )
    exact = outline(("a", "MatMul", ["z"]), ("r", "Relu", ["a"]), ("y", "MatMul", ["r"]), y="y")
    assert match_tensors(quantised, exact) == {"z": "z", "a9": "a", "r9": "r", "y9": "y"}


def test_twins_go_by_their_names_if_they_have_any_else_by_their_order():
    """mu and logvar are the same operator on the same tensor."""
    exact = outline(("c", "Conv", ["z"]), ("m", "MatMul", ["c"]), ("v", "MatMul", ["c"]), mu="m", logvar="v")
    other = outline(("c", "Conv", ["z"]), ("1", "MatMul", ["c"]), ("2", "MatMul", ["c"]), mu="2", logvar="1")
    assert match_tensors(other, exact) == {"z": "z", "c": "c", "2": "m", "1": "v"}
    exact = outline(("p", "Conv", ["z"]), ("q", "Conv", ["z"]), ("y", "Concat", ["p", "q"]), y="y")
    assert match_tensors(outline(("q", "Conv", ["z"]), ("p", "Conv", ["z"])), exact)["p"] == "p"
    assert match_tensors(outline(("5", "Conv", ["z"]), ("6", "Conv", ["z"])), exact)["6"] == "q"


def test_one_operator_instead_of_two_leaves_what_is_around_it_matched():
    """From the front up to it, and from the end back to it."""
    exact = outline(
        ("f", "FULLY", ["z"]),
        ("d", "DEPTHWISE", ["f"]),
        ("c", "CONV", ["d"]),
        ("y", "LOGISTIC", ["c"]),
        y="y",
    )
    quantised = outline(("f", "FULLY", ["z"]), ("d", "CONV", ["f"]), ("y", "LOGISTIC", ["d"]), y="y")
    assert match_tensors(quantised, exact) == {"z": "z", "f": "f", "d": "c", "y": "y"}


@pytest.mark.parametrize("stored", [((1, 3, 3, 32),), ((1, 1, 1, 32),)])
def test_other_weights_are_another_operator(stored):
    """The 3 x 3 convolution takes other things than the 1 x 1 convolution that ends it in the other file."""
    exact = outline(
        ("f", "PAD", ["z"]),
        ("d", "DEPTHWISE", ["f"], ((1, 3, 3, 32),)),
        ("y", "CONV", ["d"], ((1, 1, 1, 32),)),
        y="y",
    )
    quantised = outline(("e", "SLICE", ["z"]), ("y", "CONV", ["e"], stored), y="y")
    same = stored == ((1, 1, 1, 32),)
    assert match_tensors(quantised, exact) == {"z": "z", "y": "y", **({"e": "d"} if same else {})}
