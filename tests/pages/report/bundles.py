"""Bundles of other kinds of VAEs than the reference models."""

from __future__ import annotations

import importlib

import keras

import vae_export
from tests.gallery.test_gallery import inputs, peak

# What a report has to show in different ways -> the file of the gallery that has it.
KINDS = {
    "conditions": "conditional_label",
    "several outputs": "conditional_decoder",
    "several latents": "content_and_style",
    "signals": "conv1d_gelu",
    "flat": "keras_blog_2016",
    "tokens": "bidirectional_tokens",
}


def gallery_bundle(kind, path):
    """Export a VAE of the gallery, with weights that make a difference."""
    module = importlib.import_module(f"tests.gallery.{KINDS[kind]}")
    keras.utils.set_random_seed(1)
    model = module.build()
    peak(model)
    calibration = {"x": inputs(module, model), **getattr(module, "CONDITIONS", {})}
    options = getattr(module, "OPTIONS", {})
    return vae_export.export(model, path, calibration=calibration, name=KINDS[kind], **options).path
