"""The paper's results on C4 (arXiv 2404.03626v3), by the names of our methods."""

from __future__ import annotations

from typing import NamedTuple


class Ratio(NamedTuple):
    """Bytes per token, for vocabularies of 256 and of 65,536 (tables 2, 10 and 12)."""

    tokens_of_8_bits: float | None
    tokens_of_16_bits: float | None


PAPER_RATIOS = {
    "Bytes": Ratio(1.0, None),
    "SentencePiece[32k]": Ratio(None, 4.28),
    "AC[8]": Ratio(5.49, 10.98),
    "StaticAC[8]": Ratio(1.73, 3.46),
    "GZip[8]": Ratio(2.23, 4.47),
    "GZip[8] without header": Ratio(2.24, 4.47),
    "EqualInfo[16, 8] padded": Ratio(2.66, 5.31),
    "EqualInfo[24, 8] padded": Ratio(3.15, 6.30),
    "EqualInfo[32, 8] padded": Ratio(3.49, 6.97),
    "EqualInfo[64, 8] padded": Ratio(4.16, 8.33),
    "EqualInfo[128, 8] padded": Ratio(4.61, 9.22),
    "EqualInfo[16, 8] padded reset every 2": Ratio(3.40, 6.80),
    "EqualInfo[16, 8] padded never reset": Ratio(5.33, 10.66),
    "EqualInfo[16, 8] delay": Ratio(2.20, 4.40),
}

PAPER_TRIVIAL_BITS = {
    "Bytes": (8.000, 4.602),
    "SentencePiece[32k]": (3.497, 2.443),
    "AC[8]": (1.457, 1.457),
    "StaticAC[8]": (4.624, 4.624),
    "GZip[8]": (3.587, 3.586),
    "EqualInfo[16, 8] padded": (3.008, 2.976),
    "EqualInfo[32, 8] padded": (2.292, 2.285),
    "EqualInfo[64, 8] padded": (1.923, 1.921),
    "EqualInfo[128, 8] padded": (1.735, 1.735),
}
"""Bits per byte of uniform and of unigram predictions (table 3)."""

PAPER_M2_BITS: dict[str, tuple[float | None, float | None, float | None, float | None]] = {
    "Bytes": (1.29, 1.16, 1.08, 1.03),
    "SentencePiece[32k]": (1.12, 1.01, 0.94, 0.87),
    "AC[8]": (1.46, 1.46, 1.46, 1.46),
    "StaticAC[8]": (4.61, 4.61, 4.61, 4.61),
    "EqualInfo[16, 8] padded": (1.47, 1.23, 1.09, 0.99),
    "EqualInfo[16, 16] padded": (1.25, 1.12, 1.02, 0.94),
    "EqualInfo[32, 8] padded": (2.05, 1.94, 1.83, 1.65),
    "EqualInfo[32, 16] padded": (1.95, 1.85, 1.74, 1.63),
    "EqualInfo[64, 8] padded": (1.85, 1.82, 1.80, 1.79),
    "EqualInfo[64, 16] padded": (1.82, 1.80, 1.79, 1.76),
    "EqualInfo[128, 8] padded": (1.71, 1.71, 1.71, 1.71),
    "EqualInfo[128, 16] padded": (1.70, 1.69, 1.68, 1.67),
    "EqualInfo[24, 8] padded": (None, None, 1.394, None),
    "EqualInfo[24, 16] padded": (None, None, 1.249, None),
    "EqualInfo[16, 8] padded reset every 2": (None, None, 1.748, None),
    "EqualInfo[16, 16] padded reset every 2": (None, None, 1.697, None),
    "EqualInfo[16, 8] padded never reset": (None, None, 1.501, None),
    "EqualInfo[16, 16] padded never reset": (None, None, 1.501, None),
    "GZip[8]": (2.34, 1.93, 1.69, 1.56),
    "GZip[8] without header": (2.35, None, None, None),
    "GZip[16]": (2.92, 2.69, 2.48, 2.26),
    "GZip[16] without header": (2.92, None, None, None),
    "EqualInfo[16, 16] delay": (1.23, 1.11, 1.01, 0.93),
}
"""Bits per byte for M2s of 25m, 113m, 403m and 2b weights (tables 9, 10 and 15 to 17).

In table 10, where GZip has no header and footer, GZip with them has 2.33 and 2.91.
"""

PAPER_M2_DEVIATION = {
    "Bytes": 0.0020,
    "SentencePiece[32k]": 0.0006,
    "AC[8]": 0.0001,
    "StaticAC[8]": 0.0005,
    "EqualInfo[16, 8] padded": 0.0044,
    "EqualInfo[32, 8] padded": 0.0058,
    "EqualInfo[64, 8] padded": 0.0052,
    "EqualInfo[128, 8] padded": 0.0003,
    "GZip[8]": 0.0061,
}
"""Standard deviations of bits per byte over five seeds, 25m weights (table 11)."""

PAPER_SCALED_BITS = {
    "Bytes": (1.62, 1.36, 1.18, 1.03),
    "SentencePiece[32k]": (1.35, 1.15, 1.00, 0.87),
    "AC[8]": (1.46, 1.46, 1.46, 1.46),
    "AC[16]": (1.46, 1.46, 1.46, 1.46),
    "StaticAC[8]": (4.62, 4.62, 4.62, 4.62),
    "StaticAC[16]": (4.62, 4.62, 4.61, 4.61),
    "EqualInfo[16, 8] padded": (1.86, 1.50, 1.21, 0.99),
    "EqualInfo[16, 16] padded": (1.62, 1.31, 1.10, 0.94),
    "GZip[8]": (2.95, 2.48, 1.97, 1.56),
    "GZip[16]": (3.30, 3.08, 2.72, 2.26),
}
"""The same where training text is in proportion to the weights: 3k to 200k steps (table 13)."""

PAPER_TASK_ACCURACY = {
    ("AC[8]", "Bytes"): 76.98,
    ("", "Bytes"): 76.86,
    ("EqualInfo[16, 8] padded", "Bytes"): 95.30,
    ("Bytes", "AC[8]"): 1.7,
}
"""Percentage of the target's tokens guessed right, by source and target (table 5).

The paper's texts have 1,024 bytes; those of presets are much shorter (`M2Plan.task_text_bytes`).
"""
