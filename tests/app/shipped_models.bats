# The models that come with the program: whole, small, and of use without a setting.
load helpers

setup() { unset TERSE_MODEL; }

@test "both shipped models are sound, by name" {
  for name in debian-synopsis debian-lm; do
    observe "'$TERSE' model check $name"
    [ "$code" -eq 0 ] || { echo "$err"; return 1; }
    [[ "$out" == *"SHA-256"*"all values finite"* ]] || { echo "$out"; return 1; }
  done
}

@test "what is shipped stays under 60 MB" {
  [ "$(du -s --block-size=1000000 "$TERSE_ROOT/models" | cut -f1)" -lt 60 ]
}

@test "every shipped model has a card that states its parameters" {
  for name in debian-synopsis debian-lm; do
    parameters=$("$TERSE" model info --json "$name" | jq .parameters)
    grep -q "$(sed -E ':a;s/([0-9])([0-9]{3})($|,)/\1,\2\3/;ta' <<<"$parameters") parameters" "$TERSE_ROOT/models/$name/README.md"
  done
}

@test "the default model summarises a text that it has not seen" {
  observe "'$TERSE' summarize '$SAMPLE'"
  [ "$code" -eq 0 ]
  [[ "$out" == *accounting* ]] || { echo "$out"; return 1; }
}

@test "the shipped language model continues a text, and prefers English to its letters shuffled" {
  observe "'$TERSE' continue -m debian-lm -p 'This package contains the'"
  [ "$code" -eq 0 ]
  [ -n "${out// /}" ]
  printf '%s\n' '{"id":"text","target":"This package contains the development files for the library."}' \
    '{"id":"shuffled","target":"pskhTia cgea niantcos eth etmoelpvdne iefsl ofr het yrbairl."}' >"$BATS_TEST_TMPDIR/in"
  "$TERSE" score --jsonl -m debian-lm <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/scores" || true
  cat "$BATS_TEST_TMPDIR/scores"
  jq -s -e '.[0].nll < .[1].nll' "$BATS_TEST_TMPDIR/scores"
}
