"""Describe what was exported, and write it as a bundle."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from vae_export.bundle.golden import golden_count, golden_file, to_bytes
from vae_export.bundle.manifest import Described, build_manifest
from vae_export.bundle.writer import write_bundle
from vae_export.core.artifact import Artifact, Companion
from vae_export.core.manifest import MANIFEST_FILE, Manifest, decode
from vae_export.core.plan import ExportPlan
from vae_export.core.reference import Reference
from vae_export.core.samples import Samples
from vae_export.errors import ConversionError
from vae_export.formats import FORMATS
from vae_export.runtime import HELPERS, helper_bytes
from vae_export.runtime.draws import draw_prior
from vae_export.verify.fidelity import PrecisionCost
from vae_export.verify.parity import ParityReport

__all__ = ["write"]

Array = np.ndarray[Any, Any]

_TOOLS = ("vae-export", "tensorflow", "keras", "numpy")


def write(
    plan: ExportPlan,
    artifacts: Sequence[Artifact],
    companions: Sequence[Companion],
    reference: Reference,
    samples: Samples,
    report: ParityReport,
    cost: PrecisionCost,
) -> Manifest:
    """Write the bundle, and return its manifest.

    Raises:
        OutputError: the output cannot be written.
        ConversionError: the manifest does not fit its own schema.
    """
    golden = golden_arrays(reference)
    helpers = {language: (HELPERS[language], helper_bytes(language)) for language in plan.helpers}
    manifest = build_manifest(
        Described(
            plan.name, reference.latents, samples.value_range, samples.description, _tool_versions(plan)
        ),
        artifacts,
        report,
        cost,
        golden,
        reference.seed,
        helpers,
        companions,
    )
    text = manifest.to_text().encode()
    try:
        decode(text)
    except msgspec.ValidationError as error:
        raise ConversionError(f"{MANIFEST_FILE}: {error}; please report it") from error
    files = {
        MANIFEST_FILE: text,
        **{file: data for artifact in artifacts for file, data in artifact.files.items()},
        **{golden_file(key): to_bytes(array) for key, array in golden.items()},
        **dict(helpers.values()),
        **{companion.file: companion.data for companion in companions},
    }
    write_bundle(plan.output, files, plan.overwrite)
    return manifest


def golden_arrays(reference: Reference) -> dict[str, Array]:
    """The first samples of a reference with their outputs, and images drawn from the prior."""
    x = reference.encoder_inputs["x"]
    count = min(golden_count(int(np.prod(x.shape[1:]))), len(x))
    first = reference.first(count)
    prior = draw_prior(reference.latents, count, reference.seed)
    generated = reference.decoder.run({**prior, **first.conditions})
    return {
        **first.encoder_inputs,
        **first.conditions,
        **first.posterior,
        **first.z,
        **first.outputs,
        **{latent.epsilon: prior[latent.z] for latent in reference.latents},
        **{
            "generated" if len(generated) == 1 else f"generated_{name}": array
            for name, array in generated.items()
        },
    }


def _tool_versions(plan: ExportPlan) -> dict[str, str]:
    tools = dict.fromkeys((*_TOOLS, *(tool for name in plan.formats for tool in FORMATS[name].tools)))
    return {tool: _version(tool) for tool in tools}


def _version(tool: str) -> str:
    """Version of a distribution, or of the variant of it that is installed (tensorflow-cpu, ...)."""
    try:
        return importlib.metadata.version(tool)
    except importlib.metadata.PackageNotFoundError:
        module = tool.replace("-", "_")
        variants = importlib.metadata.packages_distributions().get(module, [])
        return importlib.metadata.version(variants[0]) if variants else "unknown"
