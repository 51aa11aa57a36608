"""From text to the tree of nodes.py, by recursive descent: one method for each line of the grammar.

The line stands above its method as `# BNF:`, and docs/grammar.md has the same lines. Refused, with a
SigmaticsError that says where and what was expected, is whatever the grammar does not have, classes and
pages that do not exist, and phrases nested more than MAX_DEPTH deep.
"""

from __future__ import annotations

import re
from typing import NoReturn

from .errors import SigmaticsError
from .lexer import Token, tokenize
from .nodes import (
    CLASSES,
    GENERATORS,
    PAGES,
    Arrow,
    Context,
    Exchange,
    Generator,
    Node,
    Op,
    Par,
    Phrase,
    Prefix,
    Range,
    Seq,
    Sigil,
    Span,
    Target,
    Transform,
)

#: parentheses and prefixes within each other, "(R+1@" being one step; every reader of the tree can then recurse
MAX_DEPTH = 50
#: the digits of a number, leading zeros apart
MAX_DIGITS = 9

_CLASS = re.compile(r"c[0-9]+")
_AXES = ("R", "D", "T")
_CLASS_EXPECTED = f"a class c00 to c{CLASSES - 1}"


def parse(text: str | Phrase) -> Phrase:
    """Return the tree of a phrase; a tree is returned as it is."""
    if isinstance(text, Phrase):
        return text
    if not isinstance(text, str):
        raise TypeError(f"a phrase is text or a Phrase, got {type(text).__name__}")
    return _Parser(text).phrase()


