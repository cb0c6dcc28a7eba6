import importlib
import importlib.metadata
import inspect
import re

import pytest

import vae_export
from vae_export import errors
from vae_export.cli.arguments import ArgumentParser
from vae_export.cli.main import COMMANDS


def test_the_public_names():
    assert vae_export.__all__ == [
        "ExportResult",
        "__version__",
        "bench",
        "errors",
        "explain",
        "export",
        "inspect",
        "load",
        "playground",
        "report",
        "train",
        "verify",
    ]
    assert all(hasattr(vae_export, name) for name in vae_export.__all__)


def test_the_version_is_the_distributions():
    assert vae_export.__version__ == importlib.metadata.version("vae-export")


def test_the_tree_of_errors_is_as_drawn():
    drawn = re.findall(r"[│├└─ ]*(\w+Error)\b", errors.__doc__.split("::")[1].split("The command")[0])
    classes = {name for name in errors.__all__ if name.endswith("Error")}
    assert set(drawn) == classes
    parents = {name: getattr(errors, name).__mro__[1].__name__ for name in classes}
    assert parents == {
        "VaeExportError": "Exception",
        "InputError": "VaeExportError",
        "ModelError": "InputError",
        "SamplingSiteError": "ModelError",
        "QuestionError": "SamplingSiteError",
        "DataError": "InputError",
        "BundleError": "InputError",
        "OutputError": "InputError",
        "MissingDependencyError": "VaeExportError",
        "ConversionError": "VaeExportError",
        "ParityError": "VaeExportError",
    }


def test_one_line():
    assert errors.one_line(ValueError("a\n  b")) == "a b"
    assert errors.one_line("\x1b[1mbold\x1b[0m") == "bold"
    assert errors.one_line("x" * 10, limit=4) == "…xxxx"


# What an application gives and a user does not: a function that is told of progress.
_NOT_ON_THE_COMMAND_LINE = {"progress"}
# What belongs to a terminal.
_NOT_IN_PYTHON = {"help", "json"}


@pytest.mark.parametrize(
    "verb", ["export", "inspect", "verify", "bench", "explain", "report", "playground", "train"]
)
def test_verbs_have_the_options_of_the_command_line(verb):
    name, _ = COMMANDS[verb]
    parser = ArgumentParser()
    importlib.import_module(f"vae_export.cli.{name}").add_arguments(parser)
    options = {action.dest for action in parser._actions} - _NOT_IN_PYTHON
    parameters = set(inspect.signature(getattr(vae_export, verb)).parameters) - _NOT_ON_THE_COMMAND_LINE
    assert parameters == options


@pytest.mark.parametrize("verb", ["generate", "encode", "decode", "reconstruct"])
def test_loaded_bundles_have_the_options_of_the_command_line(verb):
    name, _ = COMMANDS[verb]
    parser = ArgumentParser()
    importlib.import_module(f"vae_export.cli.{name}").add_arguments(parser)
    options = {action.dest for action in parser._actions}
    assert set(inspect.signature(vae_export.load).parameters) <= options
