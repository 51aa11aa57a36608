"""Types of the executor (native/*.c)."""

RUN: int
FILL_1: int
FILL_2: int
FILL_4: int
FILL_8: int
NOT: int
WIDEN_BASELINE: int
WIDEN_AVX2: int

class Program:
    """A program of the executor; see native/pages.h."""

    def __init__(
        self,
        *,
        inputs: tuple[bool, ...],
        outputs: int,
        dimension: int,
        page: int,
        strip: int,
        item: int,
        narrow: str,
        split: int,
        constants: bytes,
        cells: int,
        buffers: tuple[int, ...],
        partials: int,
        flat: tuple[object, ...],
        passes: tuple[tuple[object, ...], ...],
        singles: tuple[tuple[int, int, bool], ...],
        owner: object,
    ) -> None: ...
    @property
    def address(self) -> int: ...
