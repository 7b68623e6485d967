"""A progress bar on stderr, when that is a terminal."""

import os
import sys
import time

_WIDTH = 32


class Progress:
    """Called after each array with (done, total); a compressed file is measured by its bytes."""

    def __init__(self, stream, weights_path, quiet):
        self._raw = stream.raw
        self._size = os.path.getsize(weights_path) if weights_path else 0
        self._shown = not quiet and sys.stderr.isatty()
        self._last = 0.0

    def __call__(self, done, total):
        now = time.monotonic()
        if not self._shown or (done < total and now - self._last < 0.1):
            return
        self._last = now
        share = self._raw.bytes_read / self._size if self._raw is not None and self._size else done / max(total, 1)
        bar = "#" * round(_WIDTH * min(share, 1.0))
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r[{bar:<{_WIDTH}}] {done}/{total} arrays{end}")
        sys.stderr.flush()
