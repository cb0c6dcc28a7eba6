"""Playgrounds as pages: files and folders, tests of themselves, phones, keyboards, LiteRT.js beside them."""

from __future__ import annotations

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
from tests.browser.playground_tab import PlaygroundTab
from tests.runtime.toolchain import need_npm_package
from vae_export.runtime.python import vae_runtime


def test_an_altered_golden_value_is_noticed(make, open_page, bundle_copy):
    shift_golden(bundle_copy, "reconstruction", by=0.001)
    playground = PlaygroundTab(open_page(make(bundle_copy).as_uri()))
    playground.tab.wait_for_selector("#problem:not([hidden])")
    assert re.match(
        r"self test failed: reconstruction: largest error 0\.00\d+, tolerance", playground.text("#problem")
    )
    assert playground.text("#status") == "Not started."
    assert playground.tab.locator("main:not([inert])").count() == 0


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
