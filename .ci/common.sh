# shellcheck shell=bash
# What the steps share; each of them sources this file first. CI_WORK is the folder for environments,
# builds and logs. Without one, a step makes a folder and removes it at the end, so
# `CI_WORK=/tmp/ci .ci/steps/thread.sh` keeps what it builds for the next time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

remove_work() { :; }
if [[ -z ${CI_WORK-} ]]; then
  CI_WORK=$(mktemp -d)
  remove_work() { rm -rf "$CI_WORK"; }
  trap remove_work EXIT
fi
mkdir -p "$CI_WORK"
export CI_WORK
export PIP_CONSTRAINT=$PWD/.ci/constraints.txt PIP_NO_COMPILE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
if command -v ccache >/dev/null; then # CMake reads this where a build folder is new
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache
fi

# environment NAME: activates a virtual environment, a new one if there is none of that name.
environment() {
  [[ -e $CI_WORK/$1/bin/activate ]] || python3 -m venv "$CI_WORK/$1"
  # shellcheck disable=SC1090,SC1091
  source "$CI_WORK/$1/bin/activate"
}

# package EXTRA...: activates the environment in which eqinfo and these extras are installed.
# .ci/run has installed all extras before steps run side by side, because pip must not change an
# environment that is in use.
package() {
  local extras
  extras=$(IFS=,; echo "$*")
  environment package
  [[ -e $CI_WORK/all-extras ]] || pip install -q ".[$extras]"
}

# debian PROGRAM PACKAGE...: installs Debian packages for a missing program, where that is possible.
debian() {
  local program=$1
  shift
  command -v "$program" >/dev/null && return
  if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
    echo "$program is missing, and only root can install it with apt-get: going on without it"
    return
  fi
  { apt-get update && apt-get install -y --no-install-recommends "$@"; } >"$CI_WORK/apt.log" 2>&1 ||
    { echo "$program could not be installed: going on without it"; tail -n 3 "$CI_WORK/apt.log"; }
}

# copy_with NAME OPTION...: builds the native module with these options of CMake, and puts a copy of
# the package with that module before the installed one. Called with `package` active. With -O1,
# because with sanitizers and -O3 compiling takes three times as long, and longer than the tests.
copy_with() {
  local build=$CI_WORK/$1-build copy=$CI_WORK/$1
  shift
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DEQINFO_CUDA=OFF \
    -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DSKBUILD_PROJECT_VERSION=0 \
    -Dpybind11_DIR="$(python -m pybind11 --cmakedir)" "$@" >"$build.log"
  cmake --build "$build" --parallel 2 >>"$build.log" || { tail -n 40 "$build.log"; return 1; }
  mkdir -p "$copy"
  cp -r python/eqinfo "$copy"
  rm -f "$copy"/eqinfo/*.so
  cmake --install "$build" --prefix "$copy" >>"$build.log"
  export PYTHONPATH=$copy
}
