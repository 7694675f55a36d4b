"""What a tokenizer must be able to do to stand in a row of the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Contestant:
    """One tokenizer behind the fastest calls that its package offers.

    Encoders and decoders are timed; everything else here is not. A decoder gets what
    ``decoder_input`` made of the encoder's result, in the form that it is fastest with.

    Attributes:
        vocabulary: number of ids.
        returns: what the two encoders return.
        encode: one text to ids.
        encode_documents: many texts to the ids of each.
        decode: ids of one text to str or bytes.
        decode_documents: ids of many texts to str or bytes of each.
        decoder_input: the result of ``encode`` as ``decode`` wants it.
        documents_decoder_input: the same for documents.
        tokens: how many ids a result of ``encode`` holds.
        texts: what ``decode_documents`` returns as a sequence of str or bytes, to be checked.
        prepare: makes of a str what ``encode`` is given.
        prepare_documents: makes of a list of str what ``encode_documents`` is given.
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
