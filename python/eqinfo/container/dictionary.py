"""Dictionaries: text that the mixer reads before the data of a file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeAlias

from eqinfo.common.counts import counted
from eqinfo.common.text import to_bytes
from eqinfo.container.buffer import bytes_of
from eqinfo.errors import ModelMismatchError
from eqinfo.mixer import MAX_DICTIONARY_BYTES, PrimedMixer, primed_table_bits
from eqinfo.models.protocol import Model

if TYPE_CHECKING:
    from typing_extensions import Buffer

ID_BYTES = 4
"""Bytes of a dictionary's id in a file."""


class Dictionary:
    """Text of the same kind as short data, which makes them smaller.

    The text is read when the first data are compressed or decompressed, which takes as long as
    compressing it, and what was learned from it is kept. So use one object for many
    documents. Threads may share it.

    Args:
        data: 1 to 2^20 bytes; a str is encoded as UTF-8.

    Attributes:
        data: the bytes.
        id: 8 hexadecimal digits that files name it by: a hash of the bytes.

    Raises:
        TypeError: data of another type.
        ValueError: no data, or more than 2^20 bytes.

    Example:
        >>> import eqinfo
        >>> dictionary = eqinfo.Dictionary("user=anna action=login\\nuser=bob action=logout\\n")
        >>> blob = eqinfo.compress("user=carl action=login\\n", dictionary=dictionary)
        >>> eqinfo.decompress(blob, dictionary=dictionary)
        b'user=carl action=login\\n'
    """

    def __init__(self, data: str | Buffer) -> None:
        with bytes_of(to_bytes(data) if isinstance(data, str) else data) as view:
            if not 1 <= len(view) <= MAX_DICTIONARY_BYTES:
                raise ValueError(
                    f"expected a dictionary of 1 to {MAX_DICTIONARY_BYTES} bytes, found {len(view)}"
                )
            self.data = bytes(view)
        self.id = hashlib.blake2b(self.data, digest_size=ID_BYTES).hexdigest()
        self._primed: dict[tuple[str | None, int, int], PrimedMixer] = {}

    def __repr__(self) -> str:
        """Return the id and the size."""
        return f"Dictionary({self.id}, {counted(len(self.data), 'byte')})"

    def __reduce__(self) -> tuple[type[Dictionary], tuple[bytes]]:
        """Pickle the bytes; what was learned from them is learned again."""
        return Dictionary, (self.data,)

    def primed(self, model: Model | None, precision: int, size: int) -> PrimedMixer:
        """Return what codes data of ``size`` bytes; the first time, the dictionary is read.

        Args:
            model: a native model over bytes, or None.
            precision: bits of the model's frequencies.
            size: bytes of data, which decide how large the tables are.
        """
        bits = primed_table_bits(len(self.data), size)
        key = None if model is None else model.fingerprint, precision, bits
        found = self._primed.get(key)
        if found is None:
            # Without a lock: threads that begin together each read it, and keep the first result.
            made = PrimedMixer(self.data, model, precision, table_bits=bits)
            found = self._primed.setdefault(key, made)
        return found


FileDictionary: TypeAlias = "Dictionary | str | Buffer"
"""A `Dictionary`, or its data, which are then read anew in every call."""


def dictionary_from(dictionary: FileDictionary | None) -> Dictionary | None:
    """Return a dictionary that was given in any form; raises as `Dictionary`."""
    if dictionary is None or isinstance(dictionary, Dictionary):
        return dictionary
    return Dictionary(dictionary)


def dictionary_of(dictionary_id: str, given: Dictionary | None, place: str) -> Dictionary:
    """Return the dictionary that a member needs.

    Args:
        dictionary_id: as in the member's header.
        given: what the caller has.
        place: file and offset, for messages.

    Raises:
        ModelMismatchError: none was given, or another.
    """
    if given is None or given.id != dictionary_id:
        raise ModelMismatchError(
            f"{place}: expected the dictionary {dictionary_id}, found "
            f"{'none' if given is None else given.id}; pass the one that the data were compressed "
            "with as dictionary, or its file with -D FILE"
        )
    return given
