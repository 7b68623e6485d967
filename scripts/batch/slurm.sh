#!/usr/bin/env bash
# A batch of records as a Slurm job array and a merge job that waits for it; the work directory is on a shared disk.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

usage() {
  cat <<'END'
Usage: slurm.sh --input FILE --output FILE [OPTIONS] [-- OPTIONS OF terse summarize]
  --input FILE       JSON lines, one record each
  --output FILE      results, one line each and in the input's order; written when all are there
  --work DIR         shards and logs (default: the output's name with .batch), on a disk that all nodes share;
                     a second call goes on from there
  --shard-lines N    records in a shard (default: 1000)
  --running N        tasks of the array that run at a time (default: what the cluster gives)
  --sbatch OPTION    an option for sbatch, for the array and the merge (may be repeated): --sbatch --partition=cpu
  --terse PROGRAM    terse on the nodes and here (default: found on the PATH)
  --wait             return when the merge has ended, with its exit code
Exit codes: 0 submitted (with --wait: all well), 1 some records failed, 2 usage, 75 some shards are not finished
(call again) or still run, others: see README.md. A second call submits only the shards that are not finished.
Example:
  slurm.sh --input in.jsonl --output out.jsonl --sbatch --time=04:00:00 -- --max-tokens 64
END
}
die() { echo "slurm: error: $2" >&2; exit "$1"; }

input='' output='' work='' shard_lines=1000 running='' terse=terse sbatch_options=() wait_for_merge=()
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --wait) wait_for_merge=(--wait); shift ;;
    --input | --output | --work | --shard-lines | --running | --terse | --sbatch)
      [ $# -ge 2 ] || die 2 "$1 needs a value; see --help"
      name=${1#--}
      if [ "$name" = sbatch ]; then sbatch_options+=("$2"); else declare "${name/-/_}=$2"; fi
      shift 2 ;;
    --) break ;;
    *) die 2 "unknown argument '$1'; options of terse go after --; see --help" ;;
  esac
done
[ -n "$output" ] || die 2 "--output is missing; see --help"
work=${work:-$output.batch}
[[ "$running" =~ ^([1-9][0-9]{0,5})?$ ]] || die 2 "--running is '$running', expected a number from 1 to 999999"
command -v sbatch >/dev/null || die 2 "sbatch: not found; call this where Slurm's commands are installed"

"$here/plan.sh" --input "$input" --work "$work" --shard-lines "$shard_lines" --terse "$terse" "$@"
work=$(cd "$work" && pwd)
[[ "$terse" != */* ]] || terse=$(cd "$(dirname "$terse")" && pwd)/$(basename "$terse")
[[ "$output" == /* ]] || output=$PWD/$output

exec 9>"$work/lock"
flock -n 9 || die 75 "$work: another call submits this batch; wait for it"
for job in $(cat "$work/array.job" "$work/merge.job" 2>/dev/null || true); do
  [ -z "$(squeue --noheader --format=%i --jobs "$job" 2>/dev/null || true)" ] ||
    die 75 "$work: job $job of this batch has not ended; wait for it, or scancel $job"
done

n_shards=$(sed -n 's/^shards //p' "$work/plan")
unfinished=()
for ((i = 0; i < n_shards; ++i)); do
  [ -e "$(printf '%s/%06d.out.jsonl' "$work" "$i")" ] || unfinished+=("$i")
done
limit=$(scontrol show config | sed -n 's/^MaxArraySize *= //p')
[ "$n_shards" -le "${limit:-1001}" ] ||
  die 2 "$n_shards shards, but this cluster's arrays hold $limit;\
 take --shard-lines above $shard_lines and another --work directory"

submit() { sbatch --parsable "${sbatch_options[@]}" "$@" | sed 's/;.*//'; }
dependency=()
if [ ${#unfinished[@]} -gt 0 ]; then
  list=$(IFS=, && echo "${unfinished[*]}")
  submit --job-name=terse --array="$list${running:+%$running}" --output="$work/logs/shard-%a.log" \
    "$here/run_shard.sh" --work "$work" --terse "$terse" >"$work/array.job" ||
    die 75 "sbatch refused the array; its message is above"
  array=$(cat "$work/array.job")
  dependency=(--dependency="afterany:$array")
  echo "slurm: array $array runs ${#unfinished[@]} of $n_shards shards; logs in $work/logs" >&2
fi
# afterany: the merge also tells which shards are not finished.
code=0
submit --job-name=terse-merge "${dependency[@]}" "${wait_for_merge[@]}" --output="$work/logs/merge.log" \
  "$here/merge.sh" --work "$work" --output "$output" >"$work/merge.job" || code=$?
[ -s "$work/merge.job" ] || die 75 "sbatch refused the merge; its message is above"
echo "slurm: merge $(cat "$work/merge.job") writes $output" >&2
[ ${#wait_for_merge[@]} -eq 0 ] || cat "$work/logs/merge.log" >&2
exit "$code"
