"""Write the golden file of the paper's M1 and its logits; run by hand, once per version.

    python scripts/make_golden_paper_transformer.py

Needs the extra torch.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from eqinfo.models import paper

TEXT = "It was the best of times; naïve, again."  # longer than the context
SIZES = paper.Sizes(width=8, heads=2, head_width=4, layers=2, hidden=12, context=32)


def main() -> None:
    """Write both files into the folder of the version that is current."""
    folder = Path(__file__).resolve().parent.parent / "tests" / "golden" / f"v{paper.VERSION}"
    path = folder / "paper_transformer.safetensors"
    module, random = paper.PaperTransformer(SIZES), np.random.default_rng(0)
    with torch.no_grad():
        for parameter in module.parameters():
            weights = random.standard_normal(parameter.shape, np.float32)
            parameter.copy_(torch.from_numpy(weights / 2))
    paper.save(module, path, {"name": "golden"})
    rows, state = [], module.start(1)
    with torch.no_grad():
        for token in [paper.BEGIN, *TEXT.encode()]:
            logits, state = module.step(state, torch.tensor([token]))
            rows.append([round(logit, 4) for logit in logits[0, ::32].tolist()])
    golden = {"text": TEXT, "logits": rows}
    path.with_suffix(".json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
