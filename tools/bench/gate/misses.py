"""Misses of the parity gate: artifacts with planted faults that it passes."""

from __future__ import annotations

import functools
import time
from typing import NamedTuple

import keras
import numpy as np
from alarms import MOST_CALMED, finite, samples_of
from faults import CONVOLUTIONS, DENSE, FAULTS
from files import FILE_FAULTS, edited
from multiples import recorded

from models import build, calm
from vae_export.core.rounding import MULTIPLE, channel_maxima
from vae_export.formats.onnx.convert import convert_to_onnx
from vae_export.formats.tflite.convert import convert_to_tflite
from vae_export.io.quiet import quiet
from vae_export.split.split_vae import split
from vae_export.verify.cases import decoder_cases, encoder_cases
from vae_export.verify.gate import verify_artifacts
from vae_export.verify.judgement import channel_scales
from vae_export.verify.parity import DEFAULT_TOLERANCE

ROLES = ("encoder", "decoder")
FORMATS = ("onnx", "tflite")
WEIGHTS = ("trained", "huge")


class Base(NamedTuple):
    """A VAE to plant faults in; an equal one has equal weights."""

    name: str
    weights: str
    seed: int

    def build(self):
        """The VAE, and its halves."""
        vae = build(DENSE if self.name == "quiet" else self.name, self.weights, self.seed)
        for _ in range(MOST_CALMED):
            halves = split(vae.model, "m")
            if finite(halves, samples_of(vae, vae.x)) is not None:
                break
            calm(vae.model)
        if self.name == "quiet":
            # One latent is 100,000 times smaller than the others.
            scale = np.where(np.arange(16) == 0, 1e-5, 1).astype(np.float32)
            for weight in vae.model.get_layer("mu").weights:
                weight.assign(weight.numpy() * scale)
        return vae, halves


@functools.cache
def right(base):
    """The reference of a VAE, and its good artifacts by role and format."""
    vae, halves = base.build()
    reference = finite(halves, samples_of(vae, vae.x))
    return reference, {
        (role, format): convert(getattr(halves, role), format) for role in ROLES for format in FORMATS
    }


def convert(half, format):
    with quiet():
        return (
            convert_to_onnx(half, name="m") if format == "onnx" else convert_to_tflite(half, batches=(1, 4))
        )


def verdict(base, faulty):
    """Whether the gate refuses a faulty artifact, and its largest error in multiples of the movement."""
    reference, good = right(base)
    artifacts = [faulty if role == faulty.role else good[role, faulty.format] for role in ROLES]
    with recorded() as found:
        report, _ = verify_artifacts(
            artifacts, reference, value_range=(0.0, 1.0), tolerance=DEFAULT_TOLERANCE, progress=lambda _: None
        )
    # Without errors of values the fault is one of form.
    return not report.ok, MULTIPLE * max(found["ordinary"], default=np.inf)


def shows(base, half):
    """Whether a half differs from the right one by more than the tolerance, on any case of the gate."""
    reference, _ = right(base)
    cases = (
        encoder_cases(reference.encoder_inputs, (0.0, 1.0), (4,))
        if half.role == "encoder"
        else decoder_cases(reference.latents, reference.z, reference.conditions, (4,))
    )
    pairs = [(reference.half(half.role).run(case.inputs), half.run(case.inputs)) for case in cases]
    for output in half.outputs:
        scales = channel_scales(np.concatenate([expected[output] for expected, _ in pairs]))
        for expected, found in pairs:
            errors = channel_maxima(np.abs(found[output].astype(np.float64) - expected[output]))
            if not (errors <= DEFAULT_TOLERANCE * scales).all():
                return True
    return False


def measure(seed):
    """Print the table of misses; returns how many there are."""
    begin, rows, least = time.perf_counter(), [], (np.inf, "")
    print(f"\n{'fault':40}  {'ONNX Runtime':16}  {'LiteRT':16}")

    def add(name, found):
        rows.append((name, found))
        cells = (" ".join(found.get(format, ["-"])) for format in FORMATS)
        print("  ".join((f"{name:40}", *(f"{cell:16}" for cell in cells))), flush=True)

    for fault in FAULTS:
        found = {}
        for weights in WEIGHTS:
            base = Base(fault.base, weights, seed)
            # Of the same weights, but no layers in common.
            right(base)
            half = fault.plant(getattr(base.build()[1], fault.role))
            # A signature of its own shows in the file alone.
            visible = fault.formats != FORMATS or shows(base, half)
            for format in fault.formats:
                refused, multiple = verdict(base, convert(half, format))
                least = min(least, (multiple, fault.name)) if visible else least
                found.setdefault(format, []).append(
                    "caught" if refused else "MISSED" if visible else "hidden"
                )
        add(fault.name, found)
    for fault in FILE_FAULTS:
        verdicts = []
        for weights in WEIGHTS:
            base = Base(CONVOLUTIONS, weights, seed)
            _, good = right(base)
            refused, multiple = verdict(base, edited(good["decoder", fault.format], fault))
            least = min(least, (multiple, fault.name))
            verdicts.append("caught" if refused else "MISSED")
        add(fault.name, {fault.format: verdicts})
    every = [one for _, found in rows for verdicts in found.values() for one in verdicts]
    kinds = len({name for name, _ in rows})
    print(
        f"\n{kinds} kinds of faults, {len(every)} files: {every.count('MISSED')} missed, "
        f"{every.count('hidden')} hidden; the least shows by {least[0]:.0f} times the movement "
        f"({least[1]}); {time.perf_counter() - begin:.0f} s"
    )
    keras.backend.clear_session()
    return every.count("MISSED")
