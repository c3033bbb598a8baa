# Shared by scripts/test and scripts/soak: steps with a heading, a time and a verdict.

passed=0
failed=0
failures=()

# step NAME COMMAND...: runs it, says how long it took, and goes on whatever comes of it.
step() {
  local name=$1 started=$SECONDS
  shift
  printf '\n== %s\n' "$name"
  if (set -euo pipefail; "$@"); then
    passed=$((passed + 1))
    printf -- '-- %s: %d s\n' "$name" $((SECONDS - started))
  else
    failed=$((failed + 1))
    failures+=("$name")
    printf -- '-- %s: FAILED after %d s\n' "$name" $((SECONDS - started))
  fi
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

# fuzz SECONDS: every fuzz target for that long.
fuzz() {
  local seconds=$1 target toolchain=()
  if [ ! -d fuzz ]; then
    echo 'skipped: there is no fuzz directory'
    return
  fi
  if ! cargo fuzz --version > /dev/null 2>&1; then
    cargo install --locked cargo-fuzz
  fi
  if cargo +nightly --version > /dev/null 2>&1; then
    toolchain=(+nightly)
  else
    # The sanitizer is an unstable option; a stable compiler takes it when told so.
    export RUSTC_BOOTSTRAP=1
  fi
  # A function in a condition runs without -e: each failure is returned by hand.
  cargo "${toolchain[@]+"${toolchain[@]}"}" fuzz build || return
  for target in $(cargo "${toolchain[@]+"${toolchain[@]}"}" fuzz list); do
    local seeds=()
    [ -d "fuzz/seeds/$target" ] && seeds=("fuzz/seeds/$target")
    mkdir -p "fuzz/corpus/$target"
    cargo "${toolchain[@]+"${toolchain[@]}"}" fuzz run "$target" "fuzz/corpus/$target" \
      "${seeds[@]+"${seeds[@]}"}" -- -max_total_time="$seconds" -verbosity=0 -print_final_stats=1 || return
    printf 'fuzz %s: %d s, nothing found\n' "$target" "$seconds"
  done
}

# loom BOUND: every model, with that many preemptions.
loom() {
  # Models are many small programs: to link them takes longer than to run them.
  BOUND=$1 RUSTFLAGS='--cfg loom' CARGO_TARGET_DIR="$target_dir/loom" \
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    cargo test -p loom-tests --release
}
