"""The paper's figures in the code are those of its tables, typed here a second time."""

from __future__ import annotations

import pytest

from eqinfo.experiment.report.paper import (
    PAPER_M2_BITS,
    PAPER_M2_DEVIATION,
    PAPER_RATIOS,
    PAPER_SCALED_BITS,
    PAPER_TASK_ACCURACY,
    PAPER_TRIVIAL_BITS,
)
from eqinfo.experiment.report.steps_m2 import TASKS
from eqinfo.experiment.tokenizations.catalogue import catalogue
from experiment_cases import ngram

# Tables 2, 10 and 12: bytes per token, v = 256 and v = 65k.
RATIOS = """
Bytes                                   1.0   -
SentencePiece[32k]                      -     4.28
AC[8]                                   5.49  10.98
StaticAC[8]                             1.73  3.46
GZip[8]                                 2.23  4.47
GZip[8] without header                  2.24  4.47
EqualInfo[16, 8] padded                 2.66  5.31
EqualInfo[24, 8] padded                 3.15  6.30
EqualInfo[32, 8] padded                 3.49  6.97
EqualInfo[64, 8] padded                 4.16  8.33
EqualInfo[128, 8] padded                4.61  9.22
EqualInfo[16, 8] padded reset every 2   3.40  6.80
EqualInfo[16, 8] padded never reset     5.33  10.66
EqualInfo[16, 8] delay                  2.20  4.40
"""
# Table 3: bits per byte, uniform and unigram.
TRIVIAL = """
Bytes                      8.000  4.602
SentencePiece[32k]         3.497  2.443
AC[8]                      1.457  1.457
StaticAC[8]                4.624  4.624
EqualInfo[16, 8] padded    3.008  2.976
EqualInfo[32, 8] padded    2.292  2.285
EqualInfo[64, 8] padded    1.923  1.921
EqualInfo[128, 8] padded   1.735  1.735
GZip[8]                    3.587  3.586
"""
# Tables 9, 10 and 15 to 17: bits per byte of M2, at 25m, 113m, 403m and 2b.
M2 = """
Bytes                                    1.29  1.16  1.08   1.03
SentencePiece[32k]                       1.12  1.01  0.94   0.87
AC[8]                                    1.46  1.46  1.46   1.46
StaticAC[8]                              4.61  4.61  4.61   4.61
EqualInfo[16, 8] padded                  1.47  1.23  1.09   0.99
EqualInfo[16, 16] padded                 1.25  1.12  1.02   0.94
EqualInfo[24, 8] padded                  -     -     1.394  -
EqualInfo[24, 16] padded                 -     -     1.249  -
EqualInfo[32, 8] padded                  2.05  1.94  1.83   1.65
EqualInfo[32, 16] padded                 1.95  1.85  1.74   1.63
EqualInfo[64, 8] padded                  1.85  1.82  1.80   1.79
EqualInfo[64, 16] padded                 1.82  1.80  1.79   1.76
EqualInfo[128, 8] padded                 1.71  1.71  1.71   1.71
EqualInfo[128, 16] padded                1.70  1.69  1.68   1.67
GZip[8]                                  2.34  1.93  1.69   1.56
GZip[8] without header                   2.35  -     -      -
GZip[16]                                 2.92  2.69  2.48   2.26
GZip[16] without header                  2.92  -     -      -
EqualInfo[16, 16] delay                  1.23  1.11  1.01   0.93
EqualInfo[16, 8] padded reset every 2    -     -     1.748  -
EqualInfo[16, 16] padded reset every 2   -     -     1.697  -
EqualInfo[16, 8] padded never reset      -     -     1.501  -
EqualInfo[16, 16] padded never reset     -     -     1.501  -
"""
# Table 13: the same, with text in proportion to the weights.
SCALED = """
Bytes                      1.62  1.36  1.18  1.03
SentencePiece[32k]         1.35  1.15  1.00  0.87
AC[8]                      1.46  1.46  1.46  1.46
AC[16]                     1.46  1.46  1.46  1.46
StaticAC[8]                4.62  4.62  4.62  4.62
StaticAC[16]               4.62  4.62  4.61  4.61
EqualInfo[16, 8] padded    1.86  1.50  1.21  0.99
EqualInfo[16, 16] padded   1.62  1.31  1.10  0.94
GZip[8]                    2.95  2.48  1.97  1.56
GZip[16]                   3.30  3.08  2.72  2.26
"""
# Table 11: standard deviations over five seeds, at 25m.
DEVIATION = """
Bytes                      0.0020
SentencePiece[32k]         0.0006
AC[8]                      0.0001
StaticAC[8]                0.0005
EqualInfo[16, 8] padded    0.0044
EqualInfo[32, 8] padded    0.0058
EqualInfo[64, 8] padded    0.0052
EqualInfo[128, 8] padded   0.0003
GZip[8]                    0.0061
"""
# Table 5: percentage of tokens guessed right, from and to.
TASK_ACCURACY = {
    "AC[8] to Bytes": 76.98,
    " to Bytes": 76.86,
    "EqualInfo[16, 8] padded to Bytes": 95.30,
    "Bytes to AC[8]": 1.7,
}


def typed(table: str, columns: int) -> dict[str, tuple[float | None, ...]]:
    rows = {}
    for line in table.strip().splitlines():
        *name, rest = line.split("  ", 1)
        values = rest.split()
        assert len(values) == columns
        rows[name[0]] = tuple(None if value == "-" else float(value) for value in values)
    return rows


@pytest.mark.parametrize(
    ("table", "columns", "code"),
    [
        (RATIOS, 2, PAPER_RATIOS),
        (TRIVIAL, 2, PAPER_TRIVIAL_BITS),
        (M2, 4, PAPER_M2_BITS),
        (SCALED, 4, PAPER_SCALED_BITS),
    ],
)
def test_figures_of_tables(
    table: str, columns: int, code: dict[str, tuple[float | None, ...]]
) -> None:
    assert {name: tuple(row) for name, row in code.items()} == typed(table, columns)


def test_deviations() -> None:
    code = {name: (value,) for name, value in PAPER_M2_DEVIATION.items()}
    assert code == typed(DEVIATION, 1)


def test_figures_of_tasks_have_a_run_beside_them() -> None:
    assert {f"{s} to {t}": value for (s, t), value in PAPER_TASK_ACCURACY.items()} == TASK_ACCURACY
    assert set(PAPER_TASK_ACCURACY) <= set(TASKS)


def test_figures_belong_to_methods_of_the_catalogue() -> None:
    named = {*PAPER_RATIOS, *PAPER_TRIVIAL_BITS, *PAPER_M2_BITS, *PAPER_SCALED_BITS}
    assert named | set(PAPER_M2_DEVIATION) <= set(catalogue(ngram()))
