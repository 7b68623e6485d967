#!/usr/bin/env bash
# Runs terse over one shard of a planned batch. The output has its name, NNNNNN.out.jsonl, only when it is complete.
# Stands alone, so that it can be copied to another machine or handed to sbatch.
set -euo pipefail
export LC_ALL=C

usage() {
  cat <<'END'
Usage: run_shard.sh --work DIR [--shard N] [--terse PROGRAM]
Runs shard N (default: SLURM_ARRAY_TASK_ID) of the batch in DIR, unless its output is there already.
Exit code 0: the shard is complete; the lines of records that failed say so. Otherwise terse's own code.
END
}
die() { echo "shard ${shard:-?}: error: $2" >&2; exit "$1"; }

work='' shard=${SLURM_ARRAY_TASK_ID:-} terse=terse
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --work | --shard | --terse)
      [ $# -ge 2 ] || die 2 "$1 needs a value; see --help"
      declare "${1#--}=$2" && shift 2 ;;
    *) die 2 "unknown argument '$1'; see --help" ;;
  esac
done
[[ "$shard" =~ ^[0-9]{1,6}$ ]] || die 2 "--shard is '$shard', expected a number; see --help"
[ -f "$work/plan" ] || die 2 "--work is '$work', expected the directory of a batch"
command -v "$terse" >/dev/null || die 2 "$terse: not found on $(hostname); install it, or name it by --terse"
shard=$(printf %06d "$((10#$shard))")
in=$work/$shard.in.jsonl out=$work/$shard.out.jsonl part=$work/$shard.out.jsonl.part
[ ! -e "$out" ] || exit 0
[ -r "$in" ] || die 4 "$in: cannot be read"
plan_value() { sed -n "s/^$1 //p" "$work/plan"; }
version=$("$terse" --version | sed 's/ (.*//') || die 70 "$terse --version fails on $(hostname)"
[ "$version" = "$(plan_value terse)" ] ||
  die 2 "this is $version on $(hostname), but the batch was begun with $(plan_value terse); all shards need the same"
mapfile -d '' options <"$work/options"

# A process that outlives a killed attempt keeps writing to the unlinked file, not to this attempt's.
rm -f "$part"
# Many processes on a machine: one core for each, unless Slurm gives more. Chance is the same in every shard and attempt.
export TERSE_THREADS=${TERSE_THREADS:-${SLURM_CPUS_PER_TASK:-1}}
TERSE_SEED=$(plan_value seed)
export TERSE_SEED
unset TERSE_OUTPUT TERSE_RESUME TERSE_SHARD TERSE_UNORDERED
code=0
"$terse" summarize --jsonl "${options[@]}" <"$in" >"$part" || code=$?
expected=$(grep -ac '' "$in" || true)
found=$(wc -l <"$part")
[ "$code" -le 1 ] || die "$code" "terse ended with exit code $code after $found of $expected records; run the shard again"
[ "$found" -eq "$expected" ] || die 70 "terse wrote $found lines for $expected records; see $part"

# Lines of failed records count from the shard's first line; in the whole they count from the input's. The message comes
# last in such a line, so that nothing inside a record is taken for it.
awk -v before="$((10#$shard * $(plan_value shard_lines)))" '
  match($0, /"line":[0-9]+,"finish":"error","error":"([^"\\]|\\.)*"[}]$/) {
    start = substr($0, 1, RSTART - 1)
    $0 = substr($0, RSTART)
    line = sprintf("%.0f", substr($0, 8) + before)
    sub(/^"line":[0-9]+/, "\"line\":" line)
    sub(/"error":"stdin: line [0-9]+/, "\"error\":\"stdin: line " line)
    $0 = start $0
  }
  { print }' "$part" >"$part.numbered" || die 74 "$part.numbered: cannot be written"
mv "$part.numbered" "$out" || die 74 "$out: cannot be written"
rm -f "$part"
