# Settings from the command line, the environment and files; messages and their colours.
load helpers

setup() { mkdir "$BATS_TEST_TMPDIR/here" && cd "$BATS_TEST_TMPDIR/here"; }

# The value of a setting in effect: setting NAME [ARGUMENTS]
setting() { "$TERSE" summarize --dump-config "${@:2}" | sed -n "s/^$1 = //p"; }

@test "flags win over the environment, the environment over the file, the file over the model" {
  printf 'max-tokens = 3\n' >conf
  echo '{"id": 1, "ids": [300, 301, 302, 303, 304, 305, 1]}' >in
  length() { "$TERSE" summarize --jsonl --min-tokens 1 "$@" <in | jq '.ids | length'; }
  local model; model=$(spoiled_model)
  sed -i 's/"max_new_tokens": 32/"max_new_tokens": 4/' "$model/generation_config.json"
  [ "$(length --model "$model" --min-tokens 4)" = 4 ]
  [ "$(length --model "$model" --config conf --min-tokens 3)" = 3 ]
  [ "$(TERSE_MAX_TOKENS=2 length --model "$model" --config conf --min-tokens 2)" = 2 ]
  [ "$(TERSE_MAX_TOKENS=2 length --model "$model" --config conf -n 1)" = 1 ]
}

@test "every flag with a value or without is a variable, by one rule" {
  [ "$(TERSE_TOP_P=0.5 setting top-p)" = '"0.5"' ]
  [ "$(TERSE_JSONL=1 setting jsonl)" = true ]
  [ -z "$(TERSE_JSONL=no setting jsonl)" ]
  [ -z "$(TERSE_MAX_TOKENS= setting max-tokens)" ]
  [ "$(TERSE_STOP='a, b' setting stop)" = '"a, b"' ]
  [ "$(TERSE_STOP=a setting stop --stop b --stop c)" = '["b", "c"]' ]
  fails_with 2 'TERSE_MAX_TOKENS' "TERSE_MAX_TOKENS=-1 '$TERSE' summarize '$SAMPLE'"
  fails_with 2 'TERSE_JSONL' "TERSE_JSONL=perhaps '$TERSE' summarize '$SAMPLE'"
}

@test "the configuration file: sections, comments, lists, strings" {
  cat >conf <<'TOML'
# for all commands
threads = 2   # a comment
stop = ["x, y", "# z"]
[summarize]
threads = 1
top-p = 0.5
[model.info]
json = true
TOML
  [ "$(setting threads --config conf)" = '"1"' ]
  [ "$(setting stop --config conf)" = '["x, y", "# z"]' ]
  [ "$(TERSE_CONFIG=conf setting top-p)" = '"0.5"' ]
  "$TERSE" model info --config conf | jq -e .parameters
}

@test "a configuration file with a mistake is refused, with its line" {
  unset TERSE_MODEL # the environment would win over the file's model
  while IFS='|' read -r text message; do
    printf "threads = 1\n$text\n" >conf
    fails_with 2 'conf' "'$TERSE' summarize --config conf '$SAMPLE'"
    [[ "$err" == *"$message"* ]]
  done <<'EOF'
no-such-setting = 1|line 2: there is no setting
[no-such-command]\na = 1|there is no command
top-p|line 2: expected
top-p =|line 2
top-p = 2|line 2
jsonl = 7|line 2
model = ""|line 2
stop = [1, [2]]|line 2
model = "open|line 2
config = "x"|there is no setting
EOF
  fails_with 4 absent "'$TERSE' summarize --config absent '$SAMPLE'"
}

@test "what --dump-config prints is a configuration file with the same effect" {
  "$TERSE" summarize --dump-config --stop 'a "b" # c' --top-p 0.5 --jsonl >conf
  "$TERSE" summarize --dump-config --config conf >again
  diff conf again
}

