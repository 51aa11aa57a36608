"""The examples, as their readers run them, and their modules."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run_demo(example: str) -> str:
    """Run the demo to its end, and return what it printed."""
    demo = str(EXAMPLES / example / "demo.py")
    done = subprocess.run([sys.executable, demo], cwd=EXAMPLES.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def load_module(example: str, name: str) -> ModuleType:
    """A module of an example that needs no other of them."""
    spec = importlib.util.spec_from_file_location(f"{example}_{name}", EXAMPLES / example / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
