"""The `hologram` command: also `python -m hologram_core`. Its libraries are an extra."""

from __future__ import annotations

import sys
import warnings


def main() -> int:
    """Run the command line; say what to install where click or rich are missing. Returns the exit status."""
    warnings.formatwarning = _in_one_line
    try:
        from .cli import run
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        print(f"hologram: {error.name} is not installed; pip install 'hologram-core[cli]'", file=sys.stderr)
        return 1
    return run()


def _in_one_line(message: Warning | str, *_: object, **__: object) -> str:
    from .errors import one_line  # here: it is the runtime, which may be missing its libraries

    return f"hologram: warning: {one_line(str(message))}\n"


if __name__ == "__main__":
    sys.exit(main())
