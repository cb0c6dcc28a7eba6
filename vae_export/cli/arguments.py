"""Arguments that several commands share, and a parser that raises instead of exiting."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from vae_export.bundle.reader import Bundle, read_bundle
from vae_export.core.parametrisation import PARAMETRISATIONS
from vae_export.core.precision import PRECISIONS
from vae_export.errors import InputError
from vae_export.io.arrays import CheckedRows, check_condition, check_x_rows, open_arrays, read_array
from vae_export.io.quiet import quiet
from vae_export.runtime.python import vae_runtime

__all__ = [
    "ArgumentParser",
    "add_backend_arguments",
    "add_condition_argument",
    "add_json_argument",
    "add_model_arguments",
    "add_noise_arguments",
    "add_picture_shape_argument",
    "add_x_arguments",
    "batch_list",
    "batch_sizes",
    "conditions",
    "cyclic",
    "model_options",
    "open_bundle",
    "open_bundle_and_x",
    "positive",
    "sizes",
]

Array = np.ndarray[Any, Any]


class ArgumentParser(argparse.ArgumentParser):
    """A parser whose errors are this package's, so that they are one line like all others."""

    def error(self, message: str) -> NoReturn:
        """Raise InputError."""
        raise InputError(f"{message}; see {self.prog} --help")


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """--json"""
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def add_model_arguments(parser: argparse.ArgumentParser, metavar: str, what: str) -> None:
    """MODEL, and options to load and to understand it"""
    parser.add_argument("model", nargs="?", metavar=metavar, help=what)
    parser.add_argument(
        "--encoder", type=Path, metavar="FILE", help="instead of MODEL: the encoder, with --decoder"
    )
    parser.add_argument("--decoder", type=Path, metavar="FILE", help="instead of MODEL: the decoder")
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="weights of a MODEL given as package.module:attribute"
    )
    parser.add_argument(
        "--custom-objects",
        metavar="FILE.py|MODULE",
        help="Python file or module with the classes of the model, functions of its Lambdas, and numbers "
        "that their code uses",
    )
    parser.add_argument(
        "--parametrisation",
        choices=tuple(PARAMETRISATIONS),
        help="what the second tensor of a sampling layer is, whose code is missing: "
        + ", ".join(f"{name}: sigma = {one.formula}" for name, one in PARAMETRISATIONS.items()),
    )
    parser.add_argument(
        "--epsilon-scale",
        type=float,
        metavar="X",
        help="standard deviation of epsilon in a sampling layer whose code is missing: 1 unless its code has "
        "a stddev or a factor",
    )
    parser.add_argument(
        "--mu", metavar="NAME", help="name of the tensor that is mu, if neither code nor names tell"
    )
    parser.add_argument("--logvar", metavar="NAME", help="name of the other tensor, of which sigma is made")
    parser.add_argument(
        "--input-shape",
        type=sizes,
        metavar="H,W,C",
        help="shape of one x, for models with free sizes",
    )


def model_options(options: argparse.Namespace) -> dict[str, Any]:
    """The options of `add_model_arguments`, without MODEL."""
    return {
        "encoder": options.encoder,
        "decoder": options.decoder,
        "weights": options.weights,
        "custom_objects": options.custom_objects,
        "parametrisation": options.parametrisation,
        "epsilon_scale": options.epsilon_scale,
        "mu": options.mu,
        "logvar": options.logvar,
        "input_shape": options.input_shape,
    }


def sizes(text: str) -> tuple[int, ...]:
    """--input-shape: numbers, separated by commas or x."""
    try:
        return tuple(int(word) for word in text.replace("x", ",").split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected numbers such as 28,28,1") from None


def add_noise_arguments(parser: argparse.ArgumentParser) -> None:
    """--seed and --start"""
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="seed of the noise, 0 to 2**64 - 1 (default 0)"
    )
    parser.add_argument(
        "--start", type=int, default=0, metavar="K", help="number of the first sample (default 0)"
    )


def add_picture_shape_argument(parser: argparse.ArgumentParser) -> None:
    """--picture-shape, for pages that show pictures"""
    parser.add_argument(
        "--picture-shape", type=sizes, metavar="H,W,C", help="shape of the pictures that flat rows hold"
    )


