#!/usr/bin/env bash
# Installs the Debian packages that are missing. Usage: scripts/setup.sh build|test
set -euo pipefail

build_packages=(g++ cmake ninja-build pkg-config libcli11-dev libeigen3-dev libspdlog-dev libsentencepiece-dev
  nlohmann-json3-dev libhwy-dev libicu-dev libssl-dev)
# PyTorch multiplies with whatever BLAS there is: without OpenBLAS with the reference, many times slower.
test_packages=(catch2 python3 python3-numpy sentencepiece bats jq tmux
  python3-torch libopenblas0-pthread python3-sentencepiece python3-nltk lz4
  parallel rsync slurmctld slurmd slurm-client)

case "${1:-}" in
  build) wanted=("${build_packages[@]}") ;;
  test) wanted=("${build_packages[@]}" "${test_packages[@]}") ;;
  *) echo "usage: scripts/setup.sh build|test" >&2; exit 2 ;;
esac

command -v dpkg-query >/dev/null || {
  echo "setup: this is no Debian system; install these, then run cmake as in README.md: ${wanted[*]}" >&2
  exit 1
}
missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: all ${#wanted[@]} packages are installed" >&2
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "setup: run this as root, or install by hand: apt-get install ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || {
  echo "setup: apt-get could not install them; is this Debian 12, and is the network up?" >&2
  exit 1
}
