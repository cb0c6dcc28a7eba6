"""vae_runtime.mjs loads bundles, with onnxruntime-web under Node."""

from __future__ import annotations

import functools
import http.server
import json
import subprocess
import threading

import keras
import numpy as np
import pytest

import vae_export
from tests.broken_bundles import edit_manifest, shift_golden
from tests.runtime.toolchain import need, need_npm_package
from tests.tiny_models import randomise, samples, tiny_vae
from vae_export.split.sampling_layer import SamplingLayer

PREAMBLE = """
import * as ort from "onnxruntime-web";
import {{ load, VaeRuntimeError }} from {helper};
import {{ readFile }} from "node:fs/promises";
const bundle = {bundle};
async function result() {{ {body} }}
try {{
  console.log(JSON.stringify({{ value: await result() }}));
}} catch (error) {{
  if (!(error instanceof VaeRuntimeError)) throw error;
  console.log(JSON.stringify({{ refused: error.message }}));
}}
"""


@pytest.fixture(scope="module")
def run_js(root):
    """run_js(bundle, body): what the body of a function returns, or the text of its VaeRuntimeError."""
    node = need("node")
    need_npm_package(root, "onnxruntime-web")
    helper = json.dumps((root / "vae_export" / "runtime" / "js" / "vae_runtime.mjs").as_uri())

    def run(bundle, body):
        program = PREAMBLE.format(helper=helper, bundle=json.dumps(str(bundle)), body=body)
        done = subprocess.run(
            [node, "--input-type=module"],
            input=program,
            cwd=root / "tests",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        return answer["value"] if "value" in answer else f"refused: {answer['refused']}"

    return run


def test_self_test(run_js, reference_result):
    errors = run_js(reference_result.path, "return (await load(bundle, ort)).selfTest()")
    assert set(errors) == {"epsilon", "mu", "logvar", "z", "reconstruction", "generated"}
    assert errors["epsilon"] == 0
    assert 0 < errors["reconstruction"] < 1e-5


@pytest.mark.parametrize("precision", ["float32", "float16", "dynamic-int8", "int8"])
def test_lower_precisions(run_js, lower_result, precision):
    """By name; without one it is the first that the bundle has."""
    values, errors, default = run_js(
        lower_result.path,
        f"""const vae = await load(bundle, ort, {{}}, "{precision}");
        const first = await load(bundle, ort);
        return [[...await vae.generate(3, {{ seed: 5 }})], await vae.selfTest(), [...await first.generate(3, {{ seed: 5 }})]]""",
    )
    expected = vae_export.load(lower_result.path, "onnx", precision=precision).generate(3, seed=5)
    exact = vae_export.load(lower_result.path, "onnx").generate(3, seed=5)
    # Kernels for integers round in their own ways.
    tolerance = 1e-5 if precision.startswith("float") else 0.05
    np.testing.assert_allclose(np.reshape(values, expected.shape), expected, rtol=0, atol=tolerance)
    np.testing.assert_allclose(np.reshape(default, exact.shape), exact, rtol=0, atol=1e-5)
    assert errors["epsilon"] == 0
    assert (np.abs(np.array(values) - default).max() > 1e-5) == (precision != "float32")


def test_a_precision_that_is_not_there(run_js, dense_bundle):
    refusal = run_js(dense_bundle, 'return load(bundle, ort, {}, "int8")')
    assert refusal == "refused: precision: got int8, expected float32"


def test_images_are_those_of_the_python_helper(run_js, dense_bundle):
    start = 2**60
    values = run_js(
        dense_bundle,
        f"const vae = await load(bundle, ort); return [...await vae.generate(300, {{ seed: 5, start: {start}n }})]",
    )
    expected = vae_export.load(dense_bundle, backend="onnx").generate(300, seed=5, start=start)
    np.testing.assert_allclose(np.reshape(values, expected.shape), expected, rtol=0, atol=1e-5)
    assert expected.std() > 0.1


def test_encode_sample_decode(run_js, dense_bundle):
    x = np.random.default_rng(0).random((5, 28, 28, 1), np.float32)
    values = run_js(
        dense_bundle,
        f"""const vae = await load(bundle, ort), x = Float32Array.from({x.ravel().tolist()});
        const {{ mu, logvar }} = await vae.encode(x);
        const z = vae.sample(mu, logvar, {{ seed: 3, start: 2 }});
        return [mu, logvar, z, await vae.decode(z), await vae.reconstruct(x, {{ seed: 3, start: 2 }}),
          vae.xShape, vae.latentShape, vae.reconstructionShape].map((values) => [...values])""",
    )
    vae = vae_export.load(dense_bundle, backend="onnx")
    mu, logvar = vae.encode(x)
    z = vae.sample(mu, logvar, seed=3, start=2)
    for got, expected in zip(values, [mu, logvar, z, vae.decode(z), vae.reconstruct(x, 3, 2)], strict=False):
        np.testing.assert_allclose(got, expected.ravel(), rtol=1e-5, atol=1e-5)
    assert values[5:] == [[28, 28, 1], [2], [28, 28, 1]]


def test_a_sample_alone_is_the_same_as_in_a_batch(run_js, dense_bundle):
    body = """const vae = await load(bundle, ort);
    const [all, alone] = await Promise.all([vae.generate(5, { seed: 7 }), vae.generate(1, { seed: 7n, start: 4 })]);
    return [[...all.subarray(4 * 784)], [...alone]]"""
    batch, alone = run_js(dense_bundle, body)
    np.testing.assert_allclose(alone, batch, rtol=0, atol=1e-6)


def test_inputs_may_change_after_the_call(run_js, dense_bundle):
    body = """const vae = await load(bundle, ort), z = Float32Array.of(1, -1);
    const image = vae.decode(z), expected = vae.decode(Float32Array.of(1, -1));
    z.fill(0);
    return [[...await image], [...await expected]]"""
    changed, expected = run_js(dense_bundle, body)
    assert changed == expected


def test_released_sessions_are_gone(run_js, dense_bundle):
    body = """const vae = await load(bundle, ort);
    await vae.release();
    try { await vae.generate(1); } catch (error) { return `${error}`; }"""
    assert "session" in run_js(dense_bundle, body)


def conditional_vae():
    x, label = keras.Input((6, 6, 1), name="photo"), keras.Input((), name="label", dtype="int32")
    y = keras.layers.Embedding(10, 4)(label)
    both = keras.layers.Concatenate()([keras.layers.Flatten()(x), y])
    content, style = (
        SamplingLayer(name=name)([keras.layers.Dense(size)(both), keras.layers.Dense(size)(both)])
        for name, size in (("content", 3), ("style", 2))
    )
    hidden = keras.layers.Concatenate()([content, style, y])
    outputs = [keras.layers.Dense(36, name="pixels")(hidden), keras.layers.Dense(10, name="digit")(hidden)]
    return randomise(keras.Model([x, label], outputs), 5)


def test_conditions_and_several_latents_go_by_name(run_js, tmp_path):
    x, label = samples(8), np.arange(8, dtype=np.int32)
    model = conditional_vae()
    path = vae_export.export(model, tmp_path / "bundle", format="onnx", samples={"x": x, "label": label}).path
    values = run_js(
        path,
        f"""const vae = await load(bundle, ort), x = Float32Array.from({x.ravel().tolist()});
        const label = Int32Array.from({label.tolist()});
        await vae.selfTest();
        const {{ mu, logvar }} = await vae.encode({{ x, label }});
        const z = vae.sample(mu, logvar, {{ seed: 3 }});
        const all = [mu, logvar, z, await vae.decode({{ ...z, label }}), await vae.reconstruct({{ x, label }}),
          await vae.generate(3, {{ seed: 9, conditions: {{ label: Int32Array.of(4) }} }})];
        return all.map((arrays) => Object.fromEntries(Object.entries(arrays).map(([k, v]) => [k, [...v]])))""",
    )
    vae = vae_export.load(path)
    vae.self_test()
    mu, logvar = vae.encode({"x": x, "label": label})
    assert set(mu) == {"mu_content", "mu_style"}
    z = vae.sample(mu, logvar, seed=3)
    expected = [
        *(mu, logvar, z, vae.decode({**z, "label": label}), vae.reconstruct({"x": x, "label": label})),
        vae.generate(3, seed=9, conditions={"label": [4]}),
    ]
    assert set(expected[-1]) == {"pixels", "digit"}
    for got, arrays in zip(values, expected, strict=True):
        assert set(got) == set(arrays)
        for name, array in arrays.items():
            np.testing.assert_allclose(got[name], array.ravel(), rtol=1e-5, atol=1e-5)


def test_graphs_of_one_batch_size_take_any_number_of_rows(run_js, tmp_path):
    path = vae_export.export(tiny_vae(), tmp_path / "bundle", format="onnx", batch=4, samples=samples(8)).path
    body = "const vae = await load(bundle, ort); await vae.selfTest(); return [...await vae.generate(9, { seed: 1 })]"
    expected = vae_export.load(path).generate(9, seed=1)
    np.testing.assert_allclose(run_js(path, body), expected.ravel(), rtol=0, atol=1e-6)


def test_it_loads_over_http_and_through_a_function(run_js, dense_bundle):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=dense_bundle.parent)
    handler.log_message = lambda *arguments: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/{dense_bundle.name}"
        body = """const read = (name) => readFile(`${bundle}/${name}`), errors = [];
        for (const source of [URL_OF_BUNDLE, `file://${bundle}`, new URL(`file://${bundle}/`), read]) {
          errors.push((await (await load(source, ort)).selfTest()).epsilon);
        }
        return errors"""
        assert run_js(dense_bundle, body.replace("URL_OF_BUNDLE", json.dumps(url))) == [0, 0, 0, 0]
        server.shutdown()


