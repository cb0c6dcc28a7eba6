"""The .tflite files of bundles run in LiteRT.js, in Chromium, and match the golden arrays."""

from __future__ import annotations

import base64
import functools
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Error

import vae_export
from tests.broken_bundles import shift_golden
from tests.browser.page import ORIGIN
from tests.runtime.toolchain import need_npm_package
from tests.tiny_models import samples, tiny_vae
from vae_export.bundle.reader import read_bundle
from vae_export.core.plan import DEFAULT_BATCHES
from vae_export.verify.parity import check_case

HERE = Path(__file__).parent
MODELS = ("dense", "conv")
INPUTS = {"encoder": "x", "decoder": "z"}
# What computes -> build of LiteRT.js, and the name of the accelerator in its options.
RUNTIMES = {
    "wasm": ("litert_wasm_internal", "wasm"),
    # For browsers without relaxed SIMD; its rounding is another one.
    "wasm-compat": ("litert_wasm_compat_internal", "wasm"),
    "webgpu": ("litert_wasm_internal", "webgpu"),
}


@pytest.fixture(scope="module")
def dynamic_bundle(tmp_path_factory):
    """A bundle whose files leave the batch open."""
    path = tmp_path_factory.mktemp("dynamic") / "bundle"
    return vae_export.export(tiny_vae(), path, format="tflite", batch="dynamic", samples=samples(8)).path


@pytest.fixture(scope="module")
def pages(root, open_page, dense_bundle, conv_result, dynamic_bundle):
    """pages(runtime): a page with LiteRT.js started, one for each build."""
    served = {
        "/litert.html": HERE / "litert.html",
        "/npm/@litertjs/core": need_npm_package(root, "@litertjs/core"),
        "/npm/@litertjs/wasm-utils": need_npm_package(root, "@litertjs/wasm-utils"),
        "/dense": dense_bundle,
        "/conv": conv_result.path,
        "/dynamic": dynamic_bundle,
    }

    @functools.cache
    def started(build):
        page = open_page(f"{ORIGIN}/litert.html", served)
        page.call("start", build)
        return page

    return lambda runtime: started(RUNTIMES[runtime][0])


@pytest.fixture(scope="module")
def run(pages):
    """run(runtime, "dense/encoder.tflite", "batch_1", x=array): outputs by name, and what the page says of the run."""

    def run(runtime, file, signature, **inputs):
        ((name, array),) = inputs.items()
        argument = {
            "file": f"/{file}",
            "accelerator": RUNTIMES[runtime][1],
            "signature": signature,
            "input": name,
            "shape": array.shape,
            "values": base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode(),
        }
        said = pages(runtime).call("run", argument)
        return {name: to_array(**output) for name, output in said.pop("arrays").items()}, said

    return run


def to_array(dtype, shape, values):
    return np.frombuffer(base64.b64decode(values), dtype).reshape(shape)


def rows(array, count):
    """`count` rows, the golden ones again and again."""
    return np.resize(array, (count, *array.shape[1:]))


def differences(path, role, outputs):
    """What is wrong with a half's outputs for its golden input, by the bundle's own tolerances."""
    bundle = read_bundle(path)
    (artifact,) = [a for a in bundle.artifacts if (a.role, a.format) == (role, "tflite")]
    assert set(outputs) == set(artifact.parity)
    return [
        failure
        for name, row in artifact.parity.items()
        for parity in check_case(
            artifact.file,
            "golden",
            {name: rows(bundle.golden(name), len(outputs[name]))},
            {name: outputs[name]},
            row.tolerance,
            scaled=False,
        )
        for failure in parity.failures
    ]


def golden_input(path, role, count):
    return {INPUTS[role]: rows(read_bundle(path).golden(INPUTS[role]), count)}


@pytest.mark.parametrize("batch", DEFAULT_BATCHES)
@pytest.mark.parametrize("role", INPUTS)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_signature_matches_the_golden_arrays(request, run, runtime, model, role, batch):
    path = request.getfixturevalue(f"{model}_result").path
    outputs, said = run(
        runtime, f"{model}/{role}.tflite", f"batch_{batch}", **golden_input(path, role, batch)
    )
    assert said == {
        "signatures": [f"batch_{size}" for size in DEFAULT_BATCHES],
        "ranBy": RUNTIMES[runtime][1],
        "isFullyAccelerated": True,
    }
    assert differences(path, role, outputs) == []


@pytest.mark.parametrize("role", INPUTS)
def test_without_a_name_it_is_batch_1(run, dense_bundle, role):
    outputs, _ = run("wasm", f"dense/{role}.tflite", None, **golden_input(dense_bundle, role, 1))
    assert differences(dense_bundle, role, outputs) == []


@pytest.mark.parametrize("name", ["mu", "logvar", "reconstruction"])
def test_a_changed_golden_value_is_noticed(run, dense_bundle, bundle_copy, name):
    role = "decoder" if name == "reconstruction" else "encoder"
    shift_golden(bundle_copy, name, by=0.001)
    outputs, _ = run("wasm", f"dense/{role}.tflite", "batch_16", **golden_input(dense_bundle, role, 16))
    (difference,) = differences(bundle_copy, role, outputs)
    assert difference.startswith(f"{role}.tflite: output {name!r}, golden: largest error 0.00")


@pytest.mark.parametrize(
    ("runtime", "count", "refusal"),
    [
        (
            "wasm",
            2,
            r"ranked tensor type Float32\[2, .*\] does not match expected ranked tensor type Float32\[1, ",
        ),
        ("webgpu", 1, "litert_compiled_model"),
    ],
    ids=["wasm, a second row", "webgpu"],
)
@pytest.mark.parametrize("role", INPUTS)
def test_a_dynamic_batch_is_refused(run, dynamic_bundle, role, runtime, count, refusal):
    with pytest.raises(Error, match=refusal):
        run(runtime, f"dynamic/{role}.tflite", "batch_any", **golden_input(dynamic_bundle, role, count))
