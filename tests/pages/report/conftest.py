"""Bundles and reports that are made once."""

from __future__ import annotations

import functools

import pytest

from vae_export.bundle.reader import read_bundle
from vae_export.pages.report.measurements import measure
from vae_export.pages.report.report import make_report


@pytest.fixture(scope="session")
def report_of():
    """report_of(path, ...): the report of a bundle, made once, with the least of timing."""

    @functools.cache
    def report_of(path, **options):
        return make_report(path, rounds=2, progress=lambda _: None, **options)

    return report_of


@pytest.fixture(scope="session")
def measured():
    """measured(path, ...): the measurements of a bundle, with the least of timing."""

    def measured(path, samples=None, seed=7):
        return measure(read_bundle(path), samples=samples, seed=seed, rounds=2, progress=lambda _: None)

    return measured


@pytest.fixture(scope="session")
def dense_measured(measured, dense_bundle):
    """Of the dense reference model."""
    return measured(dense_bundle)


@pytest.fixture(scope="session")
def dense_report(report_of, dense_bundle):
    """Of the dense reference model."""
    return report_of(dense_bundle)
