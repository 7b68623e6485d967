#!/usr/bin/env bash
# Splits JSON lines into shards, once: a second call with the same input and options changes nothing.
# Leaves in the work directory NNNNNN.in.jsonl (the shards), options (of terse, ended by NUL) and plan (name value a line).
set -euo pipefail
export LC_ALL=C

usage() {
  cat <<'END'
Usage: plan.sh --input FILE --work DIR [--shard-lines N] [--terse PROGRAM] [-- OPTIONS]
Splits FILE into shards of N lines (default: 1000) in DIR. OPTIONS are those of terse summarize.
END
}
die() { echo "plan: error: $2" >&2; exit "$1"; }

input='' work='' shard_lines='' terse=terse
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --input | --work | --shard-lines | --terse)
      [ $# -ge 2 ] || die 2 "$1 needs a value; see --help"
      name=${1#--} && declare "${name/-/_}=$2" && shift 2 ;;
    --) shift; break ;;
    *) die 2 "unknown argument '$1'; options of terse go after --; see --help" ;;
  esac
done
options=("$@")
for option in "${options[@]}"; do
  case "$option" in
    --jsonl | --lines | --output* | -o | --resume* | --shard* | --unordered)
      die 2 "${option%%=*} cannot go to terse: a batch sees to its input and output itself" ;;
  esac
done
unset TERSE_OUTPUT TERSE_RESUME TERSE_SHARD TERSE_UNORDERED
[ -n "$input" ] || die 2 "--input is missing; see --help"
[ -n "$work" ] || die 2 "--work is missing; see --help"
[[ "${shard_lines:=1000}" =~ ^[1-9][0-9]{0,8}$ ]] ||
  die 2 "--shard-lines is '$shard_lines', expected a number from 1 to 999999999"
if [ ! -f "$input" ] || [ ! -r "$input" ]; then
  die 4 "$input: cannot be read as a file; a batch needs one that stays as it is"
fi
for tool in jq split sha256sum "$terse"; do
  command -v "$tool" >/dev/null || die 2 "$tool: not found; install it, or name terse by --terse"
done

list_options() { [ ${#options[@]} -eq 0 ] || printf '%s\0' "${options[@]}"; }
options_hash=$(list_options | sha256sum | cut -d ' ' -f 1)
input_hash=$(sha256sum <"$input" | cut -d ' ' -f 1)
plan_value() { sed -n "s/^$1 //p" "$work/plan"; }
same() {
  [ "$(plan_value "$1")" = "$2" ] || die 2 "$work: holds a batch with another $3; finish it, or choose another --work directory"
}
if [ -e "$work/plan" ]; then
  same input_sha256 "$input_hash" "input"
  same options_sha256 "$options_hash" "set of options for terse"
  same shard_lines "$shard_lines" "--shard-lines ($(plan_value shard_lines))"
  exit 0
fi
[ ! -e "$work" ] || die 2 "$work: exists and holds no batch; choose another --work directory"

# Wrong options or a missing model shall fail here, not in every shard.
"$terse" summarize --jsonl "${options[@]}" </dev/null >/dev/null ||
  die $? "terse summarize --jsonl refuses these options: ${options[*]}"

new=$work.new.$$
trap 'rm -rf "$new"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$new" || die 74 "$new: cannot be made"
n_records=$(grep -ac '' "$input" || true)

# A record without an id, or with null for one, is known by its line; in a shard that would be another line. So it gets the id here, as text and
# at its end: nothing else of the record is rewritten or moves.
jq -nR 'foreach inputs as $line (0; . + 1; ($line | try fromjson catch null) as $record
  | if ($record | type) != "object" or $record.id != null then empty
    elif $record == {} then "\(.)" else "\(.) ," end)' -r "$input" >"$new/nameless"
if [ -s "$new/nameless" ]; then
  awk 'NR == FNR { before[$1] = $2; next }
    FNR in before { sub(/[}][ \t\r]*$/, before[FNR] "\"id\":" FNR "}") } { print }' "$new/nameless" "$input"
else
  cat "$input"
fi | split -d -a 6 -l "$shard_lines" --additional-suffix=.in.jsonl - "$new/" || die 74 "$new: cannot be written"
rm "$new/nameless"

list_options >"$new/options"
cat >"$new/plan" <<END
terse $("$terse" --version | sed 's/ (.*//')
input_sha256 $input_hash
options_sha256 $options_hash
records $n_records
shard_lines $shard_lines
seed ${TERSE_SEED:-$((RANDOM << 15 | RANDOM))}
shards $(((n_records + shard_lines - 1) / shard_lines))
END
mkdir "$new/logs"
mv -T "$new" "$work" || die 74 "$work: cannot be written"
