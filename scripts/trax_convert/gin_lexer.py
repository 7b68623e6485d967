"""Splits gin text into tokens, with the line each one stands on."""

import ast
import re
from dataclasses import dataclass

from .errors import ConversionError

_NAME = r"[A-Za-z_]\w*"
_PATH = rf"{_NAME}(?:\.{_NAME})*"
_SCOPED = rf"{_NAME}(?:[./]{_NAME})*"
_TOKEN = re.compile(
    rf"""
    (?P<space>[ \t\r\f]+|\#[^\n]*|\\\r?\n)
  | (?P<newline>\n)
  | (?P<string>[rRbBuU]{{0,2}}(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"
                            |'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))
  | (?P<reference>@{_SCOPED}(?:\(\))?)
  | (?P<macro>%{_SCOPED})
  | (?P<number>(?:0[xX][\da-fA-F_]+|(?:\d[\d_]*)?\.?\d[\d_]*\.?(?:[eE][+-]?\d+)?)(?![\w.]))
  | (?P<name>{_SCOPED})
  | (?P<op>[()\[\]{{}},:=+*-])
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """One token; `value` is the Python value of strings and numbers."""

    kind: str
    text: str
    line: int
    value: object = None


def tokenize(text, file_name):
    """Returns the tokens of a gin file; line ends inside brackets are dropped."""
    tokens, position, line, depth = [], 0, 1, 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            near = text[position:].split("\n", 1)[0][:30]
            raise ConversionError(f"{file_name}:{line}: cannot read this as gin: {near!r}")
        kind, word = match.lastgroup, match.group()
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(word, 0) if kind == "op" else 0
        if kind == "newline" and depth <= 0 or kind not in ("space", "newline"):
            tokens.append(Token(kind, word, line, _literal(kind, word, file_name, line)))
        line += word.count("\n")
        position = match.end()
    tokens.append(Token("newline", "\n", line))
    return tokens


def _literal(kind, word, file_name, line):
    if kind not in ("string", "number"):
        return None
    try:
        return ast.literal_eval(word)
    except (SyntaxError, ValueError) as error:
        raise ConversionError(f"{file_name}:{line}: not a {kind}: {word}") from error
