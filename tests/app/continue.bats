# terse continue and terse score with a language model: a golden model with a vocabulary of 62 subtokens.
load helpers

setup() {
  LM="$BATS_TEST_TMPDIR/lm"
  cp -r "$TERSE_GOLDEN/lm_dense/split" "$LM" && chmod -R u+w "$LM"
  printf "'%s'\n" the_ cat_ dog_ runs_ s_ ing_ pack age_ {a..z} _ \\ \; ' ' . {0..9} {a..m}_ >"$LM/vocab.subword"
  local settings
  settings=$(jq '.n_reserved_ids = 2' "$LM/generation_config.json")
  echo "$settings" >"$LM/generation_config.json"
}

@test "a prompt as an option, in a file and on stdin gives the same line, without the prompt" {
  observe "'$TERSE' continue -m '$LM' -n 12 -p 'the cat'"
  [ "$code" -eq 0 ]
  [ -z "$err" ]
  [[ "$out" == " "* ]]
  [[ "$out" != *"the cat"* ]]
  local line=$out
  echo 'the cat' >"$BATS_TEST_TMPDIR/prompt"
  observe "'$TERSE' continue -m '$LM' -n 12 '$BATS_TEST_TMPDIR/prompt'"
  [ "$out" = "$line" ]
  observe "'$TERSE' continue -m '$LM' -n 12 < '$BATS_TEST_TMPDIR/prompt'"
  [ "$out" = "$line" ]
}

@test "an empty prompt starts from the start symbol" {
  observe "'$TERSE' continue -m '$LM' -n 12 -p ''"
  [ "$code" -eq 0 ]
  [ -n "$out" ]
  [ "$out" = "$(echo '{"ids": []}' | "$TERSE" continue -m "$LM" -n 12 --jsonl | jq -r .continuation)" ]
}

@test "records take text or ids, and one that fails costs only its own" {
  observe "printf '%s\n' '{\"id\":\"a\",\"text\":\"the cat\"}' '{\"ids\":[2,3]}' '{\"ids\":[99]}' '{\"id\":4}' | '$TERSE' continue -m '$LM' -n 9 --jsonl"
  [ "$code" -eq 1 ]
  [ "$(jq -c '[.id, .finish, (.ids | length)]' <<<"$out" | tr -d '\n')" = \
    '["a","length",9][2,"length",9][3,"error",0][4,"error",0]' ]
  [ "$(jq -r '.continuation' <<<"$out" | head -n 2 | uniq | wc -l)" -eq 1 ]
}

@test "without a tokenizer ids still work, and a text is refused" {
  rm "$LM/vocab.subword"
  observe "echo '{\"ids\": [5]}' | '$TERSE' continue -m '$LM' -n 3 --jsonl"
  [ "$code" -eq 0 ]
  [ "$(jq -c keys <<<"$out")" = '["finish","id","ids"]' ]
  fails_with 4 "no tokenizer" "'$TERSE' continue -m '$LM' -p a"
}

@test "each command sends the other's models away" {
  fails_with 2 "terse summarize" "'$TERSE' continue -m '$MODEL' -p a"
  fails_with 2 "terse continue" "'$TERSE' summarize -m '$LM' '$SAMPLE'"
}

@test "a prompt beside records or files is an error" {
  fails_with 2 "--prompt" "'$TERSE' continue -m '$LM' --jsonl -p a </dev/null"
  fails_with 2 "--prompt" "'$TERSE' continue -m '$LM' -p a '$SAMPLE'"
}

@test "score takes records without a source, and refuses one with a source" {
  observe "printf '%s\n' '{\"target\":\"the cat\"}' '{\"target_ids\":[2,3,1]}' '{\"source\":\"a\",\"target\":\"b\"}' | '$TERSE' score --jsonl -m '$LM'"
  [ "$code" -eq 1 ]
  [ "$(jq -c .logprobs <<<"$out" | head -n 2 | uniq | wc -l)" -eq 1 ]
  [[ "$(tail -n 1 <<<"$out")" == *"takes no source"* ]]
}
