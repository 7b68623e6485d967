#!/usr/bin/env bash
# From a fresh Debian 12 to all tests passed: installs what is missing, builds, runs every test.
# --asan runs them under AddressSanitizer and UndefinedBehaviorSanitizer instead.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=release
case "${1:-}" in
  "") ;;
  --asan) preset=asan ;;
  *) echo "usage: scripts/test.sh [--asan]" >&2; exit 2 ;;
esac
scripts/setup.sh test
scripts/build.sh "$preset" -DTERSE_TESTS=ON

echo "test: running all tests of preset $preset" >&2
ctest --preset "$preset" -j "$(nproc)"
