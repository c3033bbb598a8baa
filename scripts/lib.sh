# Shared by scripts/test and scripts/soak: steps with a heading, a time and a verdict, and an end of all that they start.

passed=0
failed=0
failures=()

# Each step is a group of processes. What leaves the group is known by where it puts temporary files.
set -m
group=
scratch=$(mktemp -d)
# Some servers run as nobody.
chmod 755 "$scratch"
export TMPDIR=$scratch

# strays: the processes that a step has started and that are still there, in whatever group or session.
strays() {
  # Without it in what looks: that would find itself.
  (unset TMPDIR; grep -lszxF "TMPDIR=$scratch" /proc/[0-9]*/environ 2> /dev/null | cut -d / -f 3)
}

# signal NAME: to all of the step. A group that is gone, or going, is no failure.
signal() {
  local pid
  [ -z "$group" ] || kill "-$1" -- "-$group" 2> /dev/null || true
  for pid in $(strays); do
    kill "-$1" "$pid" 2> /dev/null || true
  done
}

# remain: whether anything of the step is still there.
remain() {
  [ -n "$(strays)" ] || { [ -n "$group" ] && kill -0 -- "-$group" 2> /dev/null; }
}

# end_step: asks whatever is left of the step to end, and ends it after 5 s.
end_step() {
  local tries
  if remain; then
    signal TERM
    for ((tries = 0; tries < 50; tries++)); do
      remain || break
      sleep 0.1
    done
    signal KILL
  fi
  group=
}

end_all() {
  trap '' INT TERM HUP
  end_step
  rm -rf "$scratch"
}
trap end_all EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# step NAME COMMAND...: runs it, says how long it took, and goes on whatever comes of it.
step() {
  local name=$1 started=$SECONDS code=0
  shift
  printf '\n== %s\n' "$name"
  # What the step starts stays in its group.
  (set +m -euo pipefail; "$@") < /dev/null &
  group=$!
  wait "$group" || code=$?
  end_step
  if [ "$code" -eq 0 ]; then
    passed=$((passed + 1))
    printf -- '-- %s: %d s\n' "$name" $((SECONDS - started))
  else
    failed=$((failed + 1))
    failures+=("$name")
    printf -- '-- %s: FAILED after %d s\n' "$name" $((SECONDS - started))
  fi
}

# each COMMAND...: functions one after the other, all of them, and how long each took.
each() {
  local one started code=0
  for one in "$@"; do
    started=$SECONDS
    # Not as a part of a condition: what fails in it would not end it there.
    (set -euo pipefail; "$one") &
    wait $! || { code=$?; printf '%s failed\n' "$one"; }
    printf '%s: %d s\n' "$one" $((SECONDS - started))
  done
  return "$code"
}

# together COMMAND COMMAND: two functions at once; what the second one says comes after the first.
together() {
  local one other code=0
  (set -euo pipefail; "$1") &
  one=$!
  (set -euo pipefail; "$2") > "$TMPDIR/$2" 2>&1 &
  other=$!
  wait "$one" || code=$?
  wait "$other" || code=$?
  cat "$TMPDIR/$2"
  return "$code"
}

# features_of PACKAGE: the features that users of a package may choose, one a line, without `default`.
features_of() {
  cargo metadata --no-deps --format-version 1 | python3 -c '
import json, sys
for package in json.load(sys.stdin)["packages"]:
    if package["name"] == sys.argv[1]:
        print(*(f for f in package["features"] if f != "default" and not f.startswith("_")), sep="\n")' "$1"
}

# all_features: the features of the packages as one argument of cargo; the tests are built with them.
all_features() {
  local package
  for package in eventring eventring-server; do
    features_of "$package" | sed "s:^:$package/:"
  done | paste -s -d ,
}

# finish: the verdict over all steps, as the last line and as the exit code.
finish() {
  local name
  printf '\n'
  for name in "${failures[@]+"${failures[@]}"}"; do
    printf 'failed: %s\n' "$name"
  done
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" -eq 0 ]
}

