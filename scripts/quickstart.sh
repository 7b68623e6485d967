#!/usr/bin/env bash
# From a fresh Debian 12 to a summary: installs what is missing, builds, summarises a sample text.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh build
scripts/build.sh release

sample=models/debian-synopsis/sample.txt
echo "quickstart: summarising $sample:" >&2
sed 's/^/    /' "$sample" >&2
echo "quickstart: build/release/terse summarize $sample" >&2
build/release/terse summarize "$sample"
