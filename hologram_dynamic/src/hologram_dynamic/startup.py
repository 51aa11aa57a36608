"""Start-up: the folders whose kernels are there without being asked for.

In goes a runtime; out comes what it is offered, after the folders of HOLOGRAM_KERNEL_PATH and the user's
own have been loaded, once. A folder that cannot be loaded gets a LoadWarning. The working directory is never
one of them: the settings refuse paths that are relative to it, and the user's folder is none where it would be.
"""

from __future__ import annotations

import os
import sys

from hologram_core import Runtime

from .offers import Offers, offers_of

_USES_XDG = sys.platform.startswith("linux")


def user_folder() -> str:
    """The folder of the user's own kernels: "kernels" in the user data folder of platformdirs."""
    if _USES_XDG:  # what platformdirs says, without the 10 ms of importing it
        data = os.environ.get("XDG_DATA_HOME", "").strip()
        if not os.path.isabs(data):  # which is to be ignored, says the standard of these variables
            data = os.path.expanduser("~/.local/share")
        return os.path.join(data, "hologram", "kernels")
    import platformdirs

    return os.path.join(platformdirs.user_data_dir("hologram"), "kernels")


def start(runtime: Runtime) -> Offers:
    """Load the start-up folders of a runtime, if that has not been done; return what it is offered.

    Called from hooks, so nothing here asks the runtime.
    """
    offers = offers_of(runtime)
    if not offers.started:
        with offers.starting:
            if not offers.started:
                _load(runtime)
                offers.started = True
    return offers


def start_folders(runtime: Runtime) -> list[tuple[str, str]]:
    """The folders whose libraries are loaded at start, after what names them: HOLOGRAM_KERNEL_PATH, the user."""
    folders = [("HOLOGRAM_KERNEL_PATH", folder) for folder in runtime.settings.kernel_path]
    mine = user_folder()
    if os.path.isabs(mine) and os.path.isdir(mine):
        folders.append(("the user's kernels", mine))
    return folders


def _load(runtime: Runtime) -> None:
    folders = start_folders(runtime)
    if folders:
        from .loader import own_loader  # here: most processes have no such folders

        own_loader(runtime).load_at_start(folders)
