# terse model, help and version.
load helpers

@test "model info tells the architecture, the sizes and the tensors" {
  observe "'$TERSE' model info '$MODEL'"
  [ "$code" -eq 0 ]
  [ -z "$err" ]
  grep -q '^model *ConfigurableTerraformer$' <<<"$out"
  grep -q '^parameters *62[0-9]*$' <<<"$out"
  grep -q 'decoder.layers.1.feed_forward.units *f32 *64x16x2x256' <<<"$out"
}

@test "help and version go to stdout, with exit 0" {
  for arguments in --help "summarize --help" "score --help" "model info --help" --version; do
    observe "'$TERSE' $arguments"
    [ "$code" -eq 0 ]
    [ -n "$out" ]
    [ -z "$err" ]
  done
  [[ "$out" == "terse "[0-9]*"Release"*"SentencePiece 0."* || "$TERSE" != */release/* ]]
  diff <("$TERSE" help model info) <("$TERSE" model info --help)
  diff <("$TERSE" help) <("$TERSE" --help)
  for arguments in --help "help score" --version; do
    observe "'$TERSE' $arguments >/dev/full"
    [ "$code" -eq 74 ]
  done
}

@test "a missing and an unknown command: exit 2, and which ones there are" {
  fails_with 2 "a command is missing; there are summarize, continue, score, bench, model;" "'$TERSE'"
  fails_with 2 "no command 'sumarize'" "'$TERSE' sumarize --quiet"
  fails_with 2 "a command is missing; there are info" "'$TERSE' model"
  fails_with 2 "no command 'model inf'; there are info" "'$TERSE' model inf"
  fails_with 2 "--max-token; see 'terse summarize --help'" "'$TERSE' summarize --max-token 3"
}

@test "model info --json tells the same to programs" {
  "$TERSE" model info --json | jq -e '.model == "ConfigurableTerraformer" and .parameters > 6e6
    and (.parameters_by_type | add) == .parameters and .parameters_touched < .parameters / 2
    and .bytes_per_token < .bytes / 2
    and (.tensors | length) > 100 and (.metadata.data_sha256 | length) == 64 and .args.d_model == 256'
  diff <("$TERSE" model info --json "$MODEL") <("$TERSE" model info --json --model "$MODEL")
}

@test "model check: a sound model, and one with values that are not finite" {
  observe "'$TERSE' model check '$MODEL'"
  [ "$code" -eq 0 ]
  [ -z "$err" ]
  [[ "$out" == *"all values finite"* ]]
  local model; model=$(poisoned_model)
  fails_with 3 '1 NaN, 1 infinite, the first at element 17' "'$TERSE' model check '$model'"
  printf '\1' | dd of="$model/model.safetensors" bs=1 seek=9000000 conv=notrunc status=none
  fails_with 3 'SHA-256' "'$TERSE' model check '$model'"
  fails_with 3 'absent' "'$TERSE' model check ./absent"
}
