"""A model directory under construction: a temporary sibling that takes its place at the end, or vanishes."""

import os
import shutil
import tempfile

from .errors import ConversionError


class ModelDirectory:
    """A context manager that gives the temporary folder; without `commit` nothing is left of it."""

    def __init__(self, path, force):
        self._path = os.path.abspath(path)
        self._temporary = None
        if os.path.lexists(self._path):
            if not force:
                raise ConversionError(f"{path} exists already; give --force to replace it")
            if os.path.islink(self._path) or not self._is_model_or_empty():
                raise ConversionError(f"{path} is not a model directory, and --force replaces nothing else")
        if not os.path.isdir(os.path.dirname(self._path)):
            raise ConversionError(f"cannot make {path}: there is no folder {os.path.dirname(self._path)}")

    def _is_model_or_empty(self):
        if not os.path.isdir(self._path):
            return False
        names = os.listdir(self._path)
        return not names or {"config.json", "model.safetensors"} <= set(names)

    def __enter__(self):
        parent, name = os.path.split(self._path)
        try:
            self._temporary = tempfile.mkdtemp(prefix=f".{name}.", dir=parent)
            os.chmod(self._temporary, 0o777 & ~_umask())
        except OSError as error:
            raise ConversionError(f"cannot write into {parent}: {error.strerror}") from error
        return self._temporary

    def __exit__(self, kind, value, traceback):
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    def write_text(self, name, text):
        self.write_bytes(name, text.encode())

    def write_bytes(self, name, data):
        """Writes one small file to the disk."""
        path = os.path.join(self._temporary, name)
        try:
            with open(path, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise ConversionError(f"cannot write {path}: {error.strerror}") from error

    def commit(self):
        """Puts the folder in its place; an old one is moved away first and deleted last."""
        try:
            _sync_folder(self._temporary)
            old = None
            if os.path.lexists(self._path):
                old = tempfile.mkdtemp(prefix=".old.", dir=os.path.dirname(self._path))
                os.rename(self._path, old)
            try:
                os.rename(self._temporary, self._path)
            except OSError:
                if old is not None:
                    os.rename(old, self._path)
                raise
            self._temporary = None
            _sync_folder(os.path.dirname(self._path))
            if old is not None:
                shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            raise ConversionError(f"cannot put {self._path} in its place: {error.strerror}") from error


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
