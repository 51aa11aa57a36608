"""What does Hologram add to the start of a program?

Question   How long after `import numpy` alone is a program ready that imports hologram_core and makes its first call,
           which finds and imports the providers? Does it matter how many other distributions are installed, and how
           many packs of kernels?
Method     Fresh interpreters, taking turns; each reports the time from its first line to its last. 300 distributions
           that have nothing to do with us, a third with entry points, are metadata in a temporary folder on the path.
           So are 50 packs of 20 kernels, a library each; the first call is of a standard op, then of one of theirs,
           which is compared with a single pack. Figures are medians; "no slower" is read as within 5%.
Take-away  17 to 20 ms beyond NumPy and 22 to 25 ms among 300 distributions, so these goals are met. But those 300 make
           start-up 4 to 9% slower, mostly a miss.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hologram_atlas.packs import build_pack
from hologram_dynamic.index import FILE

from .measure import Plan, Row, Timing

PROGRAM = "import time; start = time.perf_counter_ns(); {}; print(time.perf_counter_ns() - start)"
NUMPY = PROGRAM.format("import numpy")
HOLOGRAM = PROGRAM.format(
    "import numpy, hologram_core; x = numpy.ones(8, 'f4'); hologram_core.ops.vector_add(x, x, out=x)"
)
PACK = HOLOGRAM.replace("print", "hologram_core.ops.halved(x, out=x); print")
PACKS, KERNELS = 50, 20
DISTRIBUTIONS = 300
HALVED = """
def halved(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = x[i] / 2.0
"""
ROUNDS = 25  # a turn is a process here, so a plan's rounds are not enough


def run(plan: Plan) -> Iterator[Row]:
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as one,
        tempfile.TemporaryDirectory() as packs,
    ):
        fill(Path(folder))
        fill_with_packs(Path(one), 1)
        fill_with_packs(Path(packs), PACKS)
        programs = {
            "numpy": (NUMPY, ""),
            "hologram": (HOLOGRAM, ""),
            "numpy among 300": (NUMPY, folder),
            "hologram among 300": (HOLOGRAM, folder),
            "hologram with 50 packs": (HOLOGRAM, packs),
            "an op of one pack": (PACK, one),
            "an op of 50 packs": (PACK, packs),
        }
        turns: dict[str, list[int]] = {name: [] for name in programs}
        for program, path in programs.values():
            start(program, path)  # leaves bytecode behind and warms the disk cache
        for _ in range(min(plan.rounds**2, ROUNDS)):
            for name, (program, path) in programs.items():
                turns[name].append(start(program, path))
    timings = {name: Timing(min(times), statistics.median(times)) for name, times in turns.items()}
    for what, ours, theirs in (
        ("import and first call, beyond import numpy", "hologram", "numpy"),
        ("the same among 300 distributions", "hologram among 300", "numpy among 300"),
    ):
        beyond = (timings[ours].median - timings[theirs].median) / 1e6
        yield Row(what, beyond, 30.0, False, ours, theirs, "ms", timings, "median")
    for what, ours, theirs in (
        ("50 packs of 20 kernels, beyond none", "hologram with 50 packs", "hologram"),
        ("and a call of one of theirs, beyond one pack", "an op of 50 packs", "an op of one pack"),
    ):
        beyond = (timings[ours].median - timings[theirs].median) / 1e6
        yield Row(what, beyond, 20.0, False, ours, theirs, "ms", timings, "median")
    slower = timings["hologram among 300"].median / timings["hologram"].median
    what = "import and first call, 300 distributions more"
    yield Row(what, slower, 1.05, False, "hologram among 300", "hologram", timings=timings, statistic="median")


def start(program: str, path: str) -> int:
    """Run a program in a fresh interpreter and return the nanoseconds that it prints."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (environment.get("PYTHONPATH"), path)))
    command = [sys.executable, "-c", program]
    return int(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout)


def fill(folder: Path) -> None:
    """Make the metadata of many distributions."""
    for index in range(DISTRIBUTIONS):
        info = folder / f"stranger_{index}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: stranger-{index}\nVersion: 1.0\n")
        (info / "RECORD").write_text(f"stranger_{index}.py,,\n")
        if index % 3 == 0:
            (info / "entry_points.txt").write_text(f"[console_scripts]\nstranger-{index} = stranger_{index}:main\n")


def fill_with_packs(folder: Path, count: int) -> None:
    """Make packs as pip leaves them: of one there is a library to open, of the others what is said about them."""
    for index in range(count):
        package = folder / f"pack_{index}"
        package.mkdir()
        (package / "__init__.py").write_text("from hologram_dynamic import KernelPack\n\npack = KernelPack(__name__)\n")
        info = folder / f"pack_{index}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pack-{index}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[hologram.plugins]\npack-{index} = pack_{index}:pack\n")
    source = folder / "halved.py"
    source.write_text(HALVED)
    build_pack([source], folder / "pack_0" / "_kernels")
    written = json.loads((folder / "pack_0" / "_kernels" / FILE).read_text())
    entry = json.dumps(written["libraries"]["halved.so"])
    for index in range(count):
        names = [f"kernel_{index}_{number}" for number in range(KERNELS)]
        libraries = {f"{name}.so": json.loads(entry.replace("halved", name)) for name in names}
        if index == 0:
            libraries = {**dict(list(libraries.items())[1:]), **written["libraries"]}
        kernels = folder / f"pack_{index}" / "_kernels"
        kernels.mkdir(exist_ok=True)
        (kernels / FILE).write_text(json.dumps({**written, "libraries": libraries}, separators=(",", ":")))
