"""The steps of a study that need no M2, each of which makes one figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from eqinfo.codecs.windows import WindowCodec
from eqinfo.common.progress import Progress
from eqinfo.errors import ModelMismatchError
from eqinfo.experiment.analyses import divergence
from eqinfo.experiment.analyses.examples import byte_spans, sentence_pieces, windows_by_token
from eqinfo.experiment.analyses.initial_tokens import initial_tokens
from eqinfo.experiment.analyses.paper_endings import ENDINGS, Ending
from eqinfo.experiment.analyses.paper_windows import never_reset, paper_windows
from eqinfo.experiment.analyses.ratios import measure
from eqinfo.experiment.analyses.repeats import repeats
from eqinfo.experiment.analyses.stability import SENTENCE, common_words, stability
from eqinfo.experiment.data import sample
from eqinfo.experiment.report.presets import METHODS
from eqinfo.experiment.report.study import Study
from eqinfo.experiment.tokenizations.base import Ids, text_bytes
from eqinfo.experiment.tokenizations.catalogue import WINDOW_BITS
from eqinfo.experiment.tokenizations.subwords import SentencePiece
from eqinfo.window.steps import Variant

_EXAMPLE_BYTES = 60_000  # of held-out text, to search for windows of common tokens
_INITIAL_BYTES = 12_000
_REPEATS_DOCUMENTS, _REPEATS_BYTES = 20, 1024  # as in the paper (D.8)
_ENDINGS_SHARE = 32  # of held-out text one part: the coders are in plain Python
_8_BIT_METHODS = frozenset(name for name in METHODS if "8]" in name and "[8 bytes" not in name)
_PAGE_PIECES = "SentencePiece[32k]"  # the page's script cuts text with its pieces


@dataclass(frozen=True)
class Step:
    """A figure that is still to be made.

    Attributes:
        name: of the figure.
        kind: figures of one kind take about as long as each other.
        make: returns it; steps that take seconds ignore the `Progress`.
    """

    name: str
    kind: str
    make: Callable[[Progress], Any]


def _short_step(name: str, make: Callable[..., Any], *arguments: Any) -> Step:
    return Step(name, name.partition(" ")[0], lambda progress: make(*arguments))


def table_steps(study: Study) -> Iterator[Step]:
    """Yield the steps without an M2 (tables 2, 3, 7, 8, 12 and 14; figures 8, 9, 11, 16 and 17)."""
    preset = study.preset
    for name in preset.methods:
        yield _short_step(f"compression {name}", _compression, study, name)
    for bits in WINDOW_BITS:
        yield _short_step(f"paper windows {bits}", _paper_windows, study, bits)
    for ending in ENDINGS:
        yield _short_step(f"endings {ending}", _ending, study, ending)
    yield _short_step("never reset", _never_reset, study)
    yield _short_step("pieces", _pieces, study)
    yield _short_step("token texts", _token_texts, study)
    yield _short_step("byte bits", _byte_spans, study)
    if _PAGE_PIECES in preset.methods:
        yield _short_step("sentencepiece", _sentencepiece, study)
    for name in preset.stability:
        yield _short_step(f"stability {name}", _stability, study, name)
    for name in preset.divergence:
        yield _short_step(f"divergence {name}", _divergence, study, name)
    yield _short_step("divergence random", _random, study)
    for name in preset.repeats:
        yield _short_step(f"repeats {name}", _repeats, study, name)
    for variant in ("padded", "bijective"):
        yield _short_step(f"initial {variant}", _initial_tokens, study, variant)


def _compression(study: Study, name: str) -> dict[str, Any]:
    tokenization, texts = study.tokenization(name), study.text.held_out
    documents = study.held_out(name)
    decoded = sample(texts, study.preset.decoded_bytes)
    if tokenization.decode_batch(tokenization.encode_batch(decoded)) != decoded:
        raise ModelMismatchError(
            f"{name}: expected the first {text_bytes(decoded):,} bytes of held-out text to decode "
            "to themselves, found a different text"
        )
    found = measure(tokenization, texts, documents)
    return {
        **asdict(found),
        "method": name,
        "token_ratio": found.token_ratio,
        "bit_ratio": found.bit_ratio,
        "uniform": found.uniform,
        "unigram": found.unigram,
        "unigram_corrected": found.unigram_corrected,
        "decoded_bytes": text_bytes(decoded),
        "tokens_of_16_bits": _pairs_of_tokens(documents) if name in _8_BIT_METHODS else None,
    }


def _pairs_of_tokens(documents: list[Ids]) -> int:
    """Return the number of 16-bit tokens, each of which is a pair of 8-bit tokens."""
    return sum((len(ids) + 1) // 2 for ids in documents)


def _paper_windows(study: Study, bits: int) -> dict[str, Any]:
    return asdict(paper_windows(study.model, bits, study.text.held_out))


def _ending(study: Study, ending: Ending) -> dict[str, Any]:
    texts = sample(study.text.held_out, study.preset.held_out_bytes // _ENDINGS_SHARE)
    return asdict(paper_windows(study.model, 16, texts, ending))


def _never_reset(study: Study) -> dict[str, Any]:
    return asdict(never_reset(study.model, 16, study.text.held_out))


def _pieces(study: Study) -> dict[str, Any]:
    tokenizations = [study.tokenization(name) for name in study.preset.pieces]
    return {"sentence": SENTENCE, "pieces": sentence_pieces(tokenizations, SENTENCE)}


def _sentencepiece(study: Study) -> dict[str, Any]:
    tokenization = study.tokenization(_PAGE_PIECES)
    assert isinstance(tokenization, SentencePiece)
    pieces, unknown = tokenization.scores()
    return {
        "size": tokenization.vocab_size,
        "pieces": list(pieces.items()),
        "unknown": unknown,
        "longest": max(map(len, pieces)),
    }


def _token_texts(study: Study) -> dict[str, Any]:
    tokenization = study.tokenization(study.preset.token_texts)
    texts = sample(study.text.held_out, _EXAMPLE_BYTES)
    found = windows_by_token(tokenization, texts)
    return {"method": tokenization.name, "rows": [asdict(windows) for windows in found]}


def _byte_spans(study: Study) -> dict[str, Any]:
    codec = WindowCodec(study.model, 16, 8)
    spans = byte_spans(codec, SENTENCE)
    return {"window_bits": 16, "token_bits": 8, "bytes": [asdict(span) for span in spans]}


def _stability(study: Study, name: str) -> dict[str, Any]:
    words = common_words(study.text.train, study.preset.prefixes)
    return {"method": name, **asdict(stability(study.tokenization(name), words))}


def _divergence(study: Study, name: str) -> dict[str, Any]:
    tokenization = study.tokenization(name)
    documents = study.held_out(name)
    bits = int(np.log2(tokenization.vocab_size))
    return {"method": name, **_divergences(divergence.token_bits(documents, bits))}


def _random(study: Study) -> dict[str, Any]:
    # For comparison: as many bits as AC needs for the same text.
    documents = study.held_out("AC[8]")
    count = 8 * sum(map(len, documents))
    bits = divergence.random_bits(count, study.parameters.seed)
    return {"method": "random bits", **_divergences(bits)}


def _divergences(bits: divergence.Bits) -> dict[str, Any]:
    return {
        "bits": len(bits),
        "grams": [asdict(each) for each in divergence.divergences(bits, overlapping=True)],
        "tokens": [asdict(each) for each in divergence.divergences(bits, overlapping=False)],
    }


def _repeats(study: Study, name: str) -> dict[str, Any]:
    tokenization = study.tokenization(name)
    texts = [sample([text], _REPEATS_BYTES)[0] for text in study.text.held_out[:_REPEATS_DOCUMENTS]]
    found = repeats(tokenization.encode_batch(texts), tokenization.window_tokens)
    return {"method": name, "documents": len(texts), **asdict(found)}


def _initial_tokens(study: Study, variant: Variant) -> dict[str, Any]:
    texts = sample(study.text.held_out, min(_INITIAL_BYTES, study.preset.decoded_bytes))
    found = initial_tokens(WindowCodec(study.model, 16, 8, variant=variant), texts)
    return {"variant": variant, **asdict(found)}
