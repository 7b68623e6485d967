# Help, manual page and completions say the same, and what is installed works.
load helpers

mapfile -t COMMANDS < <("$TERSE" generate man | sed 's/\\-/-/g' | sed -n 's/^\.SS terse //p')

help_flags() { "$TERSE" $1 --help | grep -oE '^  (-[a-zA-Z], |    )--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u; }

@test "the manual page, the completions and the help list the same flags" {
  for command in "${COMMANDS[@]}"; do help_flags "$command"; done | sort -u >"$BATS_TEST_TMPDIR/help"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/help")" -gt 35 ]
  [ "${#COMMANDS[@]}" -ge 6 ]
  # Those of the program alone.
  { cat "$BATS_TEST_TMPDIR/help"; echo --version; } | sort -u >"$BATS_TEST_TMPDIR/all"
  "$TERSE" generate man | sed 's/\\-/-/g' | grep -A1 '^\.TP' | grep -oE -- '--[a-z-]+' | sort -u | diff "$BATS_TEST_TMPDIR/help" -
  "$TERSE" generate bash | grep -oE "words='.*'" | grep -oE -- '--[a-z-]+' | sort -u | diff "$BATS_TEST_TMPDIR/all" -
  "$TERSE" generate zsh | grep -oE "^ +('[^']*')?(\{-[^}]*\}|--[a-z-]+)" | grep -oE -- '--[a-z-]+' | sort -u | diff "$BATS_TEST_TMPDIR/all" -
  "$TERSE" generate fish | grep -oE -- ' -l [a-z-]+' | sed 's/ -l /--/' | sort -u | diff "$BATS_TEST_TMPDIR/all" -
}

@test "every flag of the help is used by a test" {
  for command in "${COMMANDS[@]}"; do help_flags "$command"; done | sort -u | while read -r flag; do
    grep -qE -- "(^|[^a-z-])$flag([^a-z-]|\$)" "$TERSE_ROOT"/tests/app/*.bats "$TERSE_ROOT"/tests/batch/* ||
      { echo "$flag"; exit 1; }
  done
}

@test "help fits 80 columns" {
  for command in "" "${COMMANDS[@]}"; do
    "$TERSE" $command --help | awk 'length > 79 { print; exit 1 }'
  done
}

@test "the manual page formats without a complaint" {
  command -v groff >/dev/null || skip "groff is not installed"
  "$TERSE" generate man >"$BATS_TEST_TMPDIR/terse.1"
  observe "groff -man -Tascii -P-c -P-b -P-u -ww -rLL=78n '$BATS_TEST_TMPDIR/terse.1'"
  [ "$code" -eq 0 ]
  [ -z "$err" ]
  [[ "$out" == *"EXIT STATUS"* ]]
}

@test "bash completes commands, flags and words" {
  "$TERSE" generate bash >"$BATS_TEST_TMPDIR/completion"
  complete_words() {
    bash -c 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; _terse; echo "${COMPREPLY[*]}"' \
      - "$BATS_TEST_TMPDIR/completion" "$@"
  }
  [ "$(complete_words terse summ)" = summarize ]
  [ "$(complete_words terse model i)" = info ]
  [ "$(complete_words terse summarize --max)" = --max-tokens ]
  [ "$(complete_words terse model check --ver)" = --verbose ]
  [ "$(complete_words terse summarize --color a)" = "auto always" ]
}

@test "zsh and fish accept their completions" {
  "$TERSE" generate zsh >"$BATS_TEST_TMPDIR/zsh"
  "$TERSE" generate fish >"$BATS_TEST_TMPDIR/fish"
  if ! command -v zsh >/dev/null && ! command -v fish >/dev/null; then skip "neither is installed"; fi
  ! command -v zsh >/dev/null || zsh -n "$BATS_TEST_TMPDIR/zsh"
  ! command -v fish >/dev/null || fish --no-execute "$BATS_TEST_TMPDIR/fish"
}

@test "what is installed finds its model from anywhere" {
  local build; build=$(dirname "$TERSE")
  [ -f "$build/generated/man/terse.1" ] || skip "the manual page was not built"
  cmake --install "$build" --prefix "$BATS_TEST_TMPDIR/usr" >/dev/null
  cd "$BATS_TEST_TMPDIR/usr"
  for file in bin/terse share/man/man1/terse.1 share/bash-completion/completions/terse share/zsh/vendor-completions/_terse \
    share/fish/vendor_completions.d/terse.fish share/terse/models/debian-synopsis/model.safetensors \
    share/terse/models/presets/terraformer-c4-medium.json share/doc/terse/copyright; do
    [ -s "$file" ] || { echo "$file"; return 1; }
  done
  cd /
  [ "$("$BATS_TEST_TMPDIR/usr/bin/terse" summarize "$SAMPLE")" = "$("$TERSE" summarize "$SAMPLE")" ]
}
