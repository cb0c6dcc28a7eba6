"""Playgrounds of models of many kinds."""

from __future__ import annotations

import re

import numpy as np
import pytest

import vae_export
from tests.browser.playground_tab import drop
from vae_export.bundle.reader import read_bundle
from vae_export.io.pictures import png


@pytest.mark.parametrize("precision", ["float16", "dynamic-int8", "int8"])
def test_lower_precisions(play, lower_result, precision):
    playground = play(lower_result.path, "--precision", precision)
    assert playground.text("#status").startswith("Self test passed: 6 quantities")
    assert playground.text("header p:first-of-type").endswith(f"in {precision}.")
    vae = vae_export.load(lower_result.path, backend="onnx", precision=precision)
    assert playground.sees(vae.generate(1, seed=7)[0])


def test_a_conditional_model_has_a_selector(play, bundles):
    path = bundles("conditional_label")
    playground = play(path, "--labels", "label=" + ",".join("abcdefghij"))
    vae = vae_export.load(path, backend="onnx")
    select = playground.tab.locator("[data-condition=label] select")
    assert select.locator("option").all_inner_texts() == list("abcdefghij")
    pictures = []
    for label in (0, 9):
        select.select_option(str(label))
        image = vae.generate(1, seed=7, conditions={"label": np.int32([label])})[0]
        assert playground.sees(image)
        strip = vae.generate(12, seed=7, conditions={"label": np.int32([label])})
        assert playground.sees(strip[11], selector="#sample-strip canvas", index=11)
        assert playground.text("#command").endswith(f" --seed 7 --condition label={label}")
        pictures.append(image)
    assert np.abs(pictures[0] - pictures[1]).max() > 0.1
    x = read_bundle(path).golden("x")[1:2]
    playground.tab.locator("#real-strip button").nth(1).click()
    mu, _ = vae.encode({"x": x, "label": np.int32([9])})
    assert playground.sees(vae.decode({"z": mu, "label": np.int32([9])})[0], selector="#reconstruction")


def test_one_hot_conditions_and_several_outputs(play, bundles):
    playground = play(bundles("conditional_decoder"))
    options = playground.tab.locator("[data-condition=attributes] option")
    assert options.all_inner_texts() == ["0", "1", "2", "3"]
    assert playground.tab.locator("#views figcaption").all_inner_texts() == ["picture", "guess"]
    before = playground.pixels()
    playground.tab.select_option("[data-condition=attributes] select", "2")
    playground.tab.wait_for_selector("#command:has-text('attributes=0,0,1,0')")
    assert np.abs(playground.pixels().astype(int) - before).max() > 20


def test_several_latents(play, bundles):
    path = bundles("content_and_style")
    playground = play(path)
    names = [f"z_content[{i}]" for i in range(4)] + ["z_style[0]", "z_style[1]"]
    assert playground.tab.locator("#sliders label").all_inner_texts() == names
    vae = vae_export.load(path, backend="onnx")
    assert playground.sees(vae.generate(1, seed=7)[0])
    playground.tab.click("#zero")
    playground.slide(5, 2)
    z = {"z_content": np.zeros((1, 4), np.float32), "z_style": np.float32([[0, 2]])}
    assert playground.sees(vae.decode(z)[0])
    x = read_bundle(path).golden("x")[3:4]
    playground.tab.locator("#real-strip button").nth(3).click()
    mu, _ = vae.encode(x)
    z = {f"z_{name}": mu[f"mu_{name}"] for name in ("content", "style")}
    assert playground.sees(vae.decode(z)[0], selector="#reconstruction")


def test_signals_are_lines(play, bundles):
    playground = play(bundles("conv1d_gelu"))
    background = np.median(playground.pixels().reshape(-1, 3), axis=0)
    for colour in ((0, 0x72, 0xB2), (0xE6, 0x9F, 0)):
        near = np.abs(playground.pixels() - np.array(colour)).max(axis=2) < 40
        assert near.any(axis=0).mean() > 0.4
        assert np.abs(background - colour).max() > 100
    before = playground.pixels()
    playground.slide(0, -3)
    playground.tab.wait_for_timeout(300)
    assert (playground.pixels() != before).any()
    drop(playground, "a.csv", b"0.5, 1\n" * 32, "text/csv")
    playground.tab.wait_for_selector("#original[aria-label='x: a.csv']")
    assert re.match(r"reconstruction, mean squared error \d", playground.text(".pair figure:nth-child(2)"))
    for data, message in (
        (b"1,2,x", "b.csv: got x, expected numbers"),
        (b"1,2", "b.csv: got 2 numbers, expected 64 (32 x 2)"),
    ):
        drop(playground, "b.csv", data, "text/csv")
        playground.tab.wait_for_selector(f"#problem:has-text({message!r})")


def test_flat_rows_as_pictures(play, bundles):
    path = bundles("keras_blog_2016")
    size = read_bundle(path).golden("x").shape[1]
    playground = play(path, "--picture-shape", f"{size // 4},4")
    image = vae_export.load(path, backend="onnx").generate(1, seed=7)[0]
    assert playground.sees(image.reshape(-1, 4, 1))


def test_pictures_in_colour_and_of_bytes(play, bundles):
    path = bundles("pictures_of_bytes")
    playground, vae = play(path), vae_export.load(path, backend="onnx")
    assert playground.sees(vae.generate(1, seed=7)[0])
    picture = np.random.default_rng(0).integers(0, 256, (7, 7, 3), np.uint8)
    drop(playground, "colours.png", png(picture), "image/png")
    assert playground.sees(picture, (0, 255), selector="#original")
    assert playground.sees(vae.decode(vae.encode(picture[None])[0])[0], selector="#reconstruction")


def test_another_condition_is_another_reconstruction(play, bundles):
    path = bundles("conditional_label")
    playground, vae = play(path), vae_export.load(path, backend="onnx")
    x = read_bundle(path).golden("x")[:1]
    for label in (3, 8):
        playground.tab.select_option("[data-condition=label] select", str(label))
        given = np.int32([label])
        mu, _ = vae.encode({"x": x, "label": given})
        assert playground.sees(vae.decode({"z": mu, "label": given})[0], selector="#reconstruction")


def test_numbers_that_are_no_conditions_are_refused(play, bundles):
    playground = play(bundles("strange_names"))
    playground.tab.fill("[data-condition] input", "")
    playground.tab.press("[data-condition] input", "Enter")
    playground.tab.wait_for_selector("#problem:not([hidden])")
    assert playground.text("#problem") == "größe in cm: got nothing, expected a number"


def test_the_pad_has_the_colours_of_the_page(play, bundles):
    playground = play(bundles("conv1d_gelu"), color_scheme="light")
    assert playground.pixels("#pad")[20, 2].min() > 200
    playground.tab.emulate_media(color_scheme="dark")
    playground.tab.wait_for_timeout(1000)
    assert playground.pixels("#pad")[20, 2].max() < 60


def test_the_picture_leaves_room_on_a_phone(play, bundles):
    playground = play(bundles("conditional_decoder"), viewport={"width": 390, "height": 844})
    playground.tab.evaluate("() => scrollTo(0, 1500)")
    assert playground.tab.locator(".stage").bounding_box()["height"] <= 0.45 * 844 + 1
    assert playground.tab.locator("#views").first.is_visible()
