#!/usr/bin/env bash
# Repeats the paper's decoding table on this machine: time per token of a dense Transformer and of its
# sparse forms, at 800 M and 17 B parameters, and the paper's figure of it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

usage() {
  cat <<'TEXT'
usage: scripts/bench_paper.sh [OPTION...]
  --out DIR       where results go (default: build/bench-paper)
  --terse FILE    the program (default: build/release/terse)
  --sizes LIST    of 800m and 17b (default: "800m 17b")
  --types LIST    weight types of the 800 M rows (default: "f32 int8")
  --big-type T    weight type of the 17 B rows (default: int8, which needs 20 GB of memory)
  --threads N     (default: terse's own)
  --context N     tokens that have been read (default: 128)
  --tokens N      tokens that are decoded (default: 32)
  --repeat N      repetitions of that (default: 5)
  --tries N       most measurements of a row whose memory bandwidth is more than 15 % off that of the
                  dense row it is compared with, as on a shared machine; the nearest one counts
                  (default: 5)
Keys and values have the type of the weights, with int4 that of int8. Prints a Markdown table; leaves
table.md, figure.svg and rows.jsonl (all that was measured) in DIR.
TEXT
}

out=$root/build/bench-paper terse=$root/build/release/terse
sizes="800m 17b" types="f32 int8" big_type=int8 threads=() context=128 tokens=32 repeat=5 tries=5
while [ $# -gt 0 ]; do
  case "$1" in
    -h|--help) usage; exit 0 ;;
    --out|--terse|--sizes|--types|--big-type|--threads|--context|--tokens|--repeat|--tries)
      [ $# -gt 1 ] || { echo "bench_paper: $1 needs a value" >&2; exit 2; } ;;
    *) usage >&2; exit 2 ;;
  esac
  case "$1" in
    --out) out=$2 ;;
    --terse) terse=$2 ;;
    --sizes) sizes=$2 ;;
    --types) types=$2 ;;
    --big-type) big_type=$2 ;;
    --threads) threads=(--threads "$2") ;;
    --context) context=$2 ;;
    --tokens) tokens=$2 ;;
    --repeat) repeat=$2 ;;
    --tries) tries=$2 ;;
  esac
  shift 2
done

# How far the first is off the second, in percent; 0 if there is no second.
percent_off() {
  awk -v a="$1" -v b="$2" 'BEGIN { d = b + 0 == 0 ? 0 : 100 * (a / b - 1); printf "%d", d < 0 ? -d : d }'
}

mkdir -p "$out"
lscpu | sed -nE 's/^(Model name|CPU\(s\)|L3 cache): +/\1: /p' | paste -sd ';' | sed 's/;/, /g' >"$out/machine.txt"
: >"$out/rows.jsonl"
for size in $sizes; do
  [ "$size" = 17b ] && row_types=$big_type || row_types=$types
  for type in $row_types; do
    [ "$type" = int4 ] && cache=int8 || cache=$type
    dense_bandwidth=0
    for row in dense ff qkv ff-qkv ff-qkv-loss; do
      nearest=
      for ((try = 1; try <= tries; try++)); do
        echo "bench_paper: scaling-$size-$row at $type" >&2
        code=0
        "$terse" bench --preset "scaling-$size-$row" --type "$type" --cache "$cache" "${threads[@]}" --context "$context" \
          --tokens "$tokens" --repeat "$repeat" --json >"$out/try.json" || code=$?
        [ $code -eq 0 ] || break
        bandwidth=$(sed -E 's/.*"bandwidth_gb_per_s": *([0-9.e+-]+).*/\1/' "$out/try.json")
        [ "$row" = dense ] && dense_bandwidth=$bandwidth
        off=$(percent_off "$bandwidth" "$dense_bandwidth")
        if [ -z "$nearest" ] || [ "$off" -lt "$nearest" ]; then
          nearest=$off
          cp "$out/try.json" "$out/row.json"
        fi
        [ "$off" -lt 15 ] && break
      done
      # A row that does not fit into memory is left out; the table says so.
      [ $code -eq 0 ] || [ $code -eq 3 ] || exit $code
      [ -z "$nearest" ] || cat "$out/row.json" >>"$out/rows.jsonl"
    done
  done
done
/usr/bin/python3 "$root/scripts/bench_paper_table.py" "$out/rows.jsonl" "$out/machine.txt" | tee "$out/table.md"
/usr/bin/python3 -c 'import matplotlib' 2>/dev/null || { echo "bench_paper: no figure: install python3-matplotlib" >&2; exit 0; }
/usr/bin/python3 "$root/scripts/bench_paper_plot.py" "$out/rows.jsonl" "$out/figure.svg"
