"""The script that mixes a training text loses nothing and holds out what it says."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "mix_training_text.py"


def lines_of(name: str, size: int) -> bytes:
    """Numbered lines, so that each occurs once."""
    rng = random.Random(name)
    data = bytearray()
    while len(data) < size:
        data += f"{name} {len(data)} {rng.random()}\n".encode()
    return bytes(data)


def test_every_line_is_learnt_or_held_out(tmp_path: Path) -> None:
    texts = {
        name: lines_of(name, size)
        for name, size in (("en", 6_000_000), ("world", 3_000_000), ("code", 4_000_000))
    }
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text)
    arguments = [*(str(tmp_path / name) for name in texts), str(tmp_path / "made")]
    subprocess.run([sys.executable, str(SCRIPT), *arguments], check=True)
    mixture = (tmp_path / "made" / "mixture.txt").read_bytes()
    held = {name: (tmp_path / "made" / f"held_{name}.txt").read_bytes() for name in texts}

    learnt = {line.rstrip(b"\r") for line in mixture.split(b"\n")}
    for name, text in texts.items():
        lines = set(text.split(b"\n")) - {b""}
        held_lines = set(held[name].split(b"\n")) - {b""}
        assert held_lines
        assert held_lines <= lines
        assert not held_lines & learnt
        if name != "en":  # of English, some lines are joined
            assert lines - held_lines <= learnt
    assert sum(map(len, held.values())) / sum(map(len, texts.values())) < 1 / 200
    crlf = mixture.count(b"\r\n") / mixture.count(b"\n")
    assert 1 / 20 < crlf < 1 / 6
    assert b" en " in mixture  # joined lines
    curve = (tmp_path / "made" / "held_curve.txt").read_bytes()
    assert len(curve) <= 8 << 14