# need COMMAND [PACKAGE]: installs what is missing where that is allowed, else says so.
need() {
  local command=$1 package=${2:-$1}
  command -v "$command" > /dev/null && return
  if [ "$(id -u)" -eq 0 ] && command -v apt-get > /dev/null; then
    printf 'installing %s\n' "$package"
    apt-get install -y --no-install-recommends "$package" > /dev/null 2>&1 ||
      { apt-get update > /dev/null 2>&1 &&
        apt-get install -y --no-install-recommends "$package" > /dev/null 2>&1; } || true
  fi
  command -v "$command" > /dev/null || printf 'missing: %s (package %s)\n' "$command" "$package"
}

# serve PROGRAM OPTION...: starts a server without a journal, and sets `url` and `server` once it serves. It ends with the step.
serve() {
  local program=$1 out=$TMPDIR/served
  shift
  "$program" serve --memory --listen 127.0.0.1:0 "$@" > "$out" 2> "$out.err" &
  server=$!
  until grep -q '^dashboard ' "$out"; do
    kill -0 "$server" 2> /dev/null || { cat "$out.err" >&2; return 1; }
    sleep 0.1
  done
  url=$(sed -n 's/^listening on //p' "$out")
}

# fuzz_one PROGRAM SECONDS: one fuzz target for that long. Says what it found, or that it found nothing.
fuzz_one() {
  local target=${1##*/} seeds=() log
  log=$TMPDIR/fuzz.${1##*/}
  [ -d "fuzz/seeds/$target" ] && seeds=("fuzz/seeds/$target")
  mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
  "$1" "-artifact_prefix=fuzz/artifacts/$target/" "-max_total_time=$2" -verbosity=0 -print_final_stats=1 \
    "fuzz/corpus/$target" "${seeds[@]+"${seeds[@]}"}" > "$log" 2>&1 || { cat "$log"; return 1; }
  printf 'fuzz %s: %d s, %d runs, nothing found\n' "$target" "$2" \
    "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
}

# fuzz_targets: their names.
fuzz_targets() {
  basename -s .rs -- fuzz/fuzz_targets/*.rs
}

# fuzz_folder: where their programs are.
fuzz_folder() {
  local host
  host=$(rustc -vV | sed -n 's/^host: //p')
  printf '%s/%s/release\n' "${CARGO_TARGET_DIR:-fuzz/target}" "$host"
}

# fuzz_build: every fuzz target, as `cargo fuzz build` does it, but for one codegen unit a crate: that has one core work
# where there are two. To build cargo-fuzz itself would take a sixth as long as the targets.
fuzz_build() {
  local toolchain=() host flags='--cfg fuzzing -Cdebug-assertions -Zsanitizer=address -Cpasses=sancov-module' option
  host=$(rustc -vV | sed -n 's/^host: //p')
  for option in sanitizer-coverage-{level=4,inline-8bit-counters,pc-table,trace-compares,stack-depth} \
    simplifycfg-branch-fold-threshold=0; do
    flags+=" -Cllvm-args=-$option"
  done
  if cargo +nightly --version > /dev/null 2>&1; then
    toolchain=(+nightly)
  else
    # The sanitizer is an unstable option; a stable compiler takes it when told so.
    export RUSTC_BOOTSTRAP=1
  fi
  RUSTFLAGS=$flags cargo "${toolchain[@]+"${toolchain[@]}"}" build -q --release --bins --target "$host" \
    --manifest-path fuzz/Cargo.toml
}

# fuzz SECONDS: every fuzz target, built already, for that long, as many at a time as there are cores.
fuzz() {
  # As cargo-fuzz sets it: globals that two crates have are no failure.
  export ASAN_OPTIONS=detect_odr_violation=0
  export -f fuzz_one
  fuzz_targets | xargs -P "$(nproc)" -I {} bash -c 'fuzz_one "$@"' fuzz "$(fuzz_folder)/{}" "$1"
}

# loom: every model, with BOUND preemptions.
loom() {
  BOUND=${BOUND:-2} RUSTFLAGS='--cfg loom' cargo test -q -p loom-tests --profile loom
}
