"""Descriptions out of Debian's package lists: Translation-en, Packages, or dpkg's own status file."""

import bz2
import gzip
import lzma
import re
import subprocess
import sys

_BULLET = re.compile(r"([-*+o•]|\d+[.)])\s")


def _text(path):
    """A list's text; lz4, which apt uses, needs the lz4 program."""
    if path.endswith(".lz4"):
        try:
            data = subprocess.run(["lz4", "-dc", path], stdout=subprocess.PIPE, check=True).stdout
        except FileNotFoundError:
            sys.exit(f"prepare_data: {path} needs the program lz4 (Debian: lz4)")
        except subprocess.CalledProcessError as error:
            sys.exit(f"prepare_data: {path}: lz4 ended with {error.returncode}; is the file whole?")
    else:
        opener = {"gz": gzip.open, "xz": lzma.open, "bz2": bz2.open}.get(path.rsplit(".", 1)[-1], open)
        with opener(path, "rb") as file:
            data = file.read()
    return data.decode("utf-8", "replace")


def _fields(stanza):
    """Field name -> lines."""
    fields, lines = {}, None
    for line in stanza.split("\n"):
        if line[:1] in (" ", "\t"):
            if lines is not None:
                lines.append(line)
        elif ":" in line:
            name, value = line.split(":", 1)
            lines = fields[name] = [value.strip()]
    return fields


def _flowing(lines):
    """The lines of a long description as one text; a lone dot ends a paragraph, a bullet starts one."""
    paragraphs, current = [], []
    for line in lines:
        line = line[1:]
        text = re.sub(r"\s+", " ", line).strip()
        if text == ".":
            paragraphs.append(current)
            current = []
        elif text and _BULLET.match(line.lstrip()):
            paragraphs.append(current)
            current = [text]
        elif text:
            current.append(text)
    paragraphs.append(current)
    return " ".join(" ".join(p) for p in paragraphs if p)


def stanzas(paths):
    """Yields (package, synopsis, long text) of every stanza that has all three."""
    for path in paths:
        for stanza in _text(path).split("\n\n"):
            if not stanza.strip():
                continue
            fields = _fields(stanza)
            package = fields.get("Package", [""])[0]
            description = fields.get("Description-en") or fields.get("Description") or []
            if package and len(description) > 1:
                yield package, re.sub(r"\s+", " ", description[0]).strip(), _flowing(description[1:])
