"""`vae-export`: find the command, run it, turn errors into one line and an exit code.

Exit codes: 0 done; 1 a parity check failed; 2 input or arguments are wrong; 130 interrupted.
"""

from __future__ import annotations

import difflib
import importlib
import io
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from vae_export._version import __version__
from vae_export.cli.arguments import ArgumentParser
from vae_export.cli.interrupts import interrupts
from vae_export.cli.terminal import print_error, print_question
from vae_export.errors import InputError, ParityError, QuestionError, VaeExportError, one_line
from vae_export.io.quiet import LOGGER
from vae_export.runtime.python.vae_runtime import VaeRuntimeError

__all__ = ["COMMANDS", "main"]

# command -> (module in this package, purpose)
COMMANDS = {
    "export": ("export", "make a verified bundle from a trained VAE (the default command)"),
    "train": ("train", "train a reference VAE"),
    "inspect": ("inspect_model", "show what is in a model, or in a bundle"),
    "verify": ("verify", "check a bundle against its hashes and golden arrays"),
    "explain": ("explain", "show which layers of a quantised file lose accuracy, and its worst images"),
    "report": ("report", "write what a bundle is and does as one HTML file"),
    "playground": ("playground", "make a page in which a bundle runs in the browser"),
    "bench": ("bench", "measure how fast a bundle runs here"),
    "encode": ("encode", "images to mu, logvar and z"),
    "decode": ("decode", "z to images"),
    "reconstruct": ("reconstruct", "images through encoder and decoder"),
    "generate": ("generate", "new images from the prior"),
}

_USAGE = """usage: vae-export [MODEL] --format {formats} [-o DIR] ...
       vae-export COMMAND ...

commands:
{commands}

Without MODEL the reference model fashion-mnist-dense is exported.
'vae-export COMMAND --help' tells the arguments of a command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help"):
        print(_usage(), file=sys.stdout if given else sys.stderr)
        return 0 if given else 2
    if given[0] == "--version":
        print(f"vae-export {__version__}")
        return 0
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    _configure(debug)
    try:
        with interrupts():
            return _run(given)
    except ParityError as error:
        for failure in error.failures:
            print_error(failure)
        print_error(f"{error}; nothing was written")
        return 1
    except KeyboardInterrupt:
        print_error("interrupted; nothing was written")
        return 130
    except BrokenPipeError:
        # The reader closed the pipe: Python must not flush the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except QuestionError as error:
        print_error(str(error))
        print_question(error.question, given)
        return 2
    except Exception as error:
        if debug:
            raise
        print_error(_explained(error))
        return 2


def _explained(error: Exception) -> str:
    if isinstance(error, (VaeExportError, VaeRuntimeError)):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, MemoryError):
        return f"not enough memory ({one_line(error) or 'no details'}); ask for less at a time"
    return f"unexpected {type(error).__name__}: {one_line(error)}; --debug shows where, please report it"


def _configure(debug: bool) -> None:
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character shows "?", instead of an error after the work.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # TensorFlow's native code prints before loggers are set up.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if debug else "3")
    # The converters need TensorFlow, whatever backend Keras is configured for.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    if debug:
        logging.basicConfig(level=logging.INFO)
        LOGGER.setLevel(logging.DEBUG)


def _run(given: Sequence[str]) -> int:
    command, rest = (given[0], given[1:]) if given[0] in COMMANDS else ("export", given)
    if command != given[0]:
        _refuse_typing_error(given[0])
    name, purpose = COMMANDS[command]
    module = importlib.import_module(f"vae_export.cli.{name}")
    parser = ArgumentParser(
        prog="vae-export" if command == "export" else f"vae-export {command}",
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog="--debug shows tracebacks and what the libraries print.",
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    code: int = module.run(parser.parse_args(rest))
    return code


def _refuse_typing_error(word: str) -> None:
    """Refuse a first word that is no file and nearly a command."""
    if word.startswith("-"):
        return
    close = difflib.get_close_matches(word, COMMANDS, n=1, cutoff=0.75)
    if close and not Path(word).exists():
        raise InputError(f"{word}: no such file or command; did you mean 'vae-export {close[0]}'?")


def _usage() -> str:
    from vae_export.formats import FORMATS

    width = max(map(len, COMMANDS))
    lines = (f"  {command:<{width}}  {purpose}" for command, (_, purpose) in COMMANDS.items())
    return _USAGE.format(formats="|".join([*FORMATS, "all"]), commands="\n".join(lines))
