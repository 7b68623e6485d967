# terse bench at the command line.
load helpers

setup() {
  cd "$BATS_TEST_TMPDIR"
  unset TERSE_MODEL # a preset stands beside no model
}

# bench ARGUMENTS: one small run, as JSON.
bench() { "$TERSE" bench --model "$MODEL" --context 16 --tokens 4 --repeat 2 --json "$@"; }

@test "bench measures a model directory, as text and as JSON" {
  observe "'$TERSE' bench --model '$MODEL' --context 16 --tokens 4 --cache bf16 --json"
  [ "$code" -eq 0 ]
  jq -e '.preset == "debian-synopsis" and .cache == "bf16" and .context == 16 and .tokens_per_s > 0' <<<"$out"
  observe "'$TERSE' bench --model '$MODEL' --context 16 --tokens 4 --repeat 1"
  grep -q '^tokens_per_s  *[1-9]' <<<"$out"
  grep -qE '^ms_per_token  *median [0-9.]+, min [0-9.]+, max [0-9.]+$' <<<"$out"
}

@test "bench reports what scripts rely on" {
  bench --threads 1 >json
  for key in preset type cache threads context params_held params_touched bytes_per_token ms_per_token tokens_per_s gb_per_s \
    bandwidth_gb_per_s limit_ms share_of_limit prefill_tokens_per_s; do
    jq -e "has(\"$key\")" json
  done
  jq -e '.ms_per_token | .min <= .median and .median <= .max and .min > 0' json
  jq -e '.type == "f32" and .threads == 1 and .tokens == 4 and .repeat == 2' json
}

@test "the figures of bench agree with each other" {
  bench >json
  near() { jq -e "(($1) / ($2)) | . > 0.999 and . < 1.001" json; }
  near '.tokens_per_s' '1000 / .ms_per_token.median'
  near '.bytes_per_token' '.bytes_in_order + .bytes_scattered'
  near '.gb_per_s' '.bytes_per_token / .ms_per_token.median / 1e6'
  near '.limit_in_order_ms' '.bytes_in_order / .bandwidth_gb_per_s / 1e6'
  near '.limit_scattered_ms' '.bytes_scattered / .scattered_gb_per_s / 1e6'
  near '.limit_ms' '.limit_in_order_ms + .limit_scattered_ms'
  near '.share_of_limit' '.limit_ms / .ms_per_token.median'
  near '.prefill_tokens_per_s' '.context / .prefill_s'
  jq -e '.params_held > .params_touched and .weight_bytes > .bytes_in_order - .bytes_of_cache' json
}

@test "a longer context and a wider cache make a token read more" {
  short=$(bench | jq .bytes_of_cache)
  long=$("$TERSE" bench --model "$MODEL" --context 64 --tokens 4 --repeat 1 --json | jq .bytes_of_cache)
  half=$(bench --cache bf16 | jq .bytes_of_cache)
  [ "$long" -gt "$short" ]
  [ "$half" -lt "$short" ]
}

@test "bench makes up the weights of a preset" {
  "$TERSE" bench --preset terraformer-c4-medium --type int4 --context 4 --tokens 2 --repeat 1 --json >json
  jq -e '.preset == "terraformer-c4-medium" and .type == "int4" and .params_held == 858034432' json
  # 34.9 M in order and 4.7 M scattered.
  jq -e '.params_touched == 39628032 and .params_scattered == 4718592' json
}

@test "bench refuses presets and types that there are not" {
  fails_with 2 "TERSE_MODEL" "TERSE_MODEL='$MODEL' '$TERSE' bench --preset terraformer-c4-medium"
  fails_with 2 "terraformer-c4-medium" "'$TERSE' bench --preset no-such-preset"
  fails_with 2 "--preset" "'$TERSE' bench --preset terraformer-c4-medium --model '$MODEL'"
  fails_with 2 "type" "'$TERSE' bench --type f12"
}

@test "a preset that does not fit into memory is an error, not a crash" {
  [ "$(awk '/MemAvailable/ { print $2 }' /proc/meminfo)" -lt 61000000 ] || skip "this machine has the memory"
  fails_with 3 "scaling-17b-dense at f32" "'$TERSE' bench --preset scaling-17b-dense"
}

@test "the paper's table and figure come out of what was measured" {
  local bin="$BATS_TEST_TMPDIR/terse"
  # A program that measures nothing: what it prints is what the scripts get.
  cat >"$bin" <<'SH'
#!/usr/bin/env bash
while [ $# -gt 0 ]; do case "$1" in --preset) preset=$2 ;; --type) type=$2 ;; esac; shift; done
[ "$preset" != scaling-17b-qkv ] || exit 3
[[ $preset == *dense ]] && ms=100 || ms=20
bandwidth=30
# A row beside which the memory was faster is measured again.
if [ "$preset" = scaling-800m-ff ] && mkdir "$0.seen" 2>/dev/null; then ms=1 bandwidth=60; fi
# Where it is never the same, the nearest counts.
if [ "$preset" = scaling-800m-qkv ]; then
  bandwidth=60
  if ! mkdir "$0.again" 2>/dev/null && mkdir "$0.third" 2>/dev/null; then ms=25 bandwidth=40; fi
fi
echo '{"preset":"'$preset'","type":"'$type'","threads":2,"context":128,"tokens":4,"repeat":5,"params_held":8e8,"params_touched":4e7,
"ms_per_token":{"median":'$ms'},"limit_ms":10,"share_of_limit":0.5,"bandwidth_gb_per_s":'$bandwidth'}' | tr -d '\n'
echo
SH
  chmod +x "$bin"
  observe "'$TERSE_ROOT/scripts/bench_paper.sh' --terse '$bin' --types f32 --out '$BATS_TEST_TMPDIR/paper'"
  [ "$code" -eq 0 ]
  grep -qE '^\| 800 M \| \+ FF \+ QKV \| f32 .*\| 20 \| 5x \|.*\| 30 \| 61 \| 2.62x \|$' <<<"$out"
  grep -qE '^\| 800 M \| \+ sparse FF \| f32 .*\| 20 \| 5x \|.*\| 30 \|' <<<"$out"
  grep -qE '^\| 800 M \| \+ sparse QKV \| f32 .*\| 25 \| 4x \|.*\| 40 \|' <<<"$out"
  grep -qE '^\| 17 B \| \+ sparse QKV \| int8 \| does not fit' <<<"$out"
  [ "$(grep -c '^| ' <<<"$out")" -eq 11 ]
  /usr/bin/python3 -c 'import matplotlib' || skip "no matplotlib"
  grep -q '<svg' "$BATS_TEST_TMPDIR/paper/figure.svg"
}
