"""Loops with sines and cosines, in SIMD lanes: the functions for ordinary arguments vectorise, those for any do not.

In go the lines of one turn, which may run twice; out come lines that run a stretch of turns as if all arguments were
within the bounds of vmath.h, and leave it to the loop behind them if one was not. Nothing is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

STRETCH = 512  #: turns, few enough to be in the first cache when they run again
_CALL = re.compile(r"\bvmath_(sin|cos)_(f32|f64)\(")
_UNSIGNED = {"f32": "uint32_t", "f64": "uint64_t"}


def has_trigonometry(turn: Sequence[str]) -> bool:
    """Whether the lines of a turn call what this is for."""
    return any(map(_CALL.search, turn))


def in_stretches(turn: Sequence[str], condition: str) -> list[str]:
    """The lines before a loop from `turn` to `stop` and a brace: an outer loop, over stretches on a condition."""
    kinds = sorted({match[2] for line in turn for match in _CALL.finditer(line)})
    return [
        "    while (turn < turns) {",
        "    int64_t stop = turns;",
        f"    if ({condition}) {{",
        "        const int64_t start = turn;",
        *(f"        {_UNSIGNED[kind]} beyond_{kind} = 0;" for kind in kinds),
        f"        stop = turns - turn < {STRETCH} ? turns : turn + {STRETCH};",
        "        INDEPENDENT",
        "        for (; turn < stop; turn++) {",
        *(_CALL.sub(r"vmath_\1_noting_\2(&beyond_\2, ", line) for line in turn),
        "        }",
        f"        if ({' && '.join(f'vmath_all_bounded_{kind}(beyond_{kind})' for kind in kinds)})",
        "            continue;",
        "        turn = start;",
        "    }",
    ]
