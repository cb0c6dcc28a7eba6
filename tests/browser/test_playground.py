"""Playgrounds in Chromium: pages of one file opened from disk, and folders that are served."""

from __future__ import annotations

import base64
import functools
import io
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import vae_export
from tests.broken_bundles import shift_golden
from tests.browser.contrast import CONTRASTS
from tests.browser.page import ORIGIN
from tests.gallery.parts.styles import build_style, export_style
from tests.runtime.toolchain import need_npm_package
from vae_export.bundle.reader import read_bundle
from vae_export.cli.main import main
from vae_export.pictures import png, to_pixels
from vae_export.runtime import vae_runtime

READY = "main[data-filled]"
PICTURE = "canvas => canvas.toDataURL().split(',')[1]"
IMAGE = "#views canvas"


class PlaygroundTab:
    """A playground, open; what is seen in it."""

    def __init__(self, page):
        self.page, self.tab = page, page.tab

    def wait(self):
        self.tab.wait_for_selector(READY)
        self.page.check()
        return self

    def text(self, selector):
        return self.tab.inner_text(selector)

    def pixels(self, selector=IMAGE, index=0):
        """uint8 [height, width, 3] of a canvas."""
        picture = self.tab.locator(selector).nth(index).evaluate(PICTURE)
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB"))

    def sees(self, image, value_range=(0, 1), selector=IMAGE, index=0):
        """Whether a canvas comes to show an image, to a step of 8 bits."""
        expected = to_pixels(image, value_range).astype(int)
        for _ in range(50):
            off = np.abs(self.pixels(selector, index).astype(int) - expected).max()
            if off <= 1:
                self.page.check()
                return True
            self.tab.wait_for_timeout(100)
        return False

    def sees_decoded(self, vae, z, **conditions):
        return self.sees(vae.decode({"z": np.float32([z]), **conditions})[0])

    @property
    def z(self):
        return [slider.input_value() for slider in self.tab.locator("#sliders input").all()]

    def slide(self, axis, value):
        self.tab.locator("#sliders input").nth(axis).fill(str(value))


@pytest.fixture(scope="module")
def ort_web(root):
    """The folder of onnxruntime-web."""
    return need_npm_package(root, "onnxruntime-web")


@pytest.fixture(scope="module")
def make(ort_web, tmp_path_factory):
    """make(bundle, *arguments): the page that the command line makes of it."""

    def make(bundle, *arguments):
        path = tmp_path_factory.mktemp("playground") / ("folder" if "--split" in arguments else "page.html")
        command = ["playground", bundle, "-o", path, "--ort-web", ort_web, *arguments]
        assert main([str(word) for word in command]) == 0
        return path

    return make


@pytest.fixture(scope="module")
def play(make, open_page):
    """play(bundle, *arguments, **options of the browser): its page, opened from disk."""

    def play(bundle, *arguments, **options):
        return PlaygroundTab(open_page(make(bundle, *arguments).as_uri(), **options)).wait()

    return play


@pytest.fixture(scope="module")
def bundles(request, tmp_path_factory):
    """bundles(name): the bundle of a reference model, or of a style of the gallery."""

    @functools.cache
    def bundle(name):
        if name in ("dense", "conv"):
            return request.getfixturevalue(f"{name}_result").path
        path = tmp_path_factory.mktemp(name) / "bundle"
        return export_style(*build_style(name), path, formats=["onnx"]).path

    return bundle


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
    assert read_bundle(path).manifest["name"] == playground.text("h1")


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


def drop(playground, name, data, kind):
    """Drop a file onto the page."""
    transfer = playground.tab.evaluate_handle(
        """([name, data, type]) => {
          const transfer = new DataTransfer();
          const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
          transfer.items.add(new File([bytes], name, { type }));
          return transfer;
        }""",
        [name, base64.b64encode(data).decode(), kind],
    )
    playground.tab.dispatch_event("#drop", "drop", {"dataTransfer": transfer})


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


def test_an_altered_golden_value_is_noticed(make, open_page, bundle_copy):
    shift_golden(bundle_copy, "reconstruction", by=0.001)
    playground = PlaygroundTab(open_page(make(bundle_copy).as_uri()))
    playground.tab.wait_for_selector("#problem:not([hidden])")
    assert re.match(
        r"self test failed: reconstruction: largest error 0\.00\d+, tolerance", playground.text("#problem")
    )
    assert playground.text("#status") == "Not started."
    assert playground.tab.locator("main:not([inert])").count() == 0


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


@pytest.fixture(scope="module")
def folder(make, bundles):
    return make(bundles("dense"), "--split")


