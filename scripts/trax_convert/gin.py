"""Reads gin files as Trax writes them: bindings, macros, scopes and references.

Nothing is imported or called: a reference such as `@trax.layers.Relu` stays a name.
"""

import os
from dataclasses import dataclass

from .errors import ConversionError
from .gin_lexer import tokenize

_CONSTANTS = {"None": None, "True": True, "False": False}


@dataclass(frozen=True)
class Reference:
    """`@scope/module.Name`, with `called` for a trailing `()`."""

    scope: tuple
    name: str
    called: bool = False


@dataclass(frozen=True)
class Macro:
    """`%name`, replaced by its value when somebody asks for it."""

    name: str
    where: str


@dataclass
class Binding:
    """`scope/module.Target.parameter = value`; `target` is the class without its module."""

    scope: tuple
    target: str
    parameter: str
    value: object
    where: str


class GinConfig:
    """All bindings and macros of a file and of the files that it includes."""

    def __init__(self):
        self.bindings = {}
        self.macros = {}

    def bind(self, scope, path, value, where):
        """Records one statement; a later one of the same name wins, as in gin."""
        parts = path.split(".")
        if len(parts) == 1:
            self.macros["/".join(scope + (path,))] = value
        elif parts[-1] == "value" and parts[-2] == "macro":
            self.macros["/".join(scope)] = value
        else:
            key = (scope, parts[-2], parts[-1])
            self.bindings[key] = Binding(scope, parts[-2], parts[-1], value, where)

    def resolve(self, value, depth=0):
        """Replaces macros inside a value."""
        if depth > 50:
            raise ConversionError("a macro of the gin file refers to itself")
        if isinstance(value, Macro):
            if value.name not in self.macros:
                raise ConversionError(f"{value.where}: macro %{value.name} has no value in the gin file")
            return self.resolve(self.macros[value.name], depth + 1)
        if isinstance(value, (list, tuple)):
            return type(value)(self.resolve(item, depth + 1) for item in value)
        if isinstance(value, dict):
            return {self.resolve(k, depth + 1): self.resolve(v, depth + 1) for k, v in value.items()}
        return value

    def targets(self):
        """Names of all configured functions and classes."""
        return {binding.target for binding in self.bindings.values()}

    def arguments(self, target, scope=()):
        """Returns parameter -> Binding for a class called in a scope: outer scopes first, inner ones win."""
        found = {}
        for depth in range(len(scope) + 1):
            for (bound_scope, bound_target, parameter), binding in self.bindings.items():
                if bound_target == target and bound_scope == tuple(scope[:depth]):
                    found[parameter] = binding
        return found


def read_gin(path):
    """Reads a gin file and what it includes (relative to its own folder)."""
    config = GinConfig()
    _read_into(config, path, ())
    return config


def parse_gin(text, name="config.gin"):
    """Reads gin text without a file; includes are refused."""
    config = GinConfig()
    _Parser(config, tokenize(text, name), name, None).run()
    return config


def _read_into(config, path, chain):
    if os.path.realpath(path) in chain:
        raise ConversionError(f"{path}: the gin file includes itself")
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
    except OSError as error:
        raise ConversionError(f"cannot read the gin file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConversionError(f"the gin file {path} is not text (UTF-8)") from error
    chain += (os.path.realpath(path),)

    def include(name):
        _read_into(config, os.path.join(os.path.dirname(path), name), chain)

    _Parser(config, tokenize(text, path), path, include).run()


class _Parser:
    """Recursive descent over the tokens of one file."""

    def __init__(self, config, tokens, name, include):
        self._config, self._tokens, self._name, self._include = config, tokens, name, include
        self._next = 0

    def run(self):
        while self._next < len(self._tokens):
            if self._peek().kind == "newline":
                self._next += 1
            else:
                self._statement()

    def _peek(self):
        return self._tokens[min(self._next, len(self._tokens) - 1)]

    def _take(self):
        token = self._peek()
        self._next += 1
        return token

    def _fail(self, token, expected):
        found = "the end of the line" if token.kind == "newline" else repr(token.text)
        raise ConversionError(f"{self._name}:{token.line}: expected {expected}, found {found}")

    def _statement(self):
        first = self._take()
        if first.kind != "name":
            self._fail(first, "a setting such as Class.parameter = value")
        if first.text in ("import", "from") and self._peek().kind == "name":
            while self._take().kind != "newline":
                pass
            return
        if first.text == "include" and self._peek().kind == "string":
            self._include_file(self._take())
        else:
            equals = self._take()
            if equals.text != "=":
                self._fail(equals, f"'=' after {first.text}")
            *scope, path = first.text.split("/")
            where = f"{self._name}:{first.line}"
            self._config.bind(tuple(scope), path, self._value(), where)
        end = self._take()
        if end.kind != "newline":
            self._fail(end, "the end of the line")

    def _include_file(self, token):
        if self._include is None:
            self._fail(token, "no include")
        self._include(token.value)

    def _value(self):
        token = self._take()
        if token.kind == "string":
            value = token.value
            while self._peek().kind == "string":
                value += self._take().value
            return value
        if token.kind == "number":
            return token.value
        if token.text in ("-", "+") and self._peek().kind == "number":
            number = self._take().value
            return -number if token.text == "-" else number
        if token.kind == "reference":
            called = token.text.endswith("()")
            *scope, path = token.text[1:].removesuffix("()").split("/")
            return Reference(tuple(scope), path.split(".")[-1], called)
        if token.kind == "macro":
            return Macro(token.text[1:], f"{self._name}:{token.line}")
        if token.kind == "name" and token.text in _CONSTANTS:
            return _CONSTANTS[token.text]
        if token.text == "{":
            return dict(self._items("}", self._pair)[0])
        if token.text == "[":
            return self._items("]", self._value)[0]
        if token.text == "(":
            items, comma = self._items(")", self._value)
            return tuple(items) if comma or not items else items[0]
        self._fail(token, "a value")

    def _pair(self):
        key = self._value()
        colon = self._take()
        if colon.text != ":":
            self._fail(colon, "':'")
        return key, self._value()

    def _items(self, close, read):
        """Reads items up to the closing bracket; also tells whether any comma was seen."""
        items, comma = [], False
        while self._peek().text != close:
            items.append(read())
            if self._peek().text == ",":
                self._next += 1
                comma = True
            elif self._peek().text != close:
                self._fail(self._peek(), f"',' or '{close}'")
        self._next += 1
        return items, comma
