"""The logger "hologram": what the runtime decides, what fails, what changes.

In go a level and a message; out goes a record. Imported only where there is a wish to log: a setting, or a program
that has the module logging.
"""

from __future__ import annotations

import logging
import sys


def write(wanted: str | None, level: str, message: object) -> None:
    """Write a message. With a wanted level, that is the logger's, and where it has no handler it writes to stderr."""
    logger = logging.getLogger("hologram")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())  # else what nobody has asked for would go to stderr
    if wanted is not None:
        logger.setLevel(wanted.upper())
        if all(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            handler = logging.StreamHandler(sys.stderr)
            handler.setFormatter(logging.Formatter("hologram: %(message)s"))
            logger.addHandler(handler)
    number = logging.getLevelName(level.upper())
    if logger.isEnabledFor(number):
        logger.log(number, "%s", str(message))  # a text: a record may be kept, and an answer keeps a library open