LOAD = "await load(bundle, ort)"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda b: (b / "manifest.json").unlink(), "manifest.json: cannot be read (ENOENT"),
        (lambda b: (b / "manifest.json").write_text("{"), "manifest.json: not JSON"),
        (
            lambda b: edit_manifest(b, lambda m: m.update(format_version=2)),
            "manifest.json: format_version 2, expected 1; use newer helpers",
        ),
        (
            lambda b: edit_manifest(b, lambda m: m["noise"].update(version=2)),
            "manifest.json: noise version 2, expected 1; use newer helpers",
        ),
        (lambda b: (b / "decoder.onnx").unlink(), "decoder.onnx: cannot be read (ENOENT"),
        (
            lambda b: (b / "decoder.onnx").write_bytes((b / "decoder.onnx").read_bytes()[:-1] + b"x"),
            "decoder.onnx: altered (its SHA-256 is not the manifest's); export the bundle again",
        ),
        (
            lambda b: edit_manifest(b, lambda m: m["artifacts"][0].update(file="../encoder.onnx")),
            "manifest.json: names ../encoder.onnx, expected a relative path inside the bundle",
        ),
        (
            lambda b: edit_manifest(
                b, lambda m: m.update(artifacts=[a for a in m["artifacts"] if a["format"] == "tflite"])
            ),
            "encoder: no ONNX file in the bundle; export it with --format onnx",
        ),
    ],
    ids=["no manifest", "not JSON", "format", "noise", "no file", "altered", "outside", "no ONNX"],
)
def test_bad_bundles_are_refused(run_js, bundle_copy, spoil, message):
    spoil(bundle_copy)
    assert run_js(bundle_copy, LOAD).startswith(f"refused: {message}")


