"""GPT-2's byte alphabet: one printable character per byte, as byte-level vocabularies use it."""

from __future__ import annotations


def _byte_alphabet() -> list[str]:
    """Return the character of every byte: its own if printable, or else one from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


_ALPHABET = _byte_alphabet()
_BYTES = {character: byte for byte, character in enumerate(_ALPHABET)}


def spell(string: bytes) -> str:
    """Write bytes in the byte alphabet."""
    return "".join([_ALPHABET[byte] for byte in string])


def unspell(spelling: str) -> bytes:
    """Return the bytes; the reverse of `spell`.

    Raises:
        KeyError: a character outside the alphabet.
    """
    return bytes([_BYTES[character] for character in spelling])
