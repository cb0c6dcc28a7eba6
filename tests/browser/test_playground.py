"""Playgrounds in Chromium: what their controls do."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

import vae_export
from tests.browser.playground_tab import IMAGE, drop
from vae_export.bundle.reader import read_bundle
from vae_export.cli.main import main
from vae_export.io.pictures import png, to_pixels


@pytest.fixture(scope="module", params=["dense", "conv"])
def reference(request, bundles, play):
    """The playground of each reference model, its bundle and the bundle loaded."""
    path = bundles(request.param)
    return play(path), path, vae_export.load(path, backend="onnx")


def test_it_opens_from_disk_and_tests_itself(reference):
    playground, path, _ = reference
    assert re.match(
        r"Self test passed: 6 quantities match Keras' golden arrays; the largest error is \d\.\de-\d, of \w+\.",
        playground.text("#status"),
    )
    playground.tab.click("summary")
    rows = [row.split("\t") for row in playground.text("#self-test tbody").splitlines()]
    assert {name for name, _ in rows} == {"epsilon", "logvar", "mu", "z", "reconstruction", "generated"}
    assert all(float(error) < 1e-4 for _, error in rows)
    for what in ("decode", "encode"):
        assert re.fullmatch(r"[\d.]+ ms", playground.text(f"#{what}-time"))
    assert playground.page.messages == []
    assert [request for request in playground.page.requests if not request.startswith("blob:")] == [
        playground.tab.url
    ]
    assert read_bundle(path).manifest.to_dict()["name"] == playground.text("h1")


def test_samples_are_those_of_the_command_line(reference, tmp_path):
    playground, path, vae = reference
    golden = read_bundle(path).golden("generated")
    playground.tab.fill("#seed", "7")
    playground.tab.fill("#number", "0")
    playground.tab.press("#number", "Enter")
    assert playground.sees(golden[0])
    assert main(["generate", str(path), "--seed", "7", "-n", "3", "-o", str(tmp_path / "images")]) == 0
    for number in range(3):
        if number:
            playground.tab.click("#next")
        with Image.open(tmp_path / "images" / f"{number:06}.png") as picture:
            generated = np.asarray(picture)[..., None] / 255
        assert playground.sees(generated)
        assert playground.sees(generated, selector="#sample-strip canvas")
    assert playground.text("#command") == "vae-export generate BUNDLE --seed 7 --start 2"
    playground.tab.click("#previous")
    assert playground.sees(golden[1])
    playground.tab.locator("#sample-strip button").nth(3).click()
    assert playground.sees(golden[4])
    assert playground.tab.input_value("#number") == "4"
    assert playground.sees(vae.generate(1, seed=7, start=15)[0], selector="#sample-strip canvas", index=11)


def test_large_seeds_and_numbers(reference):
    playground, _, vae = reference
    playground.tab.fill("#seed", str(2**64 - 1))
    playground.tab.fill("#number", str(10**15))
    playground.tab.press("#number", "Enter")
    assert playground.sees(vae.generate(1, seed=2**64 - 1, start=10**15)[0])


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("seed", "-1", "seed: got -1, expected an integer from 0 to 18446744073709551615"),
        ("seed", "", "seed: got nothing, expected an integer from 0 to"),
        ("number", "1.5", "number: got 1.5, expected an integer from 0 to"),
        ("number", str(2**64), "number: got 18446744073709551616, expected an integer from 0 to"),
    ],
)
def test_wrong_seeds_are_refused(reference, field, value, message):
    playground, *_ = reference
    before = playground.tab.input_value(f"#{field}")
    playground.tab.fill(f"#{field}", value)
    playground.tab.press(f"#{field}", "Enter")
    playground.tab.wait_for_selector("#problem:not([hidden])")
    assert playground.text("#problem").startswith(message)
    assert playground.tab.get_attribute(f"#{field}", "aria-invalid") == "true"
    playground.tab.fill(f"#{field}", before)
    playground.tab.press(f"#{field}", "Enter")
    playground.tab.wait_for_selector("#problem", state="hidden")


def test_a_slider_changes_the_picture(reference):
    playground, _, vae = reference
    playground.tab.click("#zero")
    z = np.zeros(vae.latent_shape)
    assert playground.sees_decoded(vae, z)
    before = playground.pixels()
    axis = int(playground.tab.input_value("#pad-x"))
    playground.slide(axis, 2.5)
    z[axis] = 2.5
    assert playground.sees_decoded(vae, z)
    assert np.abs(playground.pixels().astype(int) - before).max() > 20
    assert playground.z[axis] == "2.5"
    label = playground.tab.get_attribute(IMAGE, "aria-label")
    assert label.startswith("reconstruction of z = ")
    assert ("2.50" in label) == (axis < 4)


def test_the_pad_moves_two_axes(reference):
    playground, *_ = reference
    playground.tab.click("#zero")
    across, up = (int(playground.tab.input_value(name)) for name in ("#pad-x", "#pad-y"))
    box = playground.tab.locator("#pad").bounding_box()
    playground.tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    playground.tab.mouse.down()
    playground.tab.mouse.move(box["x"] + box["width"] * 5 / 6, box["y"] + box["height"] / 3, steps=4)
    playground.tab.mouse.up()
    assert [float(playground.z[axis]) for axis in (across, up)] == pytest.approx([2, 1], abs=0.05)
    playground.tab.focus("#pad")
    z = [float(value) for value in playground.z]
    playground.tab.keyboard.press("Shift+ArrowLeft")
    playground.tab.keyboard.press("ArrowDown")
    z[across] -= 0.5
    z[up] -= 0.05
    assert [float(value) for value in playground.z] == pytest.approx(z, abs=0.011)
    assert playground.tab.get_attribute("#pad", "aria-label").startswith("across z[")


def test_the_map_behind_the_pad_is_what_is_decoded_there(reference):
    playground, _, vae = reference
    playground.tab.click("#zero")
    across, up = (int(playground.tab.input_value(name)) for name in ("#pad-x", "#pad-y"))
    z = np.zeros((2, *vae.latent_shape), np.float32)
    z[:, across], z[:, up] = (-30 / 11, 30 / 11), (30 / 11, -30 / 11)
    corners = vae.decode(z)[..., 0].mean(axis=(1, 2)) * 255
    for _ in range(50):
        pad = playground.pixels("#pad")
        shown = pad[:32, :32, 0].mean(), pad[-32:, -32:, 0].mean()
        if np.abs(shown - corners).max() < 8:
            return
        playground.tab.wait_for_timeout(100)
    pytest.fail(f"{shown} against {corners}")


def test_a_dropped_picture_is_reconstructed(reference):
    playground, path, vae = reference
    x = to_pixels(read_bundle(path).golden("x")[2:3], (0, 1))
    drop(playground, "mine.png", png(x[0]), "image/png")
    seen = np.float32(x / 255)
    mu, logvar = vae.encode(seen)
    assert playground.sees(vae.decode(mu)[0], selector="#reconstruction")
    assert playground.sees(seen[0], selector="#original")
    assert playground.sees_decoded(vae, mu[0])
    error = np.square(seen - vae.decode(mu)).mean()
    shown = float(playground.text("#distance").removeprefix(", mean squared error "))
    assert shown == pytest.approx(error, rel=0.05)
    assert playground.tab.get_attribute("#reconstruction", "aria-label") == "Reconstruction of mine.png"
    playground.tab.fill("#seed", "11")
    playground.tab.press("#seed", "Enter")
    playground.tab.fill("#number", "3")
    playground.tab.press("#number", "Enter")
    playground.tab.check("#draw")
    assert playground.sees(vae.decode(vae.sample(mu, logvar, 11, 3))[0], selector="#reconstruction")
    playground.tab.uncheck("#draw")
    playground.tab.check("#invert")
    assert playground.sees(1 - seen[0], selector="#original")
    playground.tab.uncheck("#invert")


def test_what_is_no_picture_is_refused(reference):
    playground, *_ = reference
    drop(playground, "mine.png", b"no picture", "image/png")
    playground.tab.wait_for_selector("#problem:not([hidden])")
    assert playground.text("#problem").startswith("mine.png: cannot be read as a picture")
    playground.tab.click("#next")
    playground.tab.wait_for_selector("#problem", state="hidden")


def test_large_pictures_are_cut_and_scaled(reference, tmp_path):
    playground, *_ = reference
    picture = np.zeros((100, 300, 3), np.uint8)
    picture[:, 100:200] = (255, 0, 0)
    Image.fromarray(picture).save(tmp_path / "wide.png")
    playground.tab.set_input_files("#file", tmp_path / "wide.png")
    # Its middle, red in gray.
    assert playground.sees(np.full((28, 28, 1), 76 / 255), selector="#original")


def test_a_real_sample_is_taken_from_the_bundle(reference):
    playground, path, vae = reference
    x = read_bundle(path).golden("x")
    assert playground.tab.locator("#real-strip button").count() == len(x)
    playground.tab.locator("#real-strip button").nth(1).click()
    assert playground.sees(x[1], selector="#original")
    assert playground.sees(vae.decode(vae.encode(x[1:2])[0])[0], selector="#reconstruction")


def test_between_two_points(reference):
    playground, _, vae = reference
    ends = vae.latent_shape[0] * [0.5], [-1.0, 1.5] + (vae.latent_shape[0] - 2) * [0.0]
    for end, z in zip("ab", ends, strict=True):
        for axis, value in enumerate(z):
            playground.slide(axis, value)
        assert playground.sees_decoded(vae, z)
        playground.tab.click(f"#keep-{end}")
    for part in (0, 0.5, 1):
        playground.tab.fill("#between", str(part))
        z = np.array(ends[0]) + part * (np.array(ends[1]) - ends[0])
        assert playground.sees_decoded(vae, z)
        assert playground.sees(
            vae.decode(np.float32([z]))[0], selector="#between-strip canvas", index=round(8 * part)
        )
    playground.tab.click("#play")
    start = playground.z
    playground.tab.wait_for_timeout(600)
    assert playground.z != start
    playground.tab.click("#play")
    playground.tab.wait_for_timeout(300)
    stopped = playground.z
    playground.tab.wait_for_timeout(300)
    assert playground.z == stopped
    playground.page.check()


def test_beyond_the_last_sample(play, bundles):
    playground = play(bundles("dense"))
    last = str(2**63 - 13)
    playground.tab.fill("#number", last)
    playground.tab.press("#number", "Enter")
    playground.tab.click("#next")
    message = f"number: got {2**63 - 12}, expected an integer from 0 to {last}"
    playground.tab.wait_for_selector(f"#problem:has-text({message!r})")
    assert playground.tab.input_value("#number") == last
    playground.tab.fill("#number", "0")
    playground.tab.click("#previous")
    playground.tab.wait_for_selector("#problem:has-text('number: got -1, expected an integer from 0')")


def test_of_two_dropped_pictures_the_last_is_shown(play, bundles):
    playground = play(bundles("dense"))
    drop(playground, "large.png", png(np.zeros((3000, 3000, 3), np.uint8)), "image/png")
    drop(playground, "small.png", png(np.full((28, 28), 255, np.uint8)), "image/png")
    playground.tab.wait_for_selector("#original[aria-label='x: small.png']")
    playground.tab.wait_for_timeout(1500)
    assert playground.tab.get_attribute("#original", "aria-label") == "x: small.png"
    assert playground.sees(np.ones((28, 28, 1)), selector="#original")


def test_marks_and_play_give_way(play, bundles):
    playground = play(bundles("dense"))
    current = playground.tab.locator("[aria-current=true]")
    assert current.count() == 1
    playground.tab.locator("#real-strip button").nth(2).click()
    playground.tab.wait_for_selector("#real-strip button:nth-child(3)[aria-current=true]")
    assert current.count() == 1
    playground.tab.click("#play")
    playground.tab.wait_for_timeout(300)
    assert current.count() == 0
    playground.tab.click("#next")
    playground.tab.wait_for_selector("#sample-strip button:first-child[aria-current=true]")
    assert playground.text("#play") == "Play"
    assert current.count() == 1
