"""The one version of all distributions: VERSION says it, every other place repeats it.

`python release/version.py` lists the places that say something else, with status 1; `--write` mends them.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NUMBER = r"\d+\.\d+\.\d+(?:\.dev\d+|rc\d+)?"
PLACES = (  # files, and the texts in them; what is replaced is the group
    ("hologram_*/pyproject.toml", rf'^version = "({NUMBER})"'),
    ("hologram_*/pyproject.toml", rf'"hologram-\w+==({NUMBER})"'),
    ("hologram_*/setup.py", rf'"hologram-\w+==({NUMBER})"'),
    ("hologram_*/src/hologram_*/__init__.py", rf'^__version__ = "({NUMBER})"'),
    ("hologram_*/src/**/*.c", rf'"hologram-\w+ ({NUMBER})"'),
)


def version() -> str:
    """Return what VERSION says. Raises ValueError for what is no version."""
    text = (ROOT / "VERSION").read_text(encoding="utf-8").strip()
    if not re.fullmatch(NUMBER, text):
        raise ValueError(f"VERSION says {text!r}; expected something like 0.2.0, 0.2.0rc1 or 0.2.0.dev1")
    return text


def mentions(root: Path = ROOT) -> Iterator[tuple[Path, re.Match[str]]]:
    """Every place that repeats the version."""
    for pattern, text in PLACES:
        for path in sorted(root.glob(pattern)):
            for found in re.finditer(text, path.read_text(encoding="utf-8"), re.MULTILINE):
                yield path, found


def out_of_step(root: Path = ROOT) -> list[str]:
    """The places that say something else, a line each."""
    return [f"{path.relative_to(root)}: {found[0]}" for path, found in mentions(root) if found[1] != version()]


def write(root: Path = ROOT) -> None:
    """Let every place say what VERSION says."""
    for pattern, text in PLACES:
        for path in sorted(root.glob(pattern)):
            old = path.read_text(encoding="utf-8")
            new = re.sub(text, lambda found: found[0].replace(found[1], version()), old, flags=re.MULTILINE)
            if new != old:
                path.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="mend them")
    if parser.parse_args().write:
        write()
    wrong = out_of_step()
    print("\n".join(wrong) or f"every place says {version()}")
    sys.exit(bool(wrong))
