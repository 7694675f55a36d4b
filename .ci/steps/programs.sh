#!/usr/bin/env bash
# Programs from Debian. Without them, the browser test of the study's page is skipped, and the native
# fuzz targets are left out.
# shellcheck source=.ci/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

debian chromium chromium
debian clang++-19 clang-19 libclang-rt-19-dev