def test_a_page_without_webcrypto_is_told(run_js, dense_bundle):
    body = 'Object.defineProperty(globalThis, "crypto", { value: undefined });' + LOAD
    assert run_js(dense_bundle, body).startswith("refused: WebCrypto is missing: serve the page over https")


@pytest.mark.parametrize("name", ["mu", "z", "reconstruction", "generated", "epsilon"])
def test_a_wrong_result_fails_the_self_test(run_js, bundle_copy, name):
    shift_golden(bundle_copy, name)
    answer = run_js(bundle_copy, "return (await load(bundle, ort)).selfTest()")
    assert answer.startswith("refused: self test failed: ")
    assert f"{name}: largest error 0.0" in answer


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("vae.decode(new Float32Array(3))", "z: got 3 values, expected rows of 2 (2)"),
        ("vae.encode(new Float32Array(0))", "x: got 0 values, expected rows of 784 (28 x 28 x 1)"),
        ("vae.encode(new Uint8Array(784))", "x: got Uint8Array, expected a Float32Array"),
        (
            "vae.generate(1, { start: 2n ** 63n })",
            "start: got 9223372036854775808, expected an integer in [0, 922",
        ),
        ("vae.decode({ x: new Float32Array(2) })", "got the inputs x, expected z"),
        (
            "load(bundle, {})",
            "ort: got [object Object], expected the module onnxruntime-web or onnxruntime-node",
        ),
        ("vae.generate(0)", "n: got 0, expected at least 1"),
        ("vae.generate(1, { seed: -1 })", "seed: got -1, expected an integer in [0, 18446744073709551616)"),
        ("vae.generate(1, { seed: 2 ** 53 })", "seed: got 9007199254740992, expected an integer in [0, "),
        ("vae.sample(new Float32Array(2), new Float32Array(4))", "logvar: got 2 rows, expected 1 as in mu"),
    ],
)
def test_wrong_arguments_are_refused(run_js, dense_bundle, call, message):
    answer = run_js(dense_bundle, f"const vae = await load(bundle, ort); return await {call}")
    assert answer.startswith(f"refused: {message}")
