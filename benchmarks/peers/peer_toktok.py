"""toktok-rs: the tokenizer that its counting functions use."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import toktok

from contestant import Contestant


def make(_: Path, vocabulary: str) -> Contestant:
    """Open one of the encodings compiled into the package."""
    tokenizer = toktok._encoding(vocabulary)
    return Contestant(
        vocabulary=tokenizer.n_vocab,
        returns="NumPy uint32",
        encode=lambda text: tokenizer.encode_to_numpy(text, disallowed_special=[]),
        encode_documents=lambda texts: tokenizer.encode_batch_to_numpy(texts, 1),
        decode=tokenizer.decode_bytes,
        decode_documents=tokenizer.decode_batch,
        decoder_input=lambda ids: ids.tolist(),
        documents_decoder_input=_documents,
    )


def _documents(batch: tuple[Any, Any]) -> list[list[int]]:
    ids, offsets = (array.tolist() for array in batch)
    return [ids[begin:end] for begin, end in pairwise(offsets)]
