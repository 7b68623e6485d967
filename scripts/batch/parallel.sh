#!/usr/bin/env bash
# A batch of records under GNU parallel, on this machine or on several: plan, run the shards that are missing, merge.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

usage() {
  cat <<'END'
Usage: parallel.sh --input FILE --output FILE [OPTIONS] [-- OPTIONS OF terse summarize]
  --input FILE       JSON lines, one record each
  --output FILE      results, one line each and in the input's order; written when all are there
  --work DIR         shards and logs (default: the output's name with .batch); a second call goes on from there
  --shard-lines N    records in a shard (default: 1000)
  --jobs N           shards at a time on each machine (default: one for each core)
  --retries N        attempts at a shard within one call (default: 1)
  --sshlogin LIST    machines, as GNU parallel takes them (8/host1,host2; may be repeated); they need no shared disk
  --terse PROGRAM    terse, here and on those machines (default: found on the PATH)
Exit codes: 0 all well, 1 some records failed (their lines say why), 2 usage, 75 some shards are not finished
(call again), others: see README.md. A second call runs only the shards that are not finished.
Example:
  parallel.sh --input in.jsonl --output out.jsonl -- --max-tokens 64
END
}
die() { echo "parallel: error: $2" >&2; exit "$1"; }

input='' output='' work='' shard_lines=1000 jobs=100% retries=1 terse=terse logins=()
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --input | --output | --work | --shard-lines | --jobs | --retries | --terse | --sshlogin)
      [ $# -ge 2 ] || die 2 "$1 needs a value; see --help"
      name=${1#--}
      if [ "$name" = sshlogin ]; then logins+=(--sshlogin "$2"); else declare "${name/-/_}=$2"; fi
      shift 2 ;;
    --) break ;;
    *) die 2 "unknown argument '$1'; options of terse go after --; see --help" ;;
  esac
done
[ -n "$output" ] || die 2 "--output is missing; see --help"
work=${work:-$output.batch}
[[ "$jobs" =~ ^[1-9][0-9]{0,3}%?$ ]] || die 2 "--jobs is '$jobs', expected a number from 1 to 9999"
[[ "$retries" =~ ^[1-9][0-9]?$ ]] || die 2 "--retries is '$retries', expected a number from 1 to 99"
parallel --version 2>/dev/null | grep -q '^GNU parallel' ||
  die 2 "GNU parallel: not found (the program of that name in moreutils is another one); install the package parallel"

"$here/plan.sh" --input "$input" --work "$work" --shard-lines "$shard_lines" --terse "$terse" "$@"
work=$(cd "$work" && pwd)
[[ "$output" == /* ]] || output=$PWD/$output
[[ "$terse" != */* ]] || terse=$(cd "$(dirname "$terse")" && pwd)/$(basename "$terse")
exec 9>"$work/lock"
flock -n 9 || die 75 "$work: another call works on this batch; wait for it, or end it"

# The log of jobs tells --resume-failed what is done. A shard whose output was deleted is not.
n_shards=$(sed -n 's/^shards //p' "$work/plan")
if [ -e "$work/joblog" ]; then
  awk -F '\t' -v dir="$work" 'NR == 1 || (getline line < sprintf("%s/%06d.out.jsonl", dir, $1 - 1)) > 0' \
    "$work/joblog" >"$work/joblog.new"
  mv "$work/joblog.new" "$work/joblog"
fi
for ((i = 0; i < n_shards; ++i)); do printf '%06d\n' "$i"; done >"$work/shards"

arguments=(--quote --keep-order --jobs "$jobs" --retries "$retries" --joblog "$work/joblog" --resume-failed
  --arg-file "$work/shards")
[ ! -t 2 ] || arguments+=(--bar)
job=("$here/run_shard.sh" --work "$work" --shard '{}' --terse "$terse")
if [ ${#logins[@]} -gt 0 ]; then
  # On another machine a job gets a directory of its own and in it all that it needs; what comes back is complete.
  # On this one (":") nothing is copied.
  cd "$work"
  arguments+=("${logins[@]}" --workdir ... --cleanup --transferfile "$here/./run_shard.sh" --transferfile plan
    --transferfile options --transferfile '{}.in.jsonl' --return '{}.out.jsonl')
  # shellcheck disable=SC2016 # expanded where the job runs
  job=(bash -c 'if [ -e run_shard.sh ]; then exec ./run_shard.sh --work . "${@:3}"; else exec "$1" --work "$2" "${@:3}"; fi'
    job "$here/run_shard.sh" "$work" --shard '{}' --terse "$terse")
fi

# Jobs run in bash wherever they go: otherwise GNU parallel takes SHELL on the other machine, and where that is not
# set (a container, say) it runs nothing and says nothing.
export PARALLEL_SHELL=/bin/bash
# In the background, so that a signal is answered at once. Shards that were running are begun anew by the next call.
parallel "${arguments[@]}" "${job[@]}" </dev/null &
runner=$!
stop() {
  trap '' INT TERM
  kill -INT "$runner" 2>/dev/null || true
  wait "$runner" || true
  echo "parallel: stopped; the same command goes on from here" >&2
  exit "$1"
}
trap 'stop 130' INT
trap 'stop 143' TERM
wait "$runner" || true
trap - INT TERM
# What a shard wrote to stderr is above; where it ran and how it ended, only the log of jobs knows.
[ ! -e "$work/joblog" ] || awk -F '\t' -v dir="$work" '
  NR > 1 && (getline line < sprintf("%s/%06d.out.jsonl", dir, $1 - 1)) < 0 {
    where = $2 == ":" ? "this machine" : $2
    how = $8 ? "signal " $8 : $7 ? "exit code " $7 : "exit code 0, but its result did not come back"
    print "parallel: error: shard " $1 - 1 " failed on " where ": " how
  }' "$work/joblog" >&2
"$here/merge.sh" --work "$work" --output "$output"
