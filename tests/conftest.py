"""Fixtures of the whole suite; no HOLOGRAM_* variable of the caller reaches a test."""

import logging
import os

import pytest
from support.providers import Library


@pytest.fixture(autouse=True, scope="session")
def _clean_environment():
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("HOLOGRAM_")]:
            patch.delenv(name)
        yield


@pytest.fixture(autouse=True)
def _quiet_logger():
    yield
    logger = logging.getLogger("hologram")  # what one test wants logged, no other does
    logger.setLevel(logging.NOTSET)
    logger.handlers.clear()


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The kernels of tests/support/kernels.c."""
    return Library(tmp_path_factory.mktemp("support"))


@pytest.fixture(scope="session")
def shared_runtime(library):
    """A runtime with the support kernels that no test changes."""
    return library.runtime()


@pytest.fixture
def runtime(library):
    """A runtime with the support kernels that the test may change."""
    return library.runtime()
