"""The vocabulary of a Hugging Face tokenizer as a code for bytes."""

from __future__ import annotations

import json
import re
from typing import Any

from eqinfo.common.byte_alphabet import unspell
from eqinfo.errors import UnsupportedError
from eqinfo.models.vocabulary import Vocabulary

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_SPACE = "\u2581"


def hf_vocabulary(tokenizer: Any, vocab_size: int) -> Vocabulary:
    """Return a fast tokenizer's vocabulary with the bytes of each id.

    Args:
        tokenizer: a fast tokenizer of ``transformers``.
        vocab_size: number of symbols of the model; ids from there on are left out.

    Raises:
        UnsupportedError: it is not a fast tokenizer, or it is neither byte-level nor of
            SentencePiece's kind, so that texts are not simply their pieces joined.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise UnsupportedError(
            "expected a fast tokenizer (of the package tokenizers), "
            f"found {type(tokenizer).__name__}; code its ids with encode_symbols"
        )

    def tokenize(text: str) -> list[int]:
        ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    return Vocabulary(backend_pieces(backend, vocab_size), tokenize)


def backend_pieces(backend: Any, vocab_size: int) -> list[bytes | None]:
    """Return the bytes of each id of a tokenizer of the package ``tokenizers``; None for no text.

    Args:
        backend: a ``tokenizers.Tokenizer``.
        vocab_size: number of symbols of the model; ids from there on are left out.

    Raises:
        UnsupportedError: it is neither byte-level nor of SentencePiece's kind.
    """
    decoder = json.dumps(json.loads(backend.to_str())["decoder"], ensure_ascii=False)
    byte_level = '"ByteLevel"' in decoder
    if not byte_level and _SPACE not in decoder:
        raise UnsupportedError(
            "expected a byte-level tokenizer or one of SentencePiece's kind, found one with the "
            f"decoder {decoder[:80]}; code its ids with encode_symbols"
        )
    added = backend.get_added_tokens_decoder()
    pieces: list[bytes | None] = [None] * vocab_size
    for piece, index in backend.get_vocab(with_added_tokens=True).items():
        if index >= vocab_size:
            continue  # a token that the model does not know
        if index in added:
            pieces[index] = piece.encode()
        elif byte_level:
            pieces[index] = _byte_level(piece)
        else:
            pieces[index] = _sentence_piece(piece)
    return pieces


def _sentence_piece(piece: str) -> bytes:
    byte = _BYTE.fullmatch(piece)
    return bytes([int(byte[1], 16)]) if byte else piece.replace(_SPACE, " ").encode()


def _byte_level(piece: str) -> bytes | None:
    try:
        return unspell(piece)
    except KeyError:
        return None