def test_a_folder_is_served(root, folder, open_page, bundles):
    """And LiteRT.js runs the file of a fixed batch in the same page, to the same picture."""
    path = bundles("dense")
    page = open_page(
        f"{ORIGIN}/index.html",
        {
            **{f"/{file.name}": file for file in folder.iterdir()},
            "/npm/@litertjs/core": need_npm_package(root, "@litertjs/core"),
            "/npm/@litertjs/wasm-utils": need_npm_package(root, "@litertjs/wasm-utils"),
            "/decoder.tflite": path / "decoder.tflite",
        },
    )
    playground = PlaygroundTab(page).wait()
    vae = vae_export.load(path, backend="onnx")
    assert playground.sees(vae.generate(1, seed=7)[0])
    own = {f"{ORIGIN}/{file.relative_to(folder).as_posix()}" for file in folder.rglob("*") if file.is_file()}
    assert set(page.requests) <= own
    image = playground.tab.evaluate(LITERT, vae_runtime.normal(7, 0, 0, 2).tolist())
    assert playground.sees(np.reshape(image, (28, 28, 1)))
    np.testing.assert_allclose(np.reshape(image, (1, 28, 28, 1)), vae.generate(1, seed=7), rtol=0, atol=1e-5)


LITERT = """async (z) => {
  const map = document.createElement("script");
  map.type = "importmap";
  map.textContent = JSON.stringify({ imports: {
    "@litertjs/core": "/npm/@litertjs/core/dist/index.js",
    "@litertjs/wasm-utils": "/npm/@litertjs/wasm-utils/dist/index.js",
  } });
  document.head.append(map);
  self.Module = { printErr: (line) => console.info(line) };
  const { loadAndCompile, loadLiteRt, Tensor } = await import("@litertjs/core");
  await loadLiteRt("/npm/@litertjs/core/wasm/litert_wasm_internal.js");
  const model = await loadAndCompile("/decoder.tflite", { accelerator: "wasm" });
  const { reconstruction } = await model.signatures.batch_1.run({ z: new Tensor(new Float32Array(z), [1, z.length]) });
  return Array.from(await reconstruction.data());
}"""


def test_a_folder_that_is_opened_from_disk_says_what_to_do(folder, open_page):
    playground = PlaygroundTab(open_page((folder / "index.html").as_uri()))
    playground.tab.wait_for_selector("#problem:not([hidden])")
    assert playground.text("#problem").startswith(
        "browsers read the files of this folder from a server only: run python3 -m http.server in it"
    )
    playground.page.check()


def test_a_browser_that_is_too_old_is_told(make, bundles, browser):
    context = browser.new_context()
    context.add_init_script("delete globalThis.DecompressionStream")
    tab = context.new_page()
    tab.goto(make(bundles("dense")).as_uri())
    tab.wait_for_selector("#problem:not([hidden])")
    expected = "this browser has no DecompressionStream; use one of 2023 or later"
    assert tab.inner_text("#problem") == expected
    context.close()


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
    assert playground.text("#problem").startswith("größe in cm: ")


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


NAMELESS = """() => [...document.querySelectorAll("button, input, select, canvas[role]")].filter((element) =>
  !element.getAttribute("aria-label") && !element.labels?.[0]?.textContent.trim() && !element.textContent.trim()
).map((element) => element.outerHTML)"""
TWICE = """() => {
  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  return ids.filter((id, i) => ids.indexOf(id) !== i);
}"""
WIDER = "() => document.scrollingElement.scrollWidth - innerWidth"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_and_for_everyone(play, bundles, scheme):
    playground = play(bundles("conv"), viewport={"width": 390, "height": 844}, color_scheme=scheme)
    tab = playground.tab
    assert tab.evaluate(WIDER) <= 0
    assert tab.evaluate(NAMELESS) == []
    assert tab.evaluate(TWICE) == []
    assert tab.locator("h1").count() == 1
    assert min(tab.evaluate(CONTRASTS))[0] >= 4.5
    light = int(tab.evaluate("() => getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]"))
    assert (light > 128) == (scheme == "light")


def test_it_is_run_by_the_keyboard_alone(play, bundles):
    playground = play(bundles("dense"))
    seen = []
    for _ in range(60):
        playground.tab.keyboard.press("Tab")
        seen.append(playground.tab.evaluate("() => document.activeElement.id"))
    wanted = [
        "pad",
        "pad-x",
        "pad-y",
        "zero",
        "seed",
        "number",
        "previous",
        "next",
        "file",
        "invert",
        "draw",
        "keep-a",
        "keep-b",
        "between",
        "play",
    ]
    assert [name for name in dict.fromkeys(seen) if name in wanted] == wanted


def test_screenshots_are_small(root, make, bundles, tmp_path):
    tool = shutil.copy(root / "tools" / "screenshots" / "make", tmp_path)
    subprocess.run([sys.executable, tool, make(bundles("conv"))], check=True)
    assert (tmp_path / "page.png").stat().st_size < 200_000
    with Image.open(tmp_path / "page.png") as picture:
        pixels = np.asarray(picture.convert("L"))
    assert pixels.shape == (1400, 1180)
    # Paper, text and the pictures that are there only once it runs.
    assert {0, 252} <= set(pixels.ravel())
    for name in ("playground", "report"):
        assert (root / "tools" / "screenshots" / f"{name}.png").stat().st_size < 200_000
