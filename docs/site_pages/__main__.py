"""Write what is in version control and made from something else: docs/cli.md and the figures of README.md."""

from . import commands, readme

commands.PATH.write_text(commands.page(), encoding="utf-8")
readme.PATH.write_text(readme.page(readme.PATH.read_text(encoding="utf-8")), encoding="utf-8")
