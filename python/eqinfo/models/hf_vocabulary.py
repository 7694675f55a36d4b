"""The vocabulary of a Hugging Face tokenizer as bytes."""

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
    """Return a fast tokenizer's code for bytes.

    Raises:
        UnsupportedError: a tokenizer whose pieces do not simply follow each other: neither
            byte-level nor SentencePiece's.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise UnsupportedError(
            f"expected a fast tokenizer (tokenizers), found {type(tokenizer).__name__}"
        )
    decoder = json.dumps(json.loads(backend.to_str())["decoder"], ensure_ascii=False)
    byte_level = '"ByteLevel"' in decoder
    if not byte_level and _SPACE not in decoder:
        raise UnsupportedError(
            "expected a byte-level tokenizer or one of SentencePiece's kind, "
            f"found the decoder {decoder[:80]}"
        )
    added = backend.get_added_tokens_decoder()
    pieces: list[bytes | None] = [None] * vocab_size
    for piece, index in backend.get_vocab(with_added_tokens=True).items():
        if index >= vocab_size:
            continue  # a token that the model was never given
        if index in added:
            pieces[index] = piece.encode()
        elif byte_level:
            pieces[index] = _byte_level(piece)
        else:
            pieces[index] = _sentence_piece(piece)

    def tokenize(text: str) -> list[int]:
        ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    return Vocabulary(pieces, tokenize)


def _sentence_piece(piece: str) -> bytes:
    byte = _BYTE.fullmatch(piece)
    return bytes([int(byte[1], 16)]) if byte else piece.replace(_SPACE, " ").encode()


def _byte_level(piece: str) -> bytes | None:
    try:
        return unspell(piece)
    except KeyError:
        return None
