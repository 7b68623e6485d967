"""Tells which kind of tokenizer a file holds and checks it against the model's vocabulary."""

from .errors import ConversionError

SENTENCEPIECE, SUBWORD = "spiece.model", "vocab.subword"


class Tokenizer:
    """`name` is the file's name in the model directory, `size` the number of its pieces, `data` its bytes."""

    def __init__(self, path):
        try:
            with open(path, "rb") as stream:
                self.data = stream.read()
        except OSError as error:
            raise ConversionError(f"cannot read the tokenizer {path}: {error.strerror}") from error
        self.path = path
        pieces = _subword_lines(self.data)
        self.name = SUBWORD if pieces else SENTENCEPIECE
        self.size = pieces or _sentencepiece_pieces(self.data)
        if not self.size:
            raise ConversionError(f"{path}: neither a SentencePiece model nor a T2T subword vocabulary")

    def check(self, vocab_size, n_reserved_ids):
        """Refuses a tokenizer of another model; returns a warning where only the last ids do not fit, else None."""
        if n_reserved_ids and self.name != SUBWORD:
            raise ConversionError(f"{self.path} is a SentencePiece model; reserved ids belong to T2T subwords only")
        if self.size > vocab_size:
            raise ConversionError(
                f"{self.path} has {self.size} pieces, the model's vocabulary only {vocab_size}; do they belong together?"
            )
        beyond = self.size + n_reserved_ids - vocab_size
        if beyond <= 0:
            return None
        return (
            f"warning: with {n_reserved_ids} reserved ids the last {beyond} of the {self.size} pieces in {self.path} lie "
            f"outside the model's vocabulary of {vocab_size}"
        )


def _subword_lines(data):
    """The number of subwords of a T2T file, or 0. A line is one, in quotes; a subword with a line break makes two."""
    try:
        lines = data.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError:
        return 0
    stripped = [line.rstrip() for line in lines]
    quoted = sum(len(s) >= 2 and s[0] == s[-1] and s[0] in "'\"" for s in stripped)
    return len(lines) if quoted >= 0.9 * len(lines) else 0


def _sentencepiece_pieces(data):
    """The number of pieces (field 1) of a SentencePiece ModelProto, or 0 when the bytes are none."""
    position, pieces = 0, 0
    try:
        while position < len(data):
            tag, position = _varint(data, position)
            wire, field = tag & 7, tag >> 3
            if wire != 2 or field not in (1, 2, 3, 4, 5) and field < 200:
                return 0
            length, position = _varint(data, position)
            position += length
            pieces += field == 1
    except IndexError:
        return 0
    return pieces if position == len(data) else 0


def _varint(data, position):
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
        if shift > 63:
            raise IndexError
