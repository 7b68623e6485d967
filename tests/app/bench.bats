# terse bench at the command line.
load helpers

@test "bench measures a model directory, as text and as JSON" {
  observe "'$TERSE' bench --context 16 --tokens 4 --cache bf16 --json"
  [ "$code" -eq 0 ]
  [ -z "$err" ]
  jq -e '.preset == "debian-synopsis" and .cache == "bf16" and .context == 16 and .tokens_per_s > 0' <<<"$out"
  observe "'$TERSE' bench --context 16 --tokens 4 --type f32"
  grep -q '^tokens_per_s  *[1-9]' <<<"$out"
}

@test "bench refuses presets and types that there are not" {
  fails_with 2 "terraformer-c4-medium" "'$TERSE' bench --preset no-such-preset"
  fails_with 2 "--preset" "'$TERSE' bench --preset terraformer-c4-medium --model '$MODEL'"
  fails_with 2 "type" "'$TERSE' bench --type f12"
}
