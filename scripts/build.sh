#!/usr/bin/env bash
# Configures and builds a preset. Usage: scripts/build.sh PRESET [CMAKE_OPTION...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset="${1:?usage: scripts/build.sh PRESET [CMAKE_OPTION...]}"
shift
echo "build: preset $preset, into build/$preset" >&2
cmake --preset "$preset" "$@" >/dev/null
cmake --build --preset "$preset"
