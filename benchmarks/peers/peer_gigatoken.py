"""gigatoken: its own interface, on the calling thread."""

from __future__ import annotations

from pathlib import Path

import gigatoken
import numpy as np

from contestant import Contestant
from vocabularies import BPE_FILE, tiktoken_file


def make(folder: Path, vocabulary: str, from_bytes: bool = False) -> Contestant:
    """Open a byte-level BPE that we trained, or ``cl100k_base``; it takes str or bytes."""
    if vocabulary == "bpe":
        tokenizer = gigatoken.Tokenizer(folder / BPE_FILE)
    else:
        tokenizer = gigatoken.Tokenizer.from_tiktoken(tiktoken_file(vocabulary), "cl100k", {})
    return Contestant(
        vocabulary=tokenizer.vocab_size,
        returns="NumPy uint32; documents an awkward array",
        encode=tokenizer.encode,
        encode_documents=lambda texts: tokenizer.encode_batch(texts, parallel=False),
        decode=tokenizer.decode,
        decode_documents=lambda documents: [tokenizer.decode(ids) for ids in documents],
        decoder_input=lambda ids: ids,
        documents_decoder_input=lambda batch: [np.asarray(ids) for ids in batch],
        prepare=str.encode if from_bytes else str,
        prepare_documents=_as_bytes if from_bytes else list,
    )


def _as_bytes(texts: list[str]) -> list[bytes]:
    return [text.encode() for text in texts]
