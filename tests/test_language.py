"""The commonest slips of language, and names that once had two meanings, do not come back.

A search of the sources, so it finds only what can be searched for: CONTRIBUTING.md says how prose
is written here. Skipped outside a checkout.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
IN_CHECKOUT = (ROOT / "csrc").is_dir() and (ROOT / "CONTRIBUTING.md").is_file()
pytestmark = pytest.mark.skipif(not IN_CHECKOUT, reason="not in a checkout")

AREAS = {
    "README": ["*.md"],
    "docs": ["docs/**/*.md"],
    "python": [
        "python/eqinfo/**/*.py",
        "python/eqinfo/*.pyi",
        "python/eqinfo/data/*.md",
        "python/eqinfo/experiment/report/*.html",
        "python/eqinfo/experiment/report/*.js",
    ],
    "csrc": ["csrc/**/*.h", "csrc/**/*.cpp", "csrc/**/*.cu", "csrc/**/*.cuh"],
    "benchmarks": ["benchmarks/**/*.py", "benchmarks/*.cpp", "benchmarks/*.md"],
    "scripts": ["scripts/*.py", "examples/*.py", "fuzz/*.py", "fuzz/*.cpp", "fuzz/*.h"],
}
# Holds the messages of golden files, which do not change with the language.
EXCEPT = {ROOT / "scripts" / "make_golden_files.py"}

# White space, which may hold the mark of a comment, or the end of a string and the next one.
GAP = r"""(?:[\s"'#]|//)+(?:f["'])?"""
COUNTED = (
    "bits?|bytes?|calls?|characters?|codewords?|contexts?|cycles?|documents?|entries|entry|ids?|"
    "instructions?|lanes?|lines?|logits?|pieces?|queries|registers?|rows?|samples?|seeds?|steps?|"
    "streams?|symbols?|threads?|times?|tokens?|values?|weights?|windows?|words?|"
    "ns|us|ms|microseconds?|[kKMG]i?B|MB/s|one|two|three|four|eight|million"
)
UNIT = (
    "architecture|base|batch|bit|block|byte|call|cell|character|column|context|core|cycle|document|"
    "file|group|head|id|key|kernel|lane|layer|line|machine|member|minute|multiprocessor|nanosecond|"
    "node|place|prefix|process|processor|question|read|row|second|segment|shard|slot|stage|step|"
    "stream|string|symbol|text|thread|token|unit|value|version|warp|window|word|worker"
)
PER_PHRASE = rf"\b(?:{COUNTED}){GAP}an?{GAP}(?:{UNIT})\b"
PHRASES = {
    "X per Y": PER_PHRASE,
    "X_PER_Y": r"\b[A-Z]+_A_[A-Z]+\b",
    "anyone who, or the noun": r"\bwhoever\b",
    "differently": (
        r"\b(?:answer(?:s|ed)?|compute[sd]?|decode[sd]?|behave[sd]?|spell(?:s|ed)?|writes?)"
        rf"{GAP}(?:it{GAP})?otherwise\b"
    ),
    "not a ... file": rf"\b(?:is|are){GAP}no{GAP}\w+{GAP}file\b",
    "after": (
        rf"\bbehind{GAP}(?:it\b|them\b|(?:an?{GAP}|the{GAP}|its{GAP}|every{GAP}|each{GAP}|all{GAP}|"
        rf"any{GAP}|one{GAP}|whole{GAP})?(?:\w+{GAP})?(?:prefix(?:es)?|windows?|bytes?|symbols?|"
        r"contexts?|member)\b)"
    ),
    "beginning": rf"\b(?:the|at){GAP}begins?{GAP}of\b",
    "belongs in": rf"\bbelongs?{GAP}into\b",
    "an active verb": rf"\b(?:is|are|was|were){GAP}seen{GAP}to{GAP}by\b",
    "best effort": rf"\bonly{GAP}a{GAP}wish\b",
    "resumes": rf"\bgoes{GAP}on{GAP}(?:where|at{GAP}the)\b",
    "without believing": rf"\bon{GAP}the{GAP}word{GAP}of\b",
}

# Names that had two meanings, and how often they may be defined now.
DEFINITIONS = {
    r"^class Codec\b": 1,
    r"^class Coder\b": 0,
    r"^class Parameters\b": 0,
    r"^class Run\b[(:]": 0,
    r"^class EncodingLanes\b": 1,
    r"^MAX_WINDOW_BITS\s*[:=]": 1,
    r"^DEFAULT_CODEBOOK\s*[:=]": 1,
    r"^Progress\s*[:=]": 1,
    r"\bfrom eqinfo import _core\b": 0,
    r"\b(?:Static)?Predictor\b": 0,
    r"\bunset_bytes\b": 0,
    r"(?<!corpus/)\bstring_rows\b": 0,
    r"\bdef forgetting\b": 0,
}


def files(area: str) -> list[Path]:
    return sorted({file for pattern in AREAS[area] for file in ROOT.glob(pattern)} - EXCEPT)


@cache
def text_of(file: Path) -> str:
    return file.read_text("utf-8")


def places(pattern: str, file: Path) -> list[str]:
    """Return where a pattern is in a file: path, line and words."""
    text = text_of(file)
    return [
        f"{file.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: "
        + " ".join(match.group().split())
        for match in re.finditer(pattern, text, re.MULTILINE)
    ]


@pytest.mark.parametrize("area", AREAS)
def test_phrases(area: str) -> None:
    found = [
        f"{place} -> {better}"
        for file in files(area)
        for better, pattern in PHRASES.items()
        for place in places(pattern, file)
    ]
    assert not found, "".join(f"\n  {line}" for line in found)


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_names_have_one_meaning(definition: str) -> None:
    sources = [file for area in ("python", "csrc") for file in files(area) if file.suffix != ".md"]
    found = [place for file in sources for place in places(definition, file)]
    assert len(found) <= DEFINITIONS[definition], "".join(f"\n  {place}" for place in found)


@pytest.mark.parametrize(
    ("text", "slips"),
    [
        ("5.83 bytes a token", True),
        ("// one call a\n    // step", True),
        ('"one lane a "\n    "document"', True),
        ("8 bytes an id", True),
        ("bytes per token", False),
        ("gives a token", False),
        ("the first byte of a token", False),
    ],
)
def test_slips_are_found(text: str, slips: bool) -> None:
    assert (re.search(PER_PHRASE, text) is not None) == slips
