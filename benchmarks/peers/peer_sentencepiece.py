"""sentencepiece with a Unigram model that we trained."""

from __future__ import annotations

from pathlib import Path

import sentencepiece

from contestant import Contestant
from vocabularies import UNIGRAM_FILE


def make(folder: Path) -> Contestant:
    """Open the Unigram model."""
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(folder / UNIGRAM_FILE))
    return Contestant(
        vocabulary=tokenizer.vocab_size(),
        returns="list[int]",
        encode=lambda text: tokenizer.encode(text, out_type=int),
        encode_documents=lambda texts: tokenizer.encode(texts, out_type=int, num_threads=1),
        decode=tokenizer.decode,
        decode_documents=lambda documents: tokenizer.decode(documents, num_threads=1),
        decoder_input=lambda ids: ids,
        documents_decoder_input=lambda documents: documents,
    )
