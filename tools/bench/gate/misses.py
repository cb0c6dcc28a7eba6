"""Misses of the parity gate: artifacts with planted faults that it passes."""

from __future__ import annotations

import functools
import time

import keras
import numpy as np
from alarms import samples_of
from faults import CONVOLUTIONS, FAULTS, base
from files import FILE_FAULTS, edited
from multiples import recorded

from vae_export.core.rounding import MULTIPLE, channel_maxima
from vae_export.formats.onnx.convert import convert_to_onnx
from vae_export.formats.tflite.convert import convert_to_tflite
from vae_export.io.quiet import quiet
from vae_export.split.split_vae import split
from vae_export.verify.cases import decoder_cases, encoder_cases
from vae_export.verify.gate import verify_artifacts
from vae_export.verify.judgement import channel_scales
from vae_export.verify.parity import DEFAULT_TOLERANCE
from vae_export.verify.references import References

ROLES = ("encoder", "decoder")
FORMATS = ("onnx", "tflite")


def halves_of(name, seed):
    """The halves of a VAE; the same name and seed give the same weights."""
    return split(base(name, seed).model, "m")


@functools.cache
def right(name, seed):
    """The reference of a VAE, and its good artifacts by role and format."""
    vae = base(name, seed)
    halves = split(vae.model, "m")
    samples = samples_of(vae, vae.x)
    reference = References(halves.encoder, halves.decoder, halves.latents, samples).verified
    return reference, {
        (role, format): convert(getattr(halves, role), format) for role in ROLES for format in FORMATS
    }


def convert(half, format):
    with quiet():
        return (
            convert_to_onnx(half, name="m") if format == "onnx" else convert_to_tflite(half, batches=(1, 4))
        )


def verdict(name, seed, faulty):
    """Whether the gate refuses a faulty artifact, and its largest error in multiples of the movement."""
    reference, good = right(name, seed)
    artifacts = [faulty if role == faulty.role else good[role, faulty.format] for role in ROLES]
    with recorded() as found:
        report, _ = verify_artifacts(
            artifacts, reference, value_range=(0.0, 1.0), tolerance=DEFAULT_TOLERANCE, progress=lambda _: None
        )
    # Without errors of values the fault is one of form.
    return not report.ok, MULTIPLE * max(found["ordinary"], default=np.inf)


def shows(name, seed, half):
    """Whether a half differs from the right one by more than the tolerance, on any case of the gate."""
    reference, _ = right(name, seed)
    cases = (
        encoder_cases(reference.encoder_inputs, (0.0, 1.0), (4,))
        if half.role == "encoder"
        else decoder_cases(reference.latents, reference.z, reference.conditions, (4,))
    )
    for case in cases:
        expected, found = reference.half(half.role).run(case.inputs), half.run(case.inputs)
        for output, array in expected.items():
            errors = channel_maxima(np.abs(found[output].astype(np.float64) - array))
            if not (errors <= DEFAULT_TOLERANCE * channel_scales(array)).all():
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
        for number in (seed, seed + 1):
            right(fault.base, number)
            half = fault.plant(getattr(halves_of(fault.base, number), fault.role))
            # A signature of its own shows in the file alone.
            visible = fault.formats != FORMATS or shows(fault.base, number, half)
            for format in fault.formats:
                refused, multiple = verdict(fault.base, number, convert(half, format))
                least = min(least, (multiple, fault.name)) if visible else least
                found.setdefault(format, []).append(
                    "caught" if refused else "MISSED" if visible else "hidden"
                )
        add(fault.name, found)
    for fault in FILE_FAULTS:
        verdicts = []
        for number in (seed, seed + 1):
            _, good = right(CONVOLUTIONS, number)
            refused, multiple = verdict(CONVOLUTIONS, number, edited(good["decoder", fault.format], fault))
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
