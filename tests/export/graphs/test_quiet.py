from __future__ import annotations

import logging

import pytest

from edge_export.graphs.quiet import errors_only


@pytest.fixture
def logger():
    """A logger that nobody else knows."""
    return logging.Logger("alone", logging.DEBUG)  # noqa: LOG001 - getLogger would keep it for the whole process


def test_errors_alone_are_heard(logger):
    heard = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.levelname)
    logger.addHandler(handler)
    with errors_only(logger):
        logger.warning("talk")
        logger.error("trouble")
    assert heard == ["ERROR"]
    assert (logger.level, logger.handlers) == (logging.DEBUG, [handler])


def fail_inside(logger):
    with errors_only(logger):
        assert logger.hasHandlers()
        raise RuntimeError


def test_bare_logger_is_bare_again_after_a_failure(logger):
    with pytest.raises(RuntimeError):
        fail_inside(logger)
    assert (logger.level, logger.handlers) == (logging.DEBUG, [])
