"""What a tokenizer must do to be a contestant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Contestant:
    """One tokenizer, called in the fastest way that its package offers.

    Only encoders and decoders are timed. ``decoder_input`` converts an encoder's result to the form
    that the decoder takes fastest.

    Attributes:
        vocabulary: number of ids.
        returns: what the two encoders return.
        encode: one text to ids.
        encode_documents: many texts to the ids of each.
        decode: ids of one text to str or bytes.
        decode_documents: ids of many texts to str or bytes of each.
        decoder_input: converts a result of ``encode`` to an argument of ``decode``.
        documents_decoder_input: the same for documents.
        tokens: how many ids a result of ``encode`` holds.
        texts: converts a result of ``decode_documents`` to a sequence of str or bytes, to check it.
        prepare: converts a str to an argument of ``encode``.
        prepare_documents: converts a list of str to an argument of ``encode_documents``.
    """

    vocabulary: int
    returns: str
    encode: Callable[[Any], Any]
    encode_documents: Callable[[Any], Any]
    decode: Callable[[Any], str | bytes]
    decode_documents: Callable[[Any], Any]
    decoder_input: Callable[[Any], Any]
    documents_decoder_input: Callable[[Any], Any]
    tokens: Callable[[Any], int] = len
    texts: Callable[[Any], Sequence[str | bytes]] = list
    prepare: Callable[[str], Any] = str
    prepare_documents: Callable[[list[str]], Any] = list
