"""Faults in halves: each is planted in a fresh half, which is converted like any other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from planting import (
    CONV,
    NORM,
    TRANSPOSED,
    all_weights,
    blocks,
    channels_first,
    exchange_query_and_key,
    exchanged,
    given,
    in_place,
    in_ten_bits,
    largest,
    low_bits,
    of_row,
    other_seed,
    output,
    padded_by,
    quantised,
    scaled_query,
    setting,
    weights,
    wrapped,
)


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    Attributes:
        name: for the table.
        base: name of the VAE.
        role: of the half that has the fault.
        plant: a fresh half of the VAE -> the half with the fault.
        formats: those that can have it.
    """

    name: str
    base: str
    role: str
    plant: Callable[[Any], Any]
    formats: tuple[str, ...] = ("onnx", "tflite")


CONVOLUTIONS, BATCH, GROUP, ATTENTION = (
    f"{family}/16" for family in ("convolutions", "batch-norm", "group-norm", "attention")
)
DENSE, RECURRENT = "dense/16", "recurrent/16"
BIAS = 1 + 1e-3

FAULTS = [
    Fault(
        "mu and logvar swapped",
        CONVOLUTIONS,
        "encoder",
        wrapped(after=lambda t: {"mu": t["logvar"], "logvar": t["mu"]}),
    ),
    Fault(
        "mu of two latents swapped",
        "content_and_style",
        "encoder",
        wrapped(after=lambda t: {"mu_content": t["logvar_content"], "logvar_content": t["mu_content"]}),
    ),
    Fault("square kernel transposed", DENSE, "decoder", weights(layers.Dense, 0, np.transpose, 1)),
    Fault(
        "bias of mu off by 1e-3 of it",
        CONVOLUTIONS,
        "encoder",
        weights(layers.Dense, 1, largest(lambda v: v * BIAS)),
    ),
    Fault(
        "bias of pixels off by 1e-3 of it",
        DENSE,
        "decoder",
        weights(layers.Dense, 1, largest(lambda v: v * BIAS), -1),
    ),
    Fault(
        "bias of a hidden layer off by 1e-3 of it",
        CONVOLUTIONS,
        "decoder",
        weights(layers.Dense, 1, largest(lambda v: v * BIAS)),
    ),
    Fault(
        "bias behind a norm off by 1e-3 of it",
        GROUP,
        "encoder",
        weights(NORM, 1, largest(lambda v: v * BIAS), 1),
    ),
    Fault(
        "one weight off by 1 %", CONVOLUTIONS, "decoder", weights(TRANSPOSED, 0, largest(lambda v: v * 1.01))
    ),
    Fault("one weight zero", RECURRENT, "encoder", weights(layers.GRU, 0, largest(lambda v: 0.0))),
    Fault("two units exchanged", CONVOLUTIONS, "encoder", weights(CONV, 0, lambda a: exchanged(a, -1))),
    Fault("two inputs exchanged", DENSE, "decoder", weights(layers.Dense, 0, lambda a: exchanged(a, 0))),
    Fault("a layer's weights zero", CONVOLUTIONS, "decoder", weights(TRANSPOSED, 0, np.zeros_like)),
    Fault(
        "the sign of a unit",
        CONVOLUTIONS,
        "encoder",
        weights(CONV, 0, lambda a: a * np.where(np.arange(a.shape[-1]) == 2, -1, 1)),
    ),
    Fault("another model's encoder", CONVOLUTIONS, "encoder", other_seed("encoder")),
    Fault("another model's decoder", CONVOLUTIONS, "decoder", other_seed("decoder")),
    Fault(
        "weights of a step before",
        CONVOLUTIONS,
        "decoder",
        all_weights(lambda a: a * (1 + 1e-3 * np.random.default_rng(0).normal(size=a.shape))),
    ),
    Fault("float16 weights, encoder", CONVOLUTIONS, "encoder", all_weights(lambda a: low_bits(a, "float16"))),
    Fault("float16 weights, decoder", DENSE, "decoder", all_weights(lambda a: low_bits(a, "float16"))),
    Fault("float16 weights, recurrent", RECURRENT, "decoder", all_weights(lambda a: low_bits(a, "float16"))),
    Fault("float16 weights, normalised", GROUP, "encoder", all_weights(lambda a: low_bits(a, "float16"))),
    Fault(
        "float16 weights of one layer",
        CONVOLUTIONS,
        "encoder",
        weights(CONV, 0, lambda a: low_bits(a, "float16")),
    ),
    Fault("bfloat16 weights", CONVOLUTIONS, "decoder", all_weights(lambda a: low_bits(a, "bfloat16"))),
    Fault("8-bit weights", CONVOLUTIONS, "decoder", all_weights(quantised)),
    Fault("12-bit weights", CONVOLUTIONS, "decoder", all_weights(lambda a: quantised(a, 12))),
    Fault("stale moving mean", BATCH, "encoder", weights(layers.BatchNormalization, 2, np.zeros_like)),
    Fault("stale moving variance", BATCH, "decoder", weights(layers.BatchNormalization, 3, np.ones_like)),
    Fault(
        "statistics of an epoch before",
        BATCH,
        "encoder",
        weights(layers.BatchNormalization, 3, lambda a: a * 1.01, 1),
    ),
    Fault(
        "epsilon of BatchNormalization", BATCH, "decoder", setting(layers.BatchNormalization, "epsilon", 1e-5)
    ),
    Fault("epsilon of GroupNormalization", GROUP, "encoder", setting(NORM, "epsilon", 1e-3)),
    Fault(
        "epsilon of LayerNormalization",
        ATTENTION,
        "encoder",
        setting(layers.LayerNormalization, "epsilon", 1e-5),
    ),
    Fault("scale of a norm left out", GROUP, "decoder", weights(NORM, 0, np.ones_like)),
    Fault("offset of a norm left out", GROUP, "decoder", weights(NORM, 1, np.zeros_like)),
    Fault("groups of GroupNormalization", GROUP, "encoder", setting(NORM, "groups", 4)),
    Fault("kernel upside down", CONVOLUTIONS, "encoder", weights(CONV, 0, lambda a: a[::-1, ::-1])),
    Fault(
        "kernel's height and width exchanged",
        CONVOLUTIONS,
        "decoder",
        weights(TRANSPOSED, 0, lambda a: a.transpose(1, 0, 2, 3)),
    ),
    Fault("channels of x reversed", CONVOLUTIONS, "encoder", given(lambda t: t[..., ::-1], "x")),
    Fault("channels of pixels reversed", CONVOLUTIONS, "decoder", output(lambda t: t[..., ::-1])),
    Fault("padding off by one", CONVOLUTIONS, "encoder", padded_by([1, 0])),
    Fault("padding by the edge", CONVOLUTIONS, "decoder", padded_by(None, "symmetric")),
    Fault("picture moved by a pixel", CONVOLUTIONS, "decoder", output(lambda t: ops.roll(t, 1, axis=2))),
    Fault("picture mirrored", CONVOLUTIONS, "decoder", output(lambda t: t[:, :, ::-1])),
    Fault(
        "height and width exchanged",
        CONVOLUTIONS,
        "decoder",
        output(lambda t: ops.transpose(t, (0, 2, 1, 3))),
    ),
    Fault("elu for relu", DENSE, "encoder", setting(layers.Dense, "activation", keras.activations.elu)),
    Fault(
        "gelu for silu", GROUP, "decoder", setting(layers.Activation, "activation", keras.activations.gelu)
    ),
    Fault(
        "approximate gelu",
        "conv1d_gelu",
        "encoder",
        setting(layers.Conv1D, "activation", lambda t: keras.activations.gelu(t, approximate=True)),
    ),
    Fault(
        "sigmoid left out", CONVOLUTIONS, "decoder", setting(CONV, "activation", keras.activations.linear, -1)
    ),
    Fault(
        "hard sigmoid",
        CONVOLUTIONS,
        "decoder",
        setting(CONV, "activation", keras.activations.hard_sigmoid, -1),
    ),
    Fault(
        "slope of LeakyReLU",
        "normalised_and_dropped",
        "encoder",
        setting(layers.LeakyReLU, "negative_slope", 0.21),
    ),
    Fault(
        "nearest for bilinear",
        "attention",
        "decoder",
        setting(layers.UpSampling2D, "interpolation", "nearest"),
    ),
    Fault("attention not scaled", ATTENTION, "encoder", in_place(scaled_query)),
    Fault("query and value exchanged", ATTENTION, "decoder", in_place(exchange_query_and_key)),
    Fault("gates of GRU in another order", RECURRENT, "encoder", weights(layers.GRU, 0, blocks((1, 0, 2)))),
    Fault(
        "gates of LSTM in another order", RECURRENT, "encoder", weights(layers.LSTM, 1, blocks((0, 2, 1, 3)))
    ),
    Fault("a sequence backwards", RECURRENT, "encoder", setting(layers.LSTM, "go_backwards", True)),
    Fault("log-std for log-variance", CONVOLUTIONS, "encoder", output(lambda t: 0.5 * t, "logvar")),
    Fault("logvar clipped", CONVOLUTIONS, "encoder", output(lambda t: ops.clip(t, -0.5, 0.5), "logvar")),
    Fault("flattened channels first", CONVOLUTIONS, "encoder", weights(layers.Dense, 0, channels_first)),
    Fault(
        "only the first row right",
        CONVOLUTIONS,
        "decoder",
        output(lambda t: t - of_row(0, lambda row: 0 * row)(0.1 * t)),
    ),
    Fault("one row wrong by 1 %", CONVOLUTIONS, "encoder", output(of_row(2, lambda t: 1.01 * t), "mu")),
    Fault("rows in another order", CONVOLUTIONS, "decoder", output(lambda t: t[::-1])),
    Fault(
        "rows mixed",
        CONVOLUTIONS,
        "encoder",
        output(lambda t: t - 0.01 * ops.mean(t, axis=0, keepdims=True), "mu"),
    ),
    Fault(
        "wrong signature alone",
        CONVOLUTIONS,
        "decoder",
        output(lambda t: 0.5 * t if t.shape[0] == 4 else t),
        ("tflite",),
    ),
    Fault("x off by 1e-3 of it", CONVOLUTIONS, "encoder", given(lambda t: 1.001 * t, "x")),
    Fault("x in [-1, 1]", CONVOLUTIONS, "encoder", given(lambda t: 2 * t - 1, "x")),
    Fault("x in 10 bits", CONVOLUTIONS, "encoder", given(in_ten_bits, "x")),
    Fault("z in 10 bits", DENSE, "decoder", given(in_ten_bits, "z")),
    Fault("z clipped at 3 sigma", CONVOLUTIONS, "decoder", given(lambda t: ops.clip(t, -3, 3), "z")),
    Fault("z off by 1e-3 of it", DENSE, "decoder", given(lambda t: 1.001 * t, "z")),
    Fault(
        "two values of z exchanged",
        DENSE,
        "decoder",
        given(lambda t: ops.concatenate([t[:, 1:2], t[:, :1], t[:, 2:]], -1), "z"),
    ),
    Fault("pixels clipped to [0, 1]", DENSE, "decoder", output(lambda t: ops.clip(t, 0, 1))),
    Fault("pixels in 8 bits", CONVOLUTIONS, "decoder", output(lambda t: ops.round(255 * t) / 255)),
    Fault(
        "one pixel off by 1e-3",
        CONVOLUTIONS,
        "decoder",
        output(lambda t: ops.concatenate([t[:, :1] + 1e-3, t[:, 1:]], 1)),
    ),
    Fault("a constant picture", CONVOLUTIONS, "decoder", output(lambda t: 0.0 * t + 0.5)),
    Fault("NaN in a weight", CONVOLUTIONS, "decoder", weights(TRANSPOSED, 0, largest(lambda v: np.nan))),
    Fault("label ignored", "conditional_label", "decoder", given(lambda t: 0 * t, "label")),
    Fault(
        "a quiet channel off by 1 %",
        "quiet",
        "encoder",
        output(lambda t: ops.concatenate([1.01 * t[:, :1], t[:, 1:]], -1), "mu"),
    ),
]
