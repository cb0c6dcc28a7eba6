"""VAEs as people write them: each is exported, verified, and computes what the original computes.

A file of the gallery has `build()` and, where they differ from the usual, PARAMETRISATION, EPSILON_SCALE,
CLIP, SKIPPED, LATENTS, OUTPUTS, CONDITIONS, X_DTYPE, X_SHAPE, OPTIONS of the export, ATOL, and `original(model, x)`.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest

import vae_export
from tests.gallery.parts.noise import give_noise
from tests.gallery.parts.styles import ROWS, STYLES, build_style, export_style, inputs
from vae_export.core.told import Told
from vae_export.split.float32 import computing_in_float32
from vae_export.split.pair import pair_in
from vae_export.split.region import run_calls
from vae_export.split.split_vae import split

SEED = 7


@pytest.fixture(scope="module", params=STYLES)
def style(request):
    return build_style(request.param)


@pytest.fixture(scope="module")
def bundle(style, export_once):
    name = style[0].__name__.rpartition(".")[2]
    return export_once(f"style-{name}", lambda path: export_style(*style, path))


def test_it_is_exported_and_understood(style, bundle):
    module, _ = style
    assert bundle.report.ok
    skipped = {case for row in bundle.report.rows for case in row.skipped}
    assert skipped == set(getattr(module, "SKIPPED", ()))
    latents = bundle.manifest.to_dict()["latents"]
    assert {latent["parametrisation"] for latent in latents} == {
        getattr(module, "PARAMETRISATION", "log-variance")
    }
    assert {latent["parametrisation_source"] for latent in latents} == {"probed"}
    assert {latent["epsilon_scale"] for latent in latents} == {getattr(module, "EPSILON_SCALE", 1.0)}
    names = getattr(module, "LATENTS", None)
    assert [latent["z"] for latent in latents] == ([f"z_{name}" for name in names] if names else ["z"])
    assert {entry["format"] for entry in bundle.manifest.to_dict()["artifacts"]} == {"onnx", "tflite"}


@pytest.mark.parametrize("backend_name", ["onnx", "tflite"])
def test_images_are_generated(style, bundle, backend_name):
    module, _ = style
    vae = vae_export.load(bundle.path, backend=backend_name)
    vae.self_test()
    conditions = {name: array[:3] for name, array in getattr(module, "CONDITIONS", {}).items()}
    decoder_takes = {name for name in conditions if name in vae._decoder.inputs}
    images = vae.generate(3, seed=1, conditions={name: conditions[name] for name in decoder_takes})
    arrays = images.values() if isinstance(images, dict) else [images]
    assert all(len(array) == 3 and np.isfinite(array).all() for array in arrays)
    if hasattr(module, "OUTPUTS"):
        assert set(images) == set(module.OUTPUTS)
    assert max(np.abs(array[0] - array[1]).max() for array in arrays) > 1e-3


def test_it_computes_what_the_original_computes(style, bundle, monkeypatch):
    """The original draws, by whatever way, the noise that the helper draws."""
    module, model = style
    x = inputs(module, model)
    vae = vae_export.load(bundle.path, backend="onnx")
    conditions = getattr(module, "CONDITIONS", {})
    got = vae.reconstruct({"x": x, **conditions} if conditions else x, seed=SEED)
    noise = [vae._epsilon(latent, SEED, 0, ROWS) for latent in vae.latents]

    give_noise(monkeypatch, noise)
    expected = module.original(model, x) if hasattr(module, "original") else model(x)
    outputs = expected if isinstance(expected, dict) else {"reconstruction": expected}
    got = got if isinstance(got, dict) else {"reconstruction": got}
    assert set(outputs) == set(got)
    for name, array in outputs.items():
        array = keras.ops.convert_to_numpy(array)
        atol = getattr(module, "ATOL", 2e-5) * max(1, np.abs(array).max())
        np.testing.assert_allclose(got[name], array, rtol=0, atol=atol)
        assert array.std() > 0.01


def test_z_is_distributed_as_in_the_original(style, bundle):
    """10,000 draws of the original for one x, against the exported mu and logvar."""
    module, model = style
    draws = 10_000
    told = getattr(module, "OPTIONS", {})
    names = {name: told[name] for name in ("mu", "logvar") if name in told}
    options = {"x_shape": getattr(module, "X_SHAPE", None), "told": Told(**names)}
    vae = vae_export.load(bundle.path, backend="onnx")
    with computing_in_float32(*((model.encoder, model.decoder) if pair_in(model) else (model,))):
        halves = split(model, "m", **options)
        given = {"x": inputs(module, model), **getattr(module, "CONDITIONS", {})}
        one = {name: given[name][:1] for name in vae._encoder.inputs}
        mu, logvar = vae.encode(one if len(one) > 1 else one["x"])
        arrays = {
            value: np.repeat(one[name], draws, axis=0) for name, value in halves.encoder.model.sources.items()
        }
        for latent, site in zip(halves.latents, halves.sites, strict=True):
            if not site.calls:
                continue
            # Of joined halves z is the decoder's input: the output of the sampling layer stands for it.
            wanted = site.calls[-1].outputs
            drawn = site.z if site.z in wanted else wanted[-1]
            needed = _calls_for(halves.graph, drawn)
            (z,) = run_calls(needed, arrays, [drawn], training=False)
            centre, spread = (
                (values[name] if isinstance(values, dict) else values)[0].astype(np.float64)
                for name, values in ((latent.mu, mu), (latent.logvar, logvar))
            )
            sigma = latent.epsilon_scale * np.exp(0.5 * spread)
            assert (np.abs(z.mean(axis=0) - centre) <= 4 * sigma / draws**0.5 + 1e-6).all()
            assert (np.abs(z.std(axis=0) - sigma) <= 4 * sigma / (2 * draws) ** 0.5 + 1e-6).all()


def _calls_for(graph, value):
    wanted, needed = {value}, []
    for call in reversed(graph.calls):
        if not wanted.isdisjoint(call.outputs):
            needed.append(call)
            wanted.update(call.inputs)
    return needed[::-1]
