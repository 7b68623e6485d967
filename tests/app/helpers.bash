# Shared by the tests of the command line. TERSE (the program), TERSE_ROOT (the source tree) and TERSE_GOLDEN (the
# converted golden models) come from CTest.
SHIPPED="$TERSE_ROOT/models/debian-synopsis"
SAMPLE="$SHIPPED/sample.txt"
# What terse opens in the tests, unless they say another: a model whose numbers Trax computed, which stays as it is.
MODEL="$TERSE_ROOT/tests/golden/models/debian-synopsis"
EXPECTED="$TERSE_ROOT/tests/golden/debian-synopsis/expected.jsonl"

# Settings of whoever runs the tests must not change what is tested.
unset NO_COLOR
for name in "${!TERSE_@}"; do
  case "$name" in TERSE_ROOT | TERSE_GOLDEN) ;; *) unset "$name" ;; esac
done
export TERSE_MODEL="$MODEL"

# Runs a shell command; leaves its stdout, stderr and exit code in $out, $err and $code.
observe() {
  set +e
  bash -c "$1" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
  code=$?
  set -e
  out=$(cat "$BATS_TEST_TMPDIR/out")
  err=$(cat "$BATS_TEST_TMPDIR/err")
}

# observe, then: this exit code, nothing on stdout, one line on stderr that contains the text.
fails_with() {
  observe "$3"
  [ "$code" -eq "$1" ] || { echo "exit code $code, stderr: $err"; return 1; }
  [ -z "$out" ] || { echo "stdout: $out"; return 1; }
  [ "$(wc -l <"$BATS_TEST_TMPDIR/err")" -eq 1 ] || { echo "stderr: $err"; return 1; }
  [[ "$err" == *"$2"* ]] || { echo "stderr: $err"; return 1; }
}

# A copy of the shipped model that can be spoiled: its path.
spoiled_model() {
  cp -r "$MODEL" "$BATS_TEST_TMPDIR/model"
  chmod -R u+w "$BATS_TEST_TMPDIR/model"
  echo "$BATS_TEST_TMPDIR/model"
}

# A copy of the shipped model with a NaN and an infinity in its first tensor, and a digest that fits: its path.
poisoned_model() {
  local model; model=$(spoiled_model)
  /usr/bin/python3 - "$model/model.safetensors" <<'PY'
import hashlib, struct, sys
path = sys.argv[1]
data = bytearray(open(path, "rb").read())
(length,) = struct.unpack("<Q", data[:8])
begin = 8 + length
before = hashlib.sha256(data[begin:]).hexdigest().encode()
data[begin + 4 * 17:begin + 4 * 18] = struct.pack("<f", float("nan"))
data[begin + 4 * 20:begin + 4 * 21] = struct.pack("<f", float("inf"))
data = data.replace(before, hashlib.sha256(data[begin:]).hexdigest().encode())
open(path, "wb").write(data)
PY
  echo "$model"
}

# Fails if the command succeeds; a plain "!" would not end a test.
refute() { if "$@"; then return 1; fi; }

# Whether a jq filter is true of every record on stdin, and there is one.
all_records() { jq -es "length > 0 and all(.[]; $1)"; }

# Runs a shell command in a terminal of its own; what it shows is in ./log, its exit code in ./code.
in_terminal() {
  rm -f code log
  printf '%s\n' "$1" >command
  TERM=xterm script -qec "bash ./command; echo \$? >code" log >/dev/null </dev/null
}
