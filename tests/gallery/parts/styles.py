"""The VAEs of the gallery, built and exported."""

from __future__ import annotations

import importlib
import pkgutil

import keras
import numpy as np

import tests.gallery
import vae_export
from vae_export.split.pair import pair_in

STYLES = sorted(
    module.name
    for module in pkgutil.iter_modules(tests.gallery.__path__)
    if not module.ispkg and not module.name.startswith("test_")
)
ROWS = 12


def build_style(name):
    """A style's module, and its model with weights that make every bug show."""
    module = importlib.import_module(f"tests.gallery.{name}")
    keras.utils.set_random_seed(1)
    model = module.build()
    for part in (
        [model, *filter(None, vars(pair_in(model) or object).values())] if pair_in(model) else [model]
    ):
        if isinstance(part, keras.Model) and part.built:
            peak(part)
    return module, model


def peak(model):
    """Weights that make outputs differ a lot from value to value."""
    rng = np.random.default_rng(3)
    for weight in model.trainable_weights:
        scale = 0.3 if len(weight.shape) == 1 else 1.3 / np.sqrt(np.prod(weight.shape[:-1]))
        weight.assign(weight + rng.normal(0, scale, weight.shape))


def inputs(module, model):
    """x for a style."""
    shape = getattr(module, "X_SHAPE", None)
    if shape is None:
        first = pair_in(model).encoder if pair_in(model) else model
        x = getattr(first, "inputs", None)
        if x is None:
            shape = (12,)
        else:
            conditions = getattr(module, "CONDITIONS", {})
            (shape,) = (tuple(tensor.shape[1:]) for tensor in x if tensor.name not in conditions)
    rng = np.random.default_rng(2)
    dtype = getattr(module, "X_DTYPE", "float32")
    if dtype == "float32":
        return rng.random((ROWS, *shape), np.float32)
    return rng.integers(0, 256 if dtype == "uint8" else 20, (ROWS, *shape)).astype(dtype)


def export_style(module, model, path, **options):
    """The export of a style."""
    calibration = {"x": inputs(module, model), **getattr(module, "CONDITIONS", {})}
    # One size: signatures of several are tested on the reference models.
    options = {"batch": 4, **getattr(module, "OPTIONS", {}), **options}
    return vae_export.export(model, path, samples=calibration, name="style", **options)
