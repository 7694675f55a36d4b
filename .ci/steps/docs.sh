#!/usr/bin/env bash
# The documentation as a site, without warnings: pages, links, anchors, and the reference. The package
# is not built, because its docstrings are read from the sources.
# shellcheck source=.ci/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

environment docs
.ci/requirements.py docs | xargs pip install -q
export NO_MKDOCS_2_WARNING=1
mkdocs build --strict --quiet --site-dir "$CI_WORK/site"
echo "$(find "$CI_WORK/site" -name '*.html' | wc -l) pages"
