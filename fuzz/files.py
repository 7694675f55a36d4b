"""Fuzz all decoders of files with atheris; each input goes to every decoder.

usage: python fuzz/files.py [LIBFUZZER OPTIONS] CORPUS...

The package must be installed, but not in editable mode: atheris cannot instrument through the
loader of editable installs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
with atheris.instrument_imports(include=["eqinfo"]):
    import decoder_cases as cases


def decode_all(data: bytes) -> None:
    """Raise if a decoder raises anything but the errors that it documents."""
    for decode in cases.DECODERS.values():
        decode(data)


def main() -> None:
    with cases.without_checksums():
        corpora = [Path(argument) for argument in sys.argv[1:] if not argument.startswith("-")]
        for name, seeds in cases.seeds().items():
            for number, seed in enumerate(seeds):
                if corpora and len(seed) < 1 << 16:
                    (corpora[0] / f"{name}-{number}").write_bytes(seed)
        atheris.Setup(sys.argv, decode_all)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
