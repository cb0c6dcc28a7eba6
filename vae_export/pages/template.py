"""Render pages from templates."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib import resources
from typing import Any

import jinja2
import markupsafe

from vae_export._version import __version__

__all__ = ["data_uri", "render", "text_of"]

_PACKAGE = "vae_export.pages"


def render(template: str, values: Mapping[str, Any], filters: Mapping[str, Any] | None = None) -> str:
    """Render a page.

    Args:
        template: path of the template below this folder.
        values: variables of the template; text is escaped unless it is a markupsafe.Markup.
        filters: filters of the template by name.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(_PACKAGE, ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters or {})
    page = environment.get_template(template)
    return page.render(version=__version__, page_css=markupsafe.Markup(text_of("page.css")), **values)


def text_of(file: str) -> str:
    """The text of a file below this folder."""
    return resources.files(_PACKAGE).joinpath(file).read_text("utf-8")


def data_uri(data: bytes, media_type: str) -> str:
    """Content as a data URI."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
