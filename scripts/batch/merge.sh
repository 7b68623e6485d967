#!/usr/bin/env bash
# Joins the shards of a batch, in order, after checking that each record has exactly one result.
set -euo pipefail
export LC_ALL=C

usage() {
  cat <<'END'
Usage: merge.sh --work DIR --output FILE
Exit codes: 0 all well, 1 some records failed (their lines say why), 65 records are missing or doubled,
75 some shards are not finished, 74 FILE cannot be written. FILE is replaced only when all records are there.
END
}
die() { echo "merge: error: $2" >&2; exit "$1"; }

work='' output=''
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --work | --output)
      [ $# -ge 2 ] || die 2 "$1 needs a value; see --help"
      declare "${1#--}=$2" && shift 2 ;;
    *) die 2 "unknown argument '$1'; see --help" ;;
  esac
done
[ -n "$output" ] || die 2 "--output is missing; see --help"
[ -f "$work/plan" ] || die 2 "--work is '$work', expected the directory of a batch"
command -v jq >/dev/null || die 2 "jq: not found; install it"
plan_value() { sed -n "s/^$1 //p" "$work/plan"; }
n_records=$(plan_value records)
n_shards=$(plan_value shards)

ins=() outs=() unfinished=()
for ((i = 0; i < n_shards; ++i)); do
  name=$work/$(printf %06d "$i")
  ins+=("$name.in.jsonl") outs+=("$name.out.jsonl")
  [ -r "$name.in.jsonl" ] || die 4 "$name.in.jsonl: cannot be read; the batch is damaged"
  [ -e "$name.out.jsonl" ] || unfinished+=("$i")
done
[ ${#unfinished[@]} -eq 0 ] ||
  die 75 "${#unfinished[@]} of $n_shards shards are not finished (${unfinished[*]}); run the same command again"

temporary=$(mktemp -d)
new=$output.new.$$
trap 'rm -rf "$temporary" "$new"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# One id a line, as JSON; "any" where a failed record's id could not be read.
input_ids() { jq -nRc 'inputs | try fromjson catch null | if type == "object" then .id else null end' "$@"; }
output_ids() {
  jq -nRr 'inputs | try fromjson catch {"id": "no JSON"}
    | if .id == null and .finish == "error" then "any" else .id | tojson end' "$@"
}
for ((i = 0; i < n_shards; ++i)); do
  expected=$(grep -ac '' "${ins[i]}" || true)
  found=$(grep -ac '' "${outs[i]}" || true)
  if [ "$expected" -ne "$found" ]; then
    echo "merge: error: shard $i has $expected records and $found results: delete ${outs[i]} and run the same command again" >&2
    damaged=yes
  fi
done
input_ids "${ins[@]}" </dev/null >"$temporary/in"
output_ids "${outs[@]}" </dev/null >"$temporary/out"
if [ -z "${damaged:-}" ] && ! paste "$temporary/in" "$temporary/out" |
  awk -F '\t' -v shard_lines="$(plan_value shard_lines)" '
    $1 != $2 && $2 != "any" {
      print "merge: error: record " NR " (shard " int((NR - 1) / shard_lines) ") has the id " $1 ", its result " $2
      if (++n == 5) exit
    }
    END { exit n > 0 }' >&2; then
  damaged=yes
fi
if [ -n "${damaged:-}" ]; then
  names() { head -n 5 "$1" | paste -sd ' '; }
  sort "$temporary/in" >"$temporary/in.sorted"
  sort "$temporary/out" | grep -vx any >"$temporary/out.sorted" || true
  comm -23 "$temporary/in.sorted" "$temporary/out.sorted" >"$temporary/missing"
  comm -13 "$temporary/in.sorted" "$temporary/out.sorted" >"$temporary/doubled"
  [ ! -s "$temporary/missing" ] || echo "merge: error: missing: $(names "$temporary/missing")" >&2
  [ ! -s "$temporary/doubled" ] || echo "merge: error: doubled or unknown: $(names "$temporary/doubled")" >&2
  die 65 "$output is not written: the results are not one for each of $n_records records"
fi

cat "${outs[@]}" </dev/null >"$new" || die 74 "$new: cannot be written"
mv -T "$new" "$output" || die 74 "$output: cannot be written"
n_failed=$(jq -nr 'reduce (inputs | select(.finish == "error")) as $_ (0; . + 1)' "$output")
[ "$n_failed" -eq 0 ] || die 1 "$n_failed of $n_records records failed; their lines in $output say why"
echo "merge: $n_records records in $output" >&2
