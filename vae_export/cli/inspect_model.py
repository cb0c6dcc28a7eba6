"""`vae-export inspect`: what is in a model, or in a bundle."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vae_export.bundle.reader import Bundle, is_bundle, read_bundle
from vae_export.cli.arguments import add_json_argument, add_model_arguments, model_options
from vae_export.cli.terminal import (
    Progress,
    print_error,
    print_json,
    print_question,
    print_table,
    say,
    shape_text,
)
from vae_export.core.manifest import TensorEntry
from vae_export.pipeline import inspect


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_model_arguments(
        parser,
        "MODEL|BUNDLE",
        "a .keras or .h5 file, the name of a reference model, package.module:attribute, or a bundle "
        "(default fashion-mnist-dense)",
    )
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Print what is found; 2 if a model has no sampling site that can be cut."""
    if options.model is not None and is_bundle(Path(options.model)):
        _print_bundle(read_bundle(Path(options.model)), options.json)
        return 0
    with Progress() as progress:
        inspection = inspect(options.model, progress=progress, **model_options(options))
    if options.json:
        print_json(inspection.to_json())
    else:
        _print_model(inspection)
    if inspection.problem:
        print_error(inspection.problem)
        if inspection.question:
            print_question(inspection.question, sys.argv[1:])
        return 2
    return 0


def _print_model(inspection: Any) -> None:
    say(f"{inspection.name}: {_tensors(inspection.inputs)} → {_tensors(inspection.outputs)}\n")
    print_table(
        ("layer", "class", "output", "parameters", "goes to"),
        [
            (row.name, row.layer_class, shape_text(row.output_shape), f"{row.parameters:,}", row.part)
            for row in inspection.layers
        ],
        right=("parameters",),
    )
    for site in inspection.sites:
        clip = "" if site.clip is None else f", clipped to [{', '.join(map(_bound, site.clip))}]"
        shape = shape_text(site.latent_shape)
        say(f"\nsampling site: {site.layer!r} ({site.layer_class}) draws z [{shape}] from")
        say(f"  mu               {site.mu} ({site.known['mu']})")
        say(f"  v                {site.spread}")
        say(f"  parametrisation  {site.parametrisation}{clip} ({site.known['parametrisation']})")
        say(f"  epsilon scale    {site.epsilon_scale:g} ({site.known['scale']})")
        say(f"  evidence         {site.evidence}")
    if inspection.problem is None:
        say()
        for role in ("encoder", "decoder"):
            inputs, outputs = getattr(inspection, role)
            say(f"{role}: {_tensors(inputs)} → {_tensors(outputs)}")
    for note in inspection.notes:
        say(f"note: {note}")


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _tensors(tensors: dict[str, tuple[int | None, ...]]) -> str:
    return ", ".join(f"{name} [{shape_text(shape)}]" for name, shape in tensors.items())


def _print_bundle(bundle: Bundle, as_json: bool) -> None:
    manifest = bundle.manifest
    if as_json:
        print_json(manifest.to_dict())
        return
    say(
        f"{manifest.name}: bundle of format version {manifest.format_version}, made by vae-export "
        f"{manifest.tools['vae-export']}"
    )
    for latent in manifest.latents:
        say(
            f"{latent.z} [{shape_text(latent.shape)}]: cut at {latent.layer!r} "
            f"({latent.layer_class}), mu ({latent.mu_source}), {latent.parametrisation} "
            f"({latent.parametrisation_source}), epsilon scale {latent.epsilon_scale:g} "
            f"({latent.epsilon_scale_source})"
        )
        for words in latent.assumptions:
            say(f"assumed: {words}")
    say()
    print_table(
        ("artifact", "bytes", "inputs", "outputs", "operators", "oldest runtime", "max abs error"),
        [
            (
                artifact.file,
                f"{artifact.bytes:,}",
                _specs(artifact.inputs),
                _specs(artifact.outputs),
                ", ".join(artifact.operators),
                artifact.oldest_runtime,
                ", ".join(f"{name} {row.max_absolute_error:.1e}" for name, row in artifact.parity.items()),
            )
            for artifact in bundle.artifacts
        ],
        right=("bytes",),
    )


def _specs(tensors: Sequence[TensorEntry]) -> str:
    return ", ".join(f"{tensor.name} [{shape_text(tensor.shape)}]" for tensor in tensors)
