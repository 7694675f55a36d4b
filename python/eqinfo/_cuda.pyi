"""
CUDA stages of eqinfo; imports without a driver.
"""
from __future__ import annotations
__all__: list[str] = ["availability"]
def availability() -> tuple[bool, str]:
    ...
