"""The page says in words what its figures show, and no more."""

from __future__ import annotations

from typing import Any

from eqinfo.experiment.report import conclusions


def run(method: str, bits: float, unigram: float = 4.0) -> dict[str, Any]:
    return {"method": method, "unigram": unigram, "points": [{"bits_per_byte": bits}]}


def test_tokens_that_m2_did_not_learn_are_named() -> None:
    said = conclusions.learning([run("AC[8]", 4.0), run("Bytes", 3.0), run("GZip[8]", 3.95)])
    assert "AC[8] and GZip[8] are not learnable here" in said
    assert "M2 learns Bytes; at the same text it needs the fewest bits with Bytes, 3.00" in said


def test_a_study_where_nothing_was_learnt_says_so() -> None:
    said = conclusions.learning([run("Bytes", 4.1)])
    assert said.startswith("M2 does no better than counting tokens with Bytes")
    assert "read too little text" in said


def test_seeds_of_a_method_count_by_their_mean() -> None:
    said = conclusions.learning([run("Bytes", 3.0), run("Bytes", 3.5)])
    assert "3.25 per byte" in said


def compression(method: str, tokens: int, **values: float) -> dict[str, Any]:
    return {"method": method, "text_bytes": 100, "tokens": tokens, **values}


def test_the_fewest_bits_and_longer_windows() -> None:
    figures = {
        "compression AC[8]": compression("AC[8]", 25, bit_ratio=4.0),
        "compression 16": compression("EqualInfo[16, 8] padded", 50, bit_ratio=2.0),
        "compression 64": compression("EqualInfo[64, 8] padded", 40, bit_ratio=2.5),
    }
    said = conclusions.compression(figures)
    assert "AC[8] needs the fewest bits, 2.00 per byte" in said
    assert "2.00 bytes per 8-bit token with windows of 16 bits, 2.50 with 64" in said


def test_methods_whose_tokens_are_equally_common_are_named() -> None:
    figures = {
        "compression AC[8]": compression("AC[8]", 25, uniform=2.0, unigram_corrected=1.999),
        "compression Bytes": compression("Bytes", 100, uniform=8.0, unigram_corrected=4.0),
    }
    said = conclusions.trivial_models(figures)
    assert "saves 50 % of the bits of Bytes, but nothing for AC[8]" in said
    del figures["compression AC[8]"]
    assert "something for every other method" in conclusions.trivial_models(figures)


def divergence(method: str, low: float, high: float = 1.0) -> dict[str, Any]:
    return {"method": method, "tokens": [{"size": 8, "low": low, "high": high}]}


def test_bits_that_look_random_are_told_from_those_that_do_not() -> None:
    said = conclusions.divergence(
        [
            divergence("AC[8]", 0.1),
            divergence("GZip[8]", 0.2),
            divergence("random bits", 0.0, 0.15),
        ]
    )
    assert "AC[8] cannot be told from random bits" in said
    assert "GZip[8] has regularities" in said
    assert "random bits cannot" not in said
    assert "too short" in conclusions.divergence([{"method": "AC[8]", "tokens": []}])


def token_texts(*prefixes: str) -> dict[str, Any]:
    return {"rows": [{"position": i, "prefix": prefix} for i, prefix in enumerate(prefixes)]}


def test_what_tokens_say_about_their_windows() -> None:
    assert conclusions.token_texts(token_texts("", "")).startswith("No common token alone")
    said = conclusions.token_texts(token_texts("the", ""))
    assert said.startswith("The first token of a window says most")
    assert said.endswith("1 of 1 in place 1 and 0 of 1 in place 2.")
    assert "no more about its text" in conclusions.token_texts(token_texts("", "the"))
