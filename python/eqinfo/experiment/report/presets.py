"""Presets: how large a study is, and which methods it covers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from eqinfo.experiment.m2.sizes import SIZES
from eqinfo.experiment.tokenizations.catalogue import WINDOW_BITS


@dataclass(frozen=True)
class M2Plan:
    """The M2s of a study.

    Attributes:
        sizes: names of `eqinfo.experiment.m2.sizes.SIZES`.
        claims: methods on which the paper's claims rest, trained with every seed.
        others: methods trained with the first seed only.
        seeds: number of seeds.
        train_bytes, held_out_bytes: of text.
        context_bytes: mean bytes of text per sequence.
        batch: sequences per step.
        learning_rate: its peak.
        task_bytes: of text to train a task on.
        scaled: methods whose M2s are also trained on text in proportion to their weights (figure
            15, table 13).
        scaled_sizes: of those M2s; the last of ``sizes`` reads all of ``train_bytes``.
        spelling: methods whose M2s, with the first size and seed, learn to spell (figure 13).
        spelling_words: number of words, one in ten of them held out.
        task_text_bytes: of text per pair of a task.
    """

    sizes: tuple[str, ...]
    claims: tuple[str, ...]
    others: tuple[str, ...]
    seeds: int
    train_bytes: int
    held_out_bytes: int
    context_bytes: int
    batch: int
    learning_rate: float
    task_bytes: int
    scaled: tuple[str, ...]
    scaled_sizes: tuple[str, ...]
    spelling: tuple[str, ...]
    spelling_words: int
    task_text_bytes: int = 32

    @property
    def methods(self) -> list[str]:
        """Names of all methods that M2s learn, without repetitions."""
        names = (*self.claims, *self.others, *self.scaled, *self.spelling)
        return list(dict.fromkeys(names))


@dataclass(frozen=True)
class Preset:
    """The size of a study and its methods.

    The names of the fields, and of those of `M2Plan`, are part of a study's digest and manifest.

    Attributes:
        train_bytes, held_out_bytes: of text.
        decoded_bytes: of held-out text that is decoded and compared, for every method.
        methods: whose compression ratios are measured.
        stability, divergence, pieces: methods to which these analyses apply.
        token_texts: a method with several tokens per window (tables 8 and 14).
        repeats: methods of whose tokens it is counted how many occur again (D.8).
        prefixes: number of words to put before a sentence (figure 8).
        plan: the M2s.
    """

    train_bytes: int
    held_out_bytes: int
    decoded_bytes: int
    methods: tuple[str, ...]
    stability: tuple[str, ...]
    divergence: tuple[str, ...]
    pieces: tuple[str, ...]
    token_texts: str
    repeats: tuple[str, ...]
    prefixes: int
    plan: M2Plan

    def all_methods(self, tables_only: bool) -> list[str]:
        """Return the names of all methods that the study trains, without repetitions."""
        plan = () if tables_only else self.plan.methods
        analysed = (*self.stability, *self.divergence, *self.pieces, *self.repeats)
        return list(dict.fromkeys((*self.methods, *analysed, *plan, self.token_texts)))


METHODS = (
    "Bytes",
    "SentencePiece[32k]",
    "BPE[65k]",
    "AC[8]",
    "StaticAC[8]",
    "GZip[8]",
    "GZip[8] without header",
    *(f"EqualInfo[{bits}, 8] padded" for bits in WINDOW_BITS),
    "EqualInfo[16, 8] padded reset every 2",
    "EqualInfo[16, 8] padded never reset",
    "EqualInfo[16, 8] delay",
    *(f"EqualInfo[{bits}, 8]" for bits in WINDOW_BITS),
    "EqualInfo[16, 8] reset every 2",
    "EqualInfo[16, 8] never reset",
    "EqualInfo[16, 8] word",
    "Codebook[16, 8] optimal",
    "Codebook[16, 8] fit",
    "Codebook[16, 8] fit word",
    "EqualText[8 bytes, 8]",
    "Huffman[8]",
    "ANS[8]",
)

LAPTOP = Preset(
    train_bytes=8_000_000,
    held_out_bytes=256_000,
    decoded_bytes=40_000,
    methods=METHODS,
    stability=("SentencePiece[32k]", "AC[8]", "EqualInfo[16, 8]", "Codebook[16, 16] fit word"),
    divergence=("AC[8]", "StaticAC[8]", "GZip[8] without header", "EqualInfo[16, 8]"),
    pieces=(
        "SentencePiece[32k]",
        "EqualInfo[16, 16] padded",
        "EqualInfo[16, 16]",
        "EqualInfo[32, 16]",
        "Codebook[16, 16] fit",
        "Codebook[16, 16] fit word",
    ),
    token_texts="EqualInfo[16, 8]",
    repeats=(
        "EqualInfo[16, 8] padded",
        "EqualInfo[16, 16] padded",
        "EqualInfo[16, 8]",
        "EqualInfo[16, 16]",
    ),
    prefixes=500,
    plan=M2Plan(
        sizes=("cpu",),
        claims=(
            "AC[8]",
            "StaticAC[8]",
            "EqualInfo[16, 8] padded",
            "EqualInfo[16, 8]",
            "EqualInfo[32, 8] padded",
            "EqualInfo[64, 8] padded",
        ),
        others=(
            "Bytes",
            "SentencePiece[4k]",
            "BPE[4k]",
            "EqualInfo[12, 12] padded",
            "EqualInfo[12, 12]",
            "EqualInfo[12, 12] word",
            "Codebook[12, 12] fit",
            "Codebook[12, 12] fit word",
            "EqualInfo[16, 8] padded reset every 2",
            "EqualInfo[16, 8] padded never reset",
            "AC[1]",
            "GZip[8]",
            "GZip[8] without header",
        ),
        seeds=3,
        train_bytes=4_000_000,
        held_out_bytes=100_000,
        context_bytes=384,
        batch=8,
        learning_rate=3e-3,
        task_bytes=300_000,
        scaled=("Bytes", "EqualInfo[16, 8] padded"),
        scaled_sizes=("toy",),
        spelling=("SentencePiece[4k]", "EqualInfo[16, 8] padded"),
        spelling_words=5_000,
    ),
)
PRESETS = {
    "toy": replace(
        LAPTOP,
        train_bytes=60_000,
        held_out_bytes=6_000,
        decoded_bytes=600,
        methods=("Bytes", "AC[8]", "StaticAC[8]", "GZip[8]", "EqualInfo[16, 8] padded"),
        stability=("Bytes", "AC[8]"),
        divergence=("AC[8]",),
        pieces=("Bytes", "EqualInfo[16, 16]"),
        repeats=("EqualInfo[16, 16]",),
        prefixes=20,
        plan=replace(
            LAPTOP.plan,
            sizes=("toy",),
            claims=("Bytes",),
            others=("EqualInfo[16, 8]",),
            seeds=1,
            train_bytes=20_000,
            held_out_bytes=2_000,
            task_bytes=2_000,
            scaled=("Bytes",),
            spelling=("Bytes",),
            spelling_words=20,
        ),
    ),
    "laptop": LAPTOP,
    "small": replace(
        LAPTOP,
        train_bytes=64_000_000,
        held_out_bytes=2_000_000,
        plan=replace(
            LAPTOP.plan,
            sizes=("cpu", "cpu-large"),
            others=(
                *LAPTOP.plan.others,
                "BPE[65k]",
                "EqualInfo[16, 16] padded",
                "EqualInfo[16, 16]",
                "Codebook[16, 16] fit",
                "Codebook[16, 16] fit word",
            ),
            train_bytes=30_000_000,
            held_out_bytes=400_000,
            context_bytes=512,
            batch=16,
            task_bytes=4_000_000,
            scaled_sizes=("toy", "cpu"),
            spelling_words=10_000,
        ),
    ),
    "paper": replace(
        LAPTOP,
        train_bytes=1_000_000_000,
        held_out_bytes=10_000_000,
        plan=M2Plan(
            sizes=("25m", "113m", "403m", "2b"),
            claims=(
                "Bytes",
                "AC[8]",
                "StaticAC[8]",
                *(f"EqualInfo[{b}, 8] padded" for b in WINDOW_BITS),
            ),
            others=(
                "SentencePiece[32k]",
                "BPE[65k]",
                "EqualInfo[16, 8]",
                "EqualInfo[16, 16] padded",
                "EqualInfo[16, 16]",
                "Codebook[16, 16] fit",
                "Codebook[16, 16] fit word",
                "EqualInfo[16, 8] padded reset every 2",
                "EqualInfo[16, 8] padded never reset",
                "EqualInfo[16, 16] padded reset every 2",
                "EqualInfo[16, 16] padded never reset",
                "AC[1]",
                *(f"GZip[{bits}]{end}" for bits in (8, 16) for end in ("", " without header")),
            ),
            seeds=1,
            train_bytes=1_000_000_000,
            held_out_bytes=10_000_000,
            context_bytes=2048,
            batch=256,
            learning_rate=1e-2,
            task_bytes=100_000_000,
            scaled=(
                "Bytes",
                "SentencePiece[32k]",
                "AC[8]",
                "StaticAC[8]",
                "EqualInfo[16, 8] padded",
                "EqualInfo[16, 16] padded",
                "GZip[8]",
                "GZip[16]",
            ),
            scaled_sizes=("25m", "113m", "403m"),
            spelling=("SentencePiece[32k]", "EqualInfo[16, 8] padded"),
            spelling_words=10_000,
            task_text_bytes=128,
        ),
    ),
}
"""By name; "toy" takes seconds and only shows that everything works."""


def scaled_share(plan: M2Plan, size: str) -> float:
    """Return the part of the M2s' text that an M2 reads if text is in proportion to weights."""
    return min(1.0, SIZES[size].parameters / SIZES[plan.sizes[-1]].parameters)
