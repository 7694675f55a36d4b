"""CPython's own tests of gzip, bz2 and lzma, with eqinfo behind these names (cpython_shim.py).

They are those of Python 3.11; every version has others, and so other reasons. A test that cannot
pass is listed in cpython_reasons.py. One that passes nevertheless, or passes without using eqinfo
and is not listed, fails here, as does one that fails and is not listed.
"""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

import pytest

import cpython_shim
from cpython_reasons import NEEDS_DEBUG_BUILD, NOT_IN_ALL_RELEASES, REASONS

if sys.version_info[:2] != (3, 11):
    pytest.skip("cpython_reasons.py is about the tests of Python 3.11", allow_module_level=True)
if not cpython_shim.is_installed():
    pytest.skip(
        "this Python has no tests of its own (Debian: libpython3-testsuite)",
        allow_module_level=True,
    )
TESTS = {
    name: test for module in cpython_shim.MODULES for name, test in
    cpython_shim.tests_of(module).items()
}  # fmt: skip


@pytest.mark.parametrize("name", TESTS)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_of_cpython(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cpython_shim.Calls.count = 0
    result = unittest.TestResult()
    TESTS[name].run(result)
    if result.skipped:
        assert name in NEEDS_DEBUG_BUILD, result.skipped
        pytest.skip(result.skipped[0][1])
    found = result.errors + result.failures
    passed = not found and cpython_shim.Calls.count > 0
    if name in REASONS or name in NOT_IN_ALL_RELEASES:
        assert not passed, "this test is listed in cpython_reasons.py, and passes"
        return
    assert not found, "".join(text for _, text in found)
    assert passed, "this test passes without using eqinfo: cpython_reasons.py must list it"


def test_the_lists_name_tests_that_exist() -> None:
    assert set(REASONS) | NEEDS_DEBUG_BUILD <= set(TESTS)
    assert len(set(TESTS) - set(REASONS) - set(NOT_IN_ALL_RELEASES) - NEEDS_DEBUG_BUILD) >= 240
