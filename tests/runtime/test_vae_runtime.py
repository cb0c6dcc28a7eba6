"""A loaded bundle computes what Keras does, in batches of any size."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import vae_export
from tests.broken_bundles import shift_golden
from vae_export.runtime.python import vae_runtime
from vae_export.runtime.python.vae_runtime import VaeRuntimeError, load

BACKENDS = ("onnx", "tflite")


@pytest.fixture(scope="module", params=BACKENDS)
def vae(request, dense_bundle):
    return load(dense_bundle, backend=request.param)


@pytest.fixture(scope="module")
def x(dense_bundle):
    return np.fromfile(dense_bundle / "golden" / "x.f32", "<f4").reshape(8, 28, 28, 1)


def golden(vae, name):
    entry = vae.manifest["golden"]["arrays"][name]
    return np.fromfile(vae._path / entry["file"], "<f4").reshape(entry["shape"])


def test_what_it_says_of_itself(vae):
    assert (vae.latent_shape, vae.x_shape, vae.epsilon_scale) == ((2,), (28, 28, 1), 1.0)
    assert vae.backend in BACKENDS


def test_every_step_matches_keras(vae, x):
    mu, logvar = vae.encode(x)
    np.testing.assert_allclose(mu, golden(vae, "mu"), rtol=0, atol=1e-5)
    np.testing.assert_allclose(logvar, golden(vae, "logvar"), rtol=0, atol=1e-5)
    z = vae.sample(mu, logvar, seed=7)
    np.testing.assert_allclose(z, golden(vae, "z"), rtol=0, atol=1e-5)
    for image in (vae.decode(z), vae.reconstruct(x, seed=7)):
        np.testing.assert_allclose(image, golden(vae, "reconstruction"), rtol=0, atol=1e-5)
    np.testing.assert_allclose(vae.generate(8, seed=7), golden(vae, "generated"), rtol=0, atol=1e-5)


def test_both_backends_agree(dense_bundle):
    one, other = (load(dense_bundle, backend).generate(20, seed=3) for backend in BACKENDS)
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 2, 3, 255, 256, 257, 600])
def test_batches_of_any_size(vae, rows):
    images = vae.generate(rows, seed=1)
    assert images.shape == (rows, 28, 28, 1)
    np.testing.assert_allclose(images[-1:], vae.generate(1, seed=1, start=rows - 1), rtol=0, atol=2e-6)


def test_sample_k_alone_is_sample_k_in_a_batch(vae, x):
    mu, logvar = vae.encode(x)
    batch = vae.sample(mu, logvar, seed=5)
    for k in range(8):
        alone = vae.sample(mu[k : k + 1], logvar[k : k + 1], seed=5, start=k)
        np.testing.assert_array_equal(alone[0], batch[k])


def test_seeds_differ_and_repeat(vae):
    assert np.abs(vae.generate(4, seed=1) - vae.generate(4, seed=2)).max() > 0.5
    np.testing.assert_array_equal(vae.generate(4, seed=1), vae.generate(4, seed=1))


def test_numpy_integers_are_taken(vae):
    images = vae.generate(np.int64(2), seed=np.uint64(7), start=np.int32(5))
    np.testing.assert_array_equal(images, vae.generate(2, seed=7, start=5))


def test_several_threads_may_use_it(vae):
    expected = [vae.generate(1 + k, seed=k) for k in range(4)]

    def work(k):
        return [vae.generate(1 + k, seed=k) for _ in range(300)]

    with ThreadPoolExecutor(4) as pool:
        for k, drawn in enumerate(pool.map(work, range(4))):
            for images in drawn:
                np.testing.assert_array_equal(images, expected[k])


def test_double_precision_is_taken(vae, x):
    np.testing.assert_array_equal(vae.encode(x.astype(np.float64))[0], vae.encode(x)[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda v: v.encode(np.zeros((2, 28, 28))),
            r"^x: got shape \(2, 28, 28\), expected \(n, 28, 28, 1\) with n",
        ),
        (
            lambda v: v.encode(np.zeros((0, 28, 28, 1))),
            r"^x: got shape \(0, 28, 28, 1\), expected .* n at least 1$",
        ),
        (lambda v: v.encode(np.zeros((1, 28, 28, 1), int)), r"^x: got dtype int64, expected float32$"),
        (lambda v: v.decode(np.zeros(2)), r"^z: got shape \(2,\), expected \(n, 2\) with n at least 1$"),
        (lambda v: v.decode(0.5), r"^z: got shape \(\), expected \(n, 2\)"),
        (lambda v: v.decode([["a", "b"]]), r"^z: got dtype <U1, expected float32$"),
        (lambda v: v.generate(0), r"^n: got 0, expected at least 1$"),
        (lambda v: v.generate(2.5), r"^n: got 2\.5, expected an integer in"),
        (
            lambda v: v.generate(1, start=-1),
            r"^start: got -1, expected an integer in \[0, 9223372036854775808\)$",
        ),
        (lambda v: v.generate(1, start=2**63), r"^start: got 9223372036854775808, expected an integer in"),
        (lambda v: v.generate(1, seed=7.0), r"^seed: got 7\.0, expected an integer in"),
        (lambda v: v.generate(1, seed=-1), r"^seed: got -1, expected an integer in"),
        (
            lambda v: v.sample(np.zeros((2, 2)), np.zeros((3, 2))),
            r"^logvar: got a batch of 3, expected 2 as in mu$",
        ),
    ],
)
def test_wrong_arguments_are_explained(vae, call, message):
    with pytest.raises(VaeRuntimeError, match=message):
        call(vae)


def test_fixed_batches_are_filled_up(tmp_path):
    result = vae_export.export("fashion-mnist-dense", tmp_path / "b", batch=4)
    dynamic = None
    for backend in BACKENDS:
        vae = load(result.path, backend)
        assert vae._decoder.inputs["z"][0] == (4, 2)
        images = vae.generate(10, seed=3)
        assert images.shape == (10, 28, 28, 1)
        np.testing.assert_allclose(images[9:], vae.generate(1, seed=3, start=9), rtol=0, atol=2e-6)
        dynamic = images if dynamic is None else dynamic
        np.testing.assert_allclose(images, dynamic, rtol=0, atol=1e-5)
        assert vae.self_test()["generated"] < 1e-5


@pytest.mark.parametrize(
    ("rows", "batches"),
    [(1, [1]), (7, [1] * 7), (8, [16]), (16, [16]), (20, [16] + [1] * 4), (31, [16, 16]), (32, [64]), (150, [64, 64, 16, 1, 1, 1, 1, 1, 1])],
)  # fmt: skip
def test_batches_are_made_of_signatures(dense_bundle, monkeypatch, rows, batches):
    vae = load(dense_bundle, "tflite")
    whole = vae.generate(150, seed=3)
    sizes = sizes_run(vae, monkeypatch)
    images = vae.generate(rows, seed=3)
    assert sizes == batches
    np.testing.assert_allclose(images, whole[:rows], rtol=0, atol=2e-6)


class OpaqueRunner:
    """A signature runner of which nothing is known but what is documented."""

    def __init__(self, runner):
        self.calls = 0
        self.get_input_details, self.get_output_details = runner.get_input_details, runner.get_output_details
        self._hidden = runner

    def __call__(self, **inputs):
        self.calls += 1
        return self._hidden(**inputs)


@pytest.mark.parametrize("role", ["encoder", "decoder"])
@pytest.mark.parametrize("rows", [1, 16])
def test_what_a_signature_needs_is_looked_up_once(dense_bundle, x, role, rows):
    """And a runtime whose runners have other parts gives the same values by their documented call."""
    vae = load(dense_bundle, "tflite")
    session, array = {
        "encoder": (vae._encoder, np.tile(x, (2, 1, 1, 1))[:rows]),
        "decoder": (vae._decoder, np.random.default_rng(0).normal(size=(rows, 2)).astype(np.float32)),
    }[role]
    (name,) = session.inputs
    opaque = OpaqueRunner(session._runners[rows])
    first, second = session._runners[rows](**{name: array}), session._runners[rows](**{name: array / 2})
    for runner in (session._runners[rows], opaque):
        session._prepared.clear()
        session._runners[rows] = runner
        assert_equal(session.run({name: array}), first)
        session._runners[rows] = None
        assert_equal(session.run({name: array / 2}), second)
        assert_equal(session.run({name: array}), first)
    assert opaque.calls == 3


def assert_equal(got, expected):
    assert set(got) == set(expected)
    for name, array in got.items():
        np.testing.assert_array_equal(array, expected[name])


def sizes_run(vae, monkeypatch):
    """The batch sizes that the decoder is run on from now on."""
    sizes, run = [], vae._decoder.run_whole
    monkeypatch.setattr(
        vae._decoder, "run_whole", lambda inputs, rows: sizes.append(len(inputs["z"])) or run(inputs, rows)
    )
    return sizes


def test_halves_are_loaded_when_they_are_asked_for(dense_bundle):
    vae = load(dense_bundle)
    vae.prepare("decoder")
    assert list(vae._sessions) == ["decoder"]
    vae.prepare("encoder", "decoder")
    assert list(vae._sessions) == ["decoder", "encoder"]
    with pytest.raises(VaeRuntimeError, match=r"^prepare: got 'z', expected encoder or decoder$"):
        vae.prepare("z")


@pytest.mark.parametrize("backend", BACKENDS)
def test_batches_are_as_large_as_the_manifest_prefers(conv_result, monkeypatch, backend):
    vae = load(conv_result.path, backend)
    assert vae.artifacts["decoder"]["preferred_batch"] == 16
    sizes = sizes_run(vae, monkeypatch)
    assert vae.generate(40, seed=3).shape == (40, 28, 28, 1)
    assert sizes == ([16, 16, 8] if backend == "onnx" else [16, 16, 16])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("size", "threads"), [(1 << 20, 1), ((1 << 20) + 1, None)])
def test_small_files_are_run_by_one_thread(dense_bundle, monkeypatch, backend, size, threads):
    """And larger ones by as many as the runtime likes; each half is loaded when it is wanted."""
    given = []

    def session(file, threads, rows):
        given.append(threads)
        return real(file, threads, rows)

    real = vae_runtime.BACKENDS[backend].session
    counting = vae_runtime.BACKENDS[backend]._replace(session=session)
    manifest = vae_runtime._read_manifest(Path(dense_bundle))
    for artifact in manifest["artifacts"]:
        artifact["bytes"] = size
    vae = vae_runtime.Vae(Path(dense_bundle), manifest, counting, None)
    assert (given, vae.threads) == ([], threads)
    vae.generate(1)
    assert given == [threads], "the decoder alone was wanted"
    vae.reconstruct(vae.generate(1))
    assert given == [threads, threads]
    assert vae_runtime.Vae(Path(dense_bundle), manifest, counting, 2).threads == 2


def test_any_batch_in_one(tmp_path):
    result = vae_export.export("fashion-mnist-dense", tmp_path / "b", batch="dynamic", format="tflite")
    vae = load(result.path)
    images = vae.generate(300, seed=3)
    np.testing.assert_allclose(images[299:], vae.generate(1, seed=3, start=299), rtol=0, atol=2e-6)
    assert {artifact["batches"] for artifact in result.manifest.to_dict()["artifacts"]} == {None}


def test_self_test_measures(vae):
    errors = vae.self_test()
    assert sorted(errors) == ["epsilon", "generated", "logvar", "mu", "reconstruction", "z"]
    assert errors["epsilon"] == 0
    assert all(0 <= error < 1e-4 for error in errors.values())


@pytest.mark.parametrize("name", ["epsilon", "mu", "logvar", "z", "reconstruction", "generated"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_self_test_fails_where_a_golden_array_differs(bundle_copy, name, backend):
    shift_golden(bundle_copy, name)
    with pytest.raises(
        VaeRuntimeError, match=rf"with {backend} failed: .*{name}: largest error 0\.0.*, tolerance"
    ):
        load(bundle_copy, backend).self_test()