class _Parser:
    """The tokens of one text: the last that was read, and the next."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.previous = Token("start", "", Span(0, 0))
        self.token = next(self.tokens)
        self.depth = 0

    # ---- the grammar -----------------------------------------------------------------------------

    # BNF: phrase ::= par
    def phrase(self) -> Phrase:
        body = self.par()
        if self.token.kind != "end":
            self.fail('"."', '"||"', "the end")
        return Phrase(body, self.text)

    # BNF: par ::= seq { "||" seq }
    def par(self) -> Node:
        start = self.token
        branches = [self.seq()]
        while self.take("||"):
            branches.append(self.seq())
        return Par(tuple(branches), span=self.since(start)) if len(branches) > 1 else branches[0]

    # BNF: seq ::= term { "." term }
    def seq(self) -> Node:
        start = self.token
        items = [self.term()]
        while self.take("."):
            items.append(self.term())
        return Seq(tuple(items), span=self.since(start)) if len(items) > 1 else items[0]

    # BNF: term ::= prefix | "(" par ")" | op
    def term(self) -> Node:
        if self.token.text not in ("(", "~", *_AXES):
            return self.op()
        step = self.step()
        self.depth += step
        if self.take("("):
            node = self.par()
            self.expect(")", '"."', '"||"')
        else:
            node = self.prefix()
        self.depth -= step
        return node

    # BNF: prefix ::= transform "@" par
    def prefix(self) -> Prefix:
        start = self.token
        transform = self.transform()
        self.expect("@")
        return Prefix(transform, self.par(), span=self.since(start))

    # BNF: transform ::= [ "R" shift ] [ "D" shift ] [ "T" shift ] [ "~" ]    (at least one)
    def transform(self) -> Transform:
        start = self.token
        shifts = {axis.lower(): self.shift() for axis in _AXES if self.take(axis)}
        mirror = self.take("~")
        return Transform(**shifts, mirror=mirror, span=self.since(start))

    # BNF: shift ::= ( "+" | "-" ) number
    def shift(self) -> int:
        if self.take("+"):
            return self.number()
        if not self.take("-"):
            self.fail('"+"', '"-"')
        return -self.number()

    # BNF: op ::= generator [ ":" name ] "@" target
    def op(self) -> Op:
        start = self.token
        generator = self.generator()
        name = self.name() if self.take(":") else None
        self.expect("@", *([] if name else ['":"']))
        return Op(generator, self.target(), name, span=self.since(start))

    # BNF: generator ::= "mark" | "copy" | "swap" | "merge" | "split" | "quote" | "evaluate"
    def generator(self) -> Generator:
        for generator in GENERATORS:
            if self.take(generator):
                return generator
        self.fail(*GENERATORS, '"("', "a transform")

    # BNF: name ::= word { "." word }
    def name(self) -> str:
        words = [self.word()]
        while self.take("."):
            words.append(self.word())
        return ".".join(words)

    # BNF: target ::= sigil | sigil "->" sigil | sigil "<->" sigil | sigil "[" sigil "," sigil "]" | range
    def target(self) -> Target:
        if self.token.text == "c":
            return self.range()
        first = self.sigil()
        if self.take("->"):
            return Arrow(first, self.sigil())
        if self.take("<->"):
            return Exchange(first, self.sigil())
        if not self.take("["):
            return first
        context = self.sigil()
        self.expect(",")
        destination = self.sigil()
        self.expect("]")
        return Context(first, context, destination)

    # BNF: sigil ::= class postfix [ "@" page ]
    def sigil(self) -> Sigil:
        start = self.token
        if not _CLASS.fullmatch(start.text):
            self.fail(_CLASS_EXPECTED)
        self.next()
        number = self.value(start, start.text[1:], CLASSES, "class", _CLASS_EXPECTED)
        postfix = self.postfix()
        page = self.numbered("page", PAGES) if self.take("@") else None
        return Sigil(number, postfix, page, span=self.since(start))

    # BNF: range ::= "c" "[" number ".." number "]" postfix
    def range(self) -> Range:
        start = self.next()
        self.expect("[", _CLASS_EXPECTED)
        first = self.numbered("class", CLASSES)
        self.expect("..")
        last = self.numbered("class", CLASSES)
        self.expect("]")
        if last <= first:
            self.refuse(f"the range {first}..{last} ends before it begins", self.since(start), "start < end")
        return Range(first, last, self.postfix(), span=self.since(start))

    # BNF: postfix ::= [ "^" [ "R" | "D" | "T" ] shift ] [ "~" ]
    def postfix(self) -> Transform | None:
        start = self.token
        shifts = {}
        if self.take("^"):
            axis = next((axis for axis in _AXES if self.take(axis)), "T")
            shifts = {axis.lower(): self.shift()}
        mirror = self.take("~")
        return Transform(**shifts, mirror=mirror, span=self.since(start)) if shifts or mirror else None

    # ---- tokens ----------------------------------------------------------------------------------

    def next(self) -> Token:
        """Read a token and return it; the end stays where it is."""
        self.previous, self.token = self.token, next(self.tokens, self.token)
        return self.previous

    def take(self, text: str) -> bool:
        """Read the next token if it is this one."""
        found = self.token.text == text
        if found:
            self.next()
        return found

    def expect(self, text: str, *others: str) -> None:
        if not self.take(text):
            self.fail(f'"{text}"', *others)

    def word(self) -> str:
        if self.token.kind != "word":
            self.fail("a name")
        return self.next().text

    def number(self) -> int:
        if self.token.kind != "number":
            self.fail("a number")
        token = self.next()
        return self.value(token, token.text, 10**MAX_DIGITS, "number", f"at most {MAX_DIGITS} digits")

    def numbered(self, what: str, end: int) -> int:
        """Read the number of a class or a page, which is below the end."""
        expected = f"a {what} 0 to {end - 1}"
        if self.token.kind != "number":
            self.fail(expected)
        token = self.next()
        return self.value(token, token.text, end, what, expected)

    def value(self, token: Token, digits: str, end: int, what: str, expected: str) -> int:
        """Return what the digits say, unless it is too large."""
        digits = digits.lstrip("0") or "0"
        if len(digits) > MAX_DIGITS or int(digits) >= end:
            shown = digits if len(digits) <= 20 else f"{digits[:20]}..."
            self.refuse(f"there is no {what} {shown}", token.span, expected)
        return int(digits)

    def step(self) -> int:
        """Return how much deeper the next token, a parenthesis or a prefix, leads: not past MAX_DEPTH."""
        if self.token.text != "(" and self.previous.text == "(":
            return 0
        if self.depth == MAX_DEPTH:
            self.refuse(
                f"parentheses and prefixes are more than {MAX_DEPTH} deep; most of them can be written out",
                self.token.span,
            )
        return 1

    def since(self, start: Token) -> Span:
        """Return the span from a token to the last one read."""
        return Span(start.span.start, max(self.previous.span.end, start.span.start))

    # ---- errors ----------------------------------------------------------------------------------

    def fail(self, *expected: str) -> NoReturn:
        """Refuse the next token."""
        token = self.token
        shown = token.text if len(token.text) <= 40 else f"{token.text[:40]}..."
        self.refuse("the text ends here" if token.kind == "end" else f"unexpected {shown!r}", token.span, *expected)

    def refuse(self, message: str, span: Span, *expected: str) -> NoReturn:
        """Raise the error of this text: the one way out."""
        raise SigmaticsError(message, text=self.text, span=span, expected=expected)
