"""What the figures of a study say, in a sentence or two for the top of each section.

Every sentence follows from the figures by a rule stated here, so the page never claims what the
study did not find.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from eqinfo.experiment.report.figures import Figure, Figures, of_kind

LEARNT = 0.02
"""An M2 has learnt tokens if it needs at least this share of bits less than a unigram model."""
RANDOM_BITS = 8
"""Length of the segments by which bits are compared with random ones."""


def byte_spans(figure: Figure) -> str:
    """Say how much text the windows of the sentence hold, and what is spare (figure 9)."""
    spans, bits = figure["bytes"], figure["window_bits"]
    last = {span["window"]: span["last"] for span in spans}
    spare = statistics.mean(bits - end for end in last.values())
    return (
        f"{len(spans)} bytes fit into {len(last)} windows of {bits} bits. The first bytes of a "
        "window take the most bits, because the model starts afresh; where it can guess, a byte "
        f"takes a fraction of a bit. On average {spare:.1f} bits at the end of a window stay spare."
    )


def compression(figures: Figures) -> str:
    """Say which tokens take the fewest bits, and what longer windows gain (tables 2 and 12)."""
    found = of_kind(figures, "compression")
    ratios = {f["method"]: f["text_bytes"] / f["tokens"] for f in found}
    bits = {f["method"]: 8 / f["bit_ratio"] for f in found}
    dense = min(bits, key=bits.__getitem__)
    text = f"{dense} needs the fewest bits, {bits[dense]:.2f} per byte of text."
    windows = _window_ratios(ratios)
    if len(windows) > 1:
        first, last = min(windows), max(windows)
        text += (
            f" Longer windows hold more per token, because the model forgets less often: "
            f"{windows[first]:.2f} bytes per 8-bit token with windows of {first} bits, "
            f"{windows[last]:.2f} with {last}."
        )
    return text


def trivial_models(figures: Figures) -> str:
    """Say what counting tokens gains (table 3)."""
    gains = {
        f["method"]: 1 - f["unigram_corrected"] / f["uniform"]
        for f in of_kind(figures, "compression")
    }
    flat = [name for name, gain in gains.items() if gain < 0.005]
    most = _most(gains)
    text = (
        f"Knowing how often each token occurs saves {100 * gains[most]:.0f} % of the bits of {most}"
    )
    if not flat:
        return f"{text}, and something for every other method."
    return f"{text}, but nothing for {_listed(flat)}: all their tokens are equally common."


def stability(figures: Sequence[Figure]) -> str:
    """Say whose tokens change with the word before a sentence (figure 8)."""
    changed = {f["method"]: f["relative"] for f in figures}
    shares = [f"{100 * share:.0f} % of the tokens of {name}" for name, share in changed.items()]
    return (
        f"After another word, {_listed(shares)} differ. Tokens that change with everything before "
        "them give a model little to hold on to."
    )


def divergence(figures: Sequence[Figure]) -> str:
    """Say whose bits look random (figures 11 and 17)."""
    points = {
        f["method"]: point for f in figures for point in f["tokens"] if point["size"] == RANDOM_BITS
    }
    noise = points.pop("random bits", {"high": 0.0})["high"]
    random = [name for name, point in points.items() if point["low"] <= noise]
    regular = [name for name in points if name not in random]
    parts = []
    if random:
        parts.append(f"{_listed(random)} cannot be told from random bits")
    if regular:
        verb = "has" if len(regular) == 1 else "have"
        parts.append(f"{_listed(regular)} {verb} regularities that a model could learn")
    if not parts:
        return "The text is too short to tell bits from random ones."
    return f"By tokens of {RANDOM_BITS} bits, {'; '.join(parts)}."


def token_texts(figure: Figure) -> str:
    """Say which tokens of a window tell something about its text (tables 8 and 14)."""
    shares: dict[int, list[bool]] = {}
    for row in figure["rows"]:
        shares.setdefault(row["position"], []).append(bool(row["prefix"]))
    said = _listed(
        [
            f"{sum(known)} of {len(known)} in place {position + 1}"
            for position, known in shares.items()
        ]
    )
    means = [statistics.mean(known) for known in shares.values()]
    if not any(means):
        verdict = "No common token alone fixes how the text of its window begins"
    elif means[0] > max(means[1:]):
        verdict = "The first token of a window says most about how its text begins"
    else:
        verdict = "The first token of a window says no more about its text than later ones"
    return f"{verdict}: of the most common tokens, all windows begin alike for {said}."


def pieces(figure: Figure) -> str:
    """Say into how many pieces each method cuts the sentence (table 7)."""
    counts = {name: len(parts) for name, parts in figure["pieces"].items()}
    listed = _listed([f"{count} with {name}" for name, count in counts.items()])
    return f"Pieces of the same sentence: {listed}."


def learning(runs: Sequence[Figure]) -> str:
    """Say which tokens an M2 learnt (tables 6 and 15 to 17)."""
    learnt: list[str] = []
    not_learnt: list[str] = []
    final: dict[str, float] = {}
    for name in dict.fromkeys(run["method"] for run in runs):
        mine = [run for run in runs if run["method"] == name]
        bits = statistics.mean(run["points"][-1]["bits_per_byte"] for run in mine)
        final[name] = bits
        (learnt if bits < (1 - LEARNT) * mine[0]["unigram"] else not_learnt).append(name)
    if not learnt:
        return (
            f"M2 does no better than counting tokens with {_listed(not_learnt)}: it read too "
            "little text to tell which tokens are learnable."
        )
    best = min(learnt, key=final.__getitem__)
    text = (
        f"M2 learns {_listed(learnt)}; at the same text it needs the fewest bits with {best}, "
        f"{final[best]:.2f} per byte."
    )
    if not_learnt:
        verb = "is" if len(not_learnt) == 1 else "are"
        text += (
            f" {_listed(not_learnt)} {verb} not learnable here: M2 does no better than counting "
            "tokens."
        )
    return text


def tasks(found: Sequence[Figure]) -> str:
    """Say how well M2 compresses and decompresses (table 5)."""
    return (
        "Given the tokens before the arrow, M2 guesses right "
        + _listed(
            [
                f"{100 * f['accuracy']:.0f} % ({f['source'] or 'nothing'} → {f['target']})"
                for f in found
            ]
        )
        + "."
    )


def _window_ratios(ratios: Mapping[str, float]) -> dict[int, float]:
    found: dict[int, float] = {}
    for kind in ("]", "] padded"):
        for bits in (16, 24, 32, 64, 128):
            name = f"EqualInfo[{bits}, 8{kind}"
            if name in ratios:
                found.setdefault(bits, ratios[name])
    return found


def _most(values: Mapping[str, float]) -> str:
    return max(values, key=values.__getitem__)


def _listed(names: Sequence[str]) -> str:
    """Return names as they are listed in a sentence."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
