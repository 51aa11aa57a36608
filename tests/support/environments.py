"""Fresh virtual environments, used from outside the checkout."""

import os
import subprocess
import sys
from pathlib import Path


class Environment:
    """A virtual environment of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outside = folder / "outside"
        self.outside.mkdir(parents=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        self.python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"

    def run(self, *arguments: str, **variables: str) -> str:
        """Run its Python with nothing of ours in the variables; return what that printed."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("HOLOGRAM_", "PYTHON"))}
        done = subprocess.run(
            [str(self.python), *arguments],
            cwd=self.outside,
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def pip(self, *arguments: str) -> str:
        return self.run("-m", "pip", "--disable-pip-version-check", *arguments)