@test "hostile values: exit 2 and one sentence" {
  for flag in --max-tokens --threads --top-k --no-repeat-ngram --min-tokens --beam --n-best --seed --parallel; do
    for value in -1 nan 1e308 1.5 '""' 99999999999999999999 0x10 '" 1"'; do
      fails_with 2 "${flag#--}" "'$TERSE' summarize $flag $value '$SAMPLE'"
    done
  done
  for flag in --temperature --top-p --min-p --repetition-penalty; do
    for value in -1 nan inf 1e308 '""' 1x; do
      fails_with 2 "${flag#--}" "'$TERSE' summarize $flag $value '$SAMPLE'"
    done
  done
  for arguments in "--length-penalty nan" "--early-stopping often" "--long cut" "--color red" "--shard 0/2 --lines" \
    "--shard 3/2 --lines" "--shard 1 --lines" "--shard 1/0 --lines" "--isa none" "--stop ''" "--quiet --verbose" \
    "--n-best 2" "--n-best 3 --beam 2" "--beam 2 --temperature 1" "--jsonl --lines" "--resume x" "--keep-fields" \
    "--unordered" "--logprobs" "--shard 1/2" "--min-tokens 9 --max-tokens 8" "--beam 2 --stop a" \
    "--resume x --output y --jsonl" "--retry-errors --jsonl"; do
    observe "'$TERSE' summarize $arguments </dev/null"
    [ "$code" -eq 2 ] || { echo "$arguments: exit code $code: $err"; return 1; }
    [ -z "$out" ]
    [ "$(wc -l <<<"$err")" -eq 1 ]
  done
}

@test "a number means the same with leading zeros; a flag given twice counts the last time" {
  [ "$(setting max-tokens --max-tokens 010)" = '"10"' ]
  [ "$(setting threads --threads 1 --threads 2)" = '"2"' ]
}

@test "--quiet leaves errors only, --verbose tells more, both on stderr" {
  observe "printf 'A \377 tool' | '$TERSE' summarize --quiet"
  [ "$code" -eq 0 ]
  [ -z "$err" ]
  [ -n "$out" ]
  observe "'$TERSE' summarize --quiet absent.txt"
  [ "$code" -eq 4 ]
  [[ "$err" == *absent.txt* ]]
  observe "'$TERSE' summarize --verbose '$SAMPLE'"
  [[ "$err" == *"opened"* ]]
  [ "$(wc -l <<<"$out")" -eq 1 ]
}

@test "a flag that has no effect is told" {
  observe "'$TERSE' summarize --top-p 0.5 '$SAMPLE'"
  [ "$code" -eq 0 ]
  [[ "$err" == *"no effect without --temperature"* ]]
  observe "'$TERSE' summarize --length-penalty 2 '$SAMPLE'"
  [[ "$err" == *"no effect without --beam"* ]]
}

@test "every instruction set that there is can be chosen, by flag or variable" {
  observe "'$TERSE' summarize --isa none '$SAMPLE'"
  local first; first=$("$TERSE" summarize "$SAMPLE")
  for isa in $(sed 's/.*one of: //; s/,//g' <<<"$err"); do
    [ "$("$TERSE" summarize --isa "$isa" "$SAMPLE")" = "$first" ]
    [ "$(TERSE_ISA=$isa "$TERSE" summarize "$SAMPLE")" = "$first" ]
  done
}

@test "colours only where they are wanted" {
  observe "'$TERSE' summarize absent"
  [[ "$err" != *$'\e'* ]]
  observe "'$TERSE' summarize --color always absent"
  [[ "$err" == *$'\e'* ]]
  command -v tmux >/dev/null || skip "tmux is not installed"
  # In a terminal: coloured, unless NO_COLOR, a dumb terminal or --color says otherwise.
  in_terminal "'$TERSE' summarize absent"
  grep -q $'\e' log
  for command in "NO_COLOR=1 '$TERSE' summarize absent" "TERM=dumb '$TERSE' summarize absent" \
    "'$TERSE' summarize --color never absent"; do
    in_terminal "$command"
    grep -q absent log
    refute grep -q $'\e' log
  done
}
