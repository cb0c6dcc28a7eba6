"""False alarms of the parity gate: good artifacts of random VAEs that it refuses."""

from __future__ import annotations

import sys
import time
from collections import Counter

import keras
import numpy as np
from multiples import KINDS, recorded

from models import NAMES, WEIGHTS, build, calm, inputs_of
from vae_export.core.rounding import FLAT, MULTIPLE
from vae_export.core.samples import Samples
from vae_export.errors import VaeExportError
from vae_export.formats.onnx.convert import convert_to_onnx
from vae_export.formats.tflite.convert import convert_to_tflite
from vae_export.io.quiet import quiet
from vae_export.pipeline.stages import in_float32
from vae_export.split.split_vae import split
from vae_export.verify.gate import verify_artifacts
from vae_export.verify.parity import DEFAULT_TOLERANCE
from vae_export.verify.references import References

# A VAE whose own outputs overflow is drawn smaller, this often.
MOST_CALMED = 12


def artifacts_of(halves):
    """Both halves in both formats."""
    with quiet():
        return [
            convert(half)
            for half in halves
            for convert in (
                lambda half: convert_to_onnx(half, name="m"),
                lambda half: convert_to_tflite(half, batches=(4,)),
            )
        ]


def finite(halves, samples):
    """References on samples; None where the author's own model is not finite."""
    references = References(halves.encoder, halves.decoder, halves.latents, samples)
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            verified = references.verified
        except VaeExportError as error:
            # The difference between a sample alone and in a batch of outputs that overflow.
            if "differs by nan" in str(error) or "differs by inf" in str(error):
                return None
            raise
    arrays = [*verified.posterior.values(), *verified.z.values(), *verified.outputs.values()]
    return verified if all(np.isfinite(array).all() for array in arrays) else None


def samples_of(vae, x):
    low, high = float(x.min()), float(x.max())
    value_range = (0.0, 1.0) if low >= 0 and high <= 1 else None
    return Samples(vae.samples(x), "", value_range, True)


def check(name, weights, seed, multiples):
    """Verify a VAE on all kinds of inputs: kind -> "good", "alarm", "true alarm" or "overflow"."""
    vae = build(name, weights, seed)
    with in_float32(vae.model) as model, np.errstate(all="ignore"):
        halves = split(model, "m", **vae.options)
        for _ in range(MOST_CALMED):
            if finite(halves, samples_of(vae, vae.x)) is not None:
                break
            calm(model)
        # The parametrisation does not depend on weights, but call() is compared again.
        halves = split(model, "m", **vae.options)
        artifacts = artifacts_of((halves.encoder, halves.decoder))
        verdicts = {}
        for kind, x in inputs_of(vae).items():
            samples = samples_of(vae, x)
            samples = Samples({n: samples.arrays[n] for n in halves.inputs}, "", samples.value_range, True)
            reference = finite(halves, samples)
            if reference is None:
                verdicts[kind] = "overflow"
                continue
            with recorded() as found:
                report, _ = verify_artifacts(
                    artifacts,
                    reference,
                    value_range=samples.value_range or (0.0, 1.0),
                    tolerance=DEFAULT_TOLERANCE,
                    progress=lambda _: None,
                )
            false = [failure for failure in report.failures if not is_true(failure, artifacts)]
            for failure in false or report.failures[:1]:
                which = "false" if false else "true"
                print(f"{which} alarm: {name}, {weights}, seed {seed}, {kind}: {failure}", flush=True)
            verdicts[kind] = "alarm" if false else "true alarm" if report.failures else "good"
            if report.ok:
                for rows, errors in found.items():
                    multiples[rows] += errors
    return verdicts


def is_true(failure, artifacts):
    """Whether an artifact is wrong indeed.

    It gives no numbers where the author's model does; or LiteRT's softplus is at fault, log(1 + exp(v)),
    which overflows above 88 and loses all digits below -16.
    """
    if "not finite" in failure:
        return True
    (encoder,) = [one for one in artifacts if one.file == "encoder.tflite"]
    return failure.startswith("encoder.tflite") and {"EXP", "LOG"} <= set(encoder.operators)


def measure(models, seed):
    """Print the table of false alarms; returns how many there are."""
    begin, counts = time.perf_counter(), Counter()
    multiples = {kind: [] for kind in KINDS}
    for number in range(models):
        name = NAMES[number % len(NAMES)]
        weights = WEIGHTS[(number + number // len(NAMES)) % len(WEIGHTS)]
        try:
            verdicts = check(name, weights, seed + number // len(NAMES), multiples)
        except VaeExportError as error:
            verdicts = {"usual": "alarm"}
            print(f"false alarm: {name}, {weights}: refused: {error}", flush=True)
        for kind, verdict in verdicts.items():
            counts[name.partition("/")[0], weights, kind, verdict] += 1
        keras.backend.clear_session()
        if sys.stderr.isatty():
            print(f"\r{number + 1} of {models}", end="", file=sys.stderr)
    for title, position in (("style", 0), ("weights", 1), ("inputs", 2)):
        print(f"\n{title:24}  {'judged':>6}  {'overflow':>8}  {'true alarms':>11}  {'false alarms':>12}")
        for key in dict.fromkeys(entry[position] for entry in counts):
            one = Counter()
            for entry, count in counts.items():
                if entry[position] == key:
                    one[entry[3]] += count
            judged = one["good"] + one["alarm"] + one["true alarm"]
            print(f"{key:24}  {judged:6}  {one['overflow']:8}  {one['true alarm']:11}  {one['alarm']:12}")
    total = Counter()
    for entry, count in counts.items():
        total[entry[3]] += count
    judged = total["good"] + total["alarm"] + total["true alarm"]
    print()
    for kind, most in zip(KINDS, (MULTIPLE, FLAT * MULTIPLE), strict=True):
        errors = most * np.sort(multiples[kind] or [0.0])
        print(
            f"{len(errors):,} errors beyond the plain tolerance, {kind} rows: at most {errors[-1]:.2g} times "
            f"the movement, 99 % at most {errors[int(0.99 * (len(errors) - 1))]:.2g}; allowed {most:g}"
        )
    print(
        f"\n{models} models, {judged} verdicts: {total['alarm']} false alarms, "
        f"{total['true alarm']} true ones, {time.perf_counter() - begin:.0f} s"
    )
    return total["alarm"]
