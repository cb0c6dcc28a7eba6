"""Hold a bundle's artifacts against the golden arrays that were made by Keras."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from vae_export.runtime import vae_runtime
from vae_export.verify.gate import end_to_end_name
from vae_export.verify.parity import OutputParity, check_case

__all__ = ["check_golden"]

Array = np.ndarray[Any, Any]


def check_golden(vae: vae_runtime.Vae, golden: Mapping[str, Array]) -> list[OutputParity]:
    """Run everything the golden arrays cover, to the tolerances in the manifest.

    Args:
        vae: the bundle, loaded with one backend.
        golden: name -> array, see the bundle format.

    Returns:
        Rows for encoder, decoder and the way end to end.
    """
    manifest, recipe = vae.manifest, vae.manifest["golden"]
    encoder, decoder = (
        next(
            entry
            for entry in manifest["artifacts"]
            if (entry["role"], entry["format"]) == (role, vae.backend)
        )
        for role in ("encoder", "decoder")
    )
    whole = end_to_end_name(vae.backend)
    tolerances = {
        **{name: row["tolerance"] for entry in (encoder, decoder) for name, row in entry["parity"].items()},
        **{row["output"]: row["tolerance"] for row in manifest["end_to_end"] if row["artifacts"] == whole},
    }
    seed, start = recipe["seed"], recipe["start"]
    size = math.prod(vae.latent_shape)
    epsilon = vae_runtime.normal(seed, 0, start * size, golden["epsilon"].size).reshape(
        golden["epsilon"].shape
    )
    mu, logvar = vae.encode(golden["x"])
    z = vae.sample(mu, logvar, seed, start)
    comparisons = [
        (encoder["file"], "mu", "mu", mu),
        (encoder["file"], "logvar", "logvar", logvar),
        (decoder["file"], "reconstruction", "reconstruction", vae.decode(golden["z"])),
        (decoder["file"], "generated", "reconstruction", vae.generate(len(golden["generated"]), seed, start)),
        (whole, "z", "z", z),
        (whole, "reconstruction", "reconstruction", vae.decode(z)),
    ]
    # The noise is the same bits everywhere.
    noise = check_case("noise stream", "golden", {"epsilon": golden["epsilon"]}, {"epsilon": epsilon}, 0.0)
    return noise + [
        row
        for artifact, name, output, actual in comparisons
        for row in check_case(
            artifact, "golden", {name: golden[name]}, {name: actual}, tolerances[output], scaled=False
        )
    ]