def add_backend_arguments(parser: argparse.ArgumentParser) -> None:
    """BUNDLE, --backend and --threads"""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="directory made by vae-export")
    parser.add_argument(
        "--backend", choices=tuple(vae_runtime.BACKENDS), help="default: the first in the bundle"
    )
    parser.add_argument("--precision", choices=tuple(PRECISIONS), help="default: the first in the bundle")
    parser.add_argument(
        "--threads", type=int, metavar="T", help="threads of the runtime (default: 1 for files up to 1 MiB)"
    )


def add_x_arguments(parser: argparse.ArgumentParser) -> None:
    """BUNDLE, X, and options to run and to sample"""
    add_backend_arguments(parser)
    parser.add_argument(
        "input", type=Path, metavar="X", help=".npy, .npz (x), an image or a folder of images"
    )
    add_noise_arguments(parser)
    add_condition_argument(parser)


def open_bundle_and_x(
    options: argparse.Namespace, *roles: str
) -> tuple[Bundle, vae_runtime.Vae, CheckedRows]:
    """Load the bundle and open x, by the arguments of `add_x_arguments`."""
    bundle, vae = open_bundle(options, *roles)
    shape, dtype = vae.inputs["x"]
    rows = open_arrays(options.input, "x")["x"]
    return bundle, vae, check_x_rows(rows, shape, dtype, bundle.x_range, str(options.input))


def add_condition_argument(parser: argparse.ArgumentParser) -> None:
    """--condition, for the inputs of conditional models"""
    parser.add_argument(
        "--condition",
        action="append",
        default=[],
        metavar="NAME=VALUES",
        help="an input of a conditional model: numbers separated by commas, repeated as needed, or a .npy or "
        ".npz file; may be given again for another input",
    )


def conditions(options: argparse.Namespace, vae: vae_runtime.Vae, roles: Sequence[str]) -> dict[str, Array]:
    """The conditions of the halves of some roles, from --condition: ``[m, ...]``, m at least 1."""
    wanted = dict.fromkeys(name for role in roles for name in vae.conditions[role])
    given = dict(entry.partition("=")[::2] for entry in options.condition)
    if set(given) != set(wanted):
        expected = " ".join(f"--condition {name}=..." for name in wanted) or "none"
        raise InputError(f"--condition: got {', '.join(given) or 'none'}, expected {expected}")
    return {
        name: _values(text, vae.inputs[name][0], np.dtype(vae.inputs[name][1]).name, name)
        for name, text in given.items()
    }


def cyclic(arrays: Mapping[str, Array], part: slice) -> dict[str, Array]:
    """The rows of a part of cyclic arrays: row k is row k % m of an array ``[m, ...]``."""
    return {name: array[np.arange(part.start, part.stop) % len(array)] for name, array in arrays.items()}


def _values(text: str, shape: tuple[int, ...], dtype: str, name: str) -> Array:
    where = f"--condition {name}"
    if text.endswith((".npy", ".npz")):
        return check_condition(read_array(Path(text), name), shape, dtype, where)
    try:
        numbers = np.array([float(word) for word in text.split(",")])
        rows = numbers.reshape(-1, *shape)
    except ValueError:
        raise InputError(
            f"{where}: got {text!r}, expected numbers for rows of shape {shape}, or a file"
        ) from None
    whole = dtype != "float32" and (rows == np.rint(rows)).all()
    return check_condition(rows.astype(np.int64) if whole else rows, shape, dtype, where)


def open_bundle(options: argparse.Namespace, *roles: str) -> tuple[Bundle, vae_runtime.Vae]:
    """Check the bundle and load halves of it, by the arguments of `add_backend_arguments`."""
    bundle = read_bundle(options.bundle)
    # LiteRT announces its delegates on standard error.
    with quiet():
        vae = vae_runtime.load(bundle.path, options.backend, options.threads, options.precision)
        vae.prepare(*roles)
    return bundle, vae


def positive(text: str) -> int:
    """A number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a number of at least 1")
    return int(text)


def batch_list(text: str) -> tuple[int, ...]:
    """--batch of bench: numbers, separated by commas."""
    try:
        return tuple(map(int, text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected numbers such as 1,64") from None


def batch_sizes(text: str) -> int | tuple[int, ...] | str:
    """--batch: a number, several separated by commas, or "dynamic"."""
    if text == "dynamic":
        return text
    try:
        sizes = tuple(map(int, text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"got {text!r}, expected a number, several as 1,16,64, or 'dynamic'"
        ) from None
    return sizes[0] if len(sizes) == 1 else sizes
