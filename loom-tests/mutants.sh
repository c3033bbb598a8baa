#!/usr/bin/env bash
# Weakens the ring one line at a time, in a copy, and checks that the named model notices.
#
#   loom-tests/mutants.sh [WORD]     only mutants whose line contains WORD
#
# A mutant is `model ; file in src/ring ; sed script`. A script that changes nothing, a mutant that does not build, and a
# model that passes are failures. BOUND is passed on to the models.
set -euo pipefail
cd "$(dirname "$0")/.."
copy=${MUTANTS_DIR:-${TMPDIR:-/tmp}/eventring-mutants}
mkdir -p "$copy"
rm -rf "$copy"/{src,loom-tests,server,examples,benches,original}
cp -r Cargo.toml Cargo.lock README.md src loom-tests server examples "$copy"
[[ ! -d benches ]] || cp -r benches "$copy"
# What is weakened is what was there at the start, whatever is edited meanwhile.
cp -r src/ring "$copy/original"
cp loom-tests/mutants.txt "$copy/mutants.txt"

export RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR="$copy/target" RUST_BACKTRACE=0
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_OPT_LEVEL=1
export CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_INCREMENTAL=1
# Builds the copy, and prints the path of the models, as seen from there.
build() {
    (cd "$copy" && cargo test --offline -p loom-tests --release --test models --no-run 2>&1) >"$copy/log" || return 1
    sed -n 's/.*Executable .*(\(.*\)).*/\1/p' "$copy/log"
}

models=$(build) || { tail -40 "$copy/log"; exit 1; }
(cd "$copy" && "$models") >"$copy/log" 2>&1 || { tail -40 "$copy/log"; exit 1; }
echo "unchanged        every model passes"

total=0 missed=0
while IFS=';' read -r model file script; do
    model=$(echo $model) file=src/ring/$(echo $file)
    original=$copy/original/$(basename "$file")
    [[ -z $model || $model == \#* ]] && continue
    [[ "$model;$file;$script" == *"${1:-}"* ]] || continue
    total=$((total + 1))
    sed -E "$script" "$original" >"$copy/$file"
    if cmp -s "$original" "$copy/$file"; then
        verdict="CHANGES NOTHING"
    elif ! models=$(build); then
        verdict="DOES NOT BUILD"
    elif bash -c 'cd "$1"; timeout 120 "$2" --exact "$3"; exit $?' - "$copy" "$models" "$model" >"$copy/log" 2>&1; then
        verdict="NOT CAUGHT"
    else
        verdict="caught"
    fi
    cp "$original" "$copy/$file"
    [[ $verdict == caught ]] || missed=$((missed + 1))
    printf '%-16s %-38s %s\n' "$verdict" "$model" "$(basename "$file"): $script"
done <"$copy/mutants.txt"
echo "$total mutants, $missed not caught"
[[ $missed == 0 ]]
