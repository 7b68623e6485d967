"""The log of a run (one JSON object a line) and its checkpoint; both survive a kill at any moment."""

import json
import os
import sys

import torch


def save(path, content):
    """Replaces a checkpoint at once, so that there is always a whole one."""
    scratch = path + ".new"
    with open(scratch, "wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)


def load(path):
    return torch.load(path, map_location="cpu") if os.path.exists(path) else None


class Log:
    """Entries after a resumed checkpoint's update are dropped: they will be written again."""

    def __init__(self, path, update):
        self._path = path
        entries = []
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                entries = [json.loads(line) for line in file if line.endswith("\n")]
        kept = [e for e in entries if e["update"] <= update]
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.writelines(json.dumps(e) + "\n" for e in kept)
        os.replace(path + ".new", path)

    def add(self, **entry):
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        print("  ".join(f"{k} {v:.5g}" if isinstance(v, float) else f"{k} {v}" for k, v in entry.items()), file=sys.stderr, flush=True)
