#!/usr/bin/env bash
# Weakens the ring one line at a time, in a copy, and checks that the named model notices.
#
#   loom-tests/mutants.sh [WORD]     only mutants whose line contains WORD
#   CHECKED=1 loom-tests/mutants.sh  without a run of the unchanged models: they have just passed
#
# A mutant is `model ; file in src/ring, or of src with ../ ; sed script`. A script that changes nothing, a mutant that does not build, and a
# model that passes, or comes to no end, are failures. As many mutants at a time as there are cores (or JOBS), each
# worker with a copy and a target directory of its own; of the models only the file with the named one is built. BOUND
# is passed on to them. Each line says what processor time its model took, of the 60 s that it may.
set -euo pipefail
cd "$(dirname "$0")/.."
copy=${MUTANTS_DIR:-${TMPDIR:-/tmp}/eventring-mutants}
jobs=${JOBS:-$(nproc)}
built=${CARGO_TARGET_DIR:-target}/loom
mkdir -p "$copy"
# What is weakened is what was there at the start, whatever is edited meanwhile.
rm -rf "$copy"/original "$copy"/results
mkdir -p "$copy/original"
cp -r src/ring src/hub src/mailbox.rs "$copy/original"
grep "${1:-}" loom-tests/mutants.txt | grep -Ev '^(#|$)' >"$copy/mutants.txt" || { echo "no such mutant"; exit 2; }
for ((worker = 0; worker < jobs; worker++)); do
    place=$copy/worker$worker
    mkdir -p "$place"
    rm -rf "$place"/{src,loom-tests,server,examples,benches,vfs-shim}
    cp -r --preserve=timestamps Cargo.toml Cargo.lock README.md src loom-tests server examples benches vfs-shim "$place"
    # What the models have been built from, if they have.
    if [ -d "$built" ] && [ ! -d "$place/target" ]; then
        mkdir -p "$place/target/loom"
        cp -r --preserve=timestamps "$built"/{deps,build,.fingerprint} "$place/target/loom"
    fi
done

export RUSTFLAGS="--cfg loom" RUST_BACKTRACE=0

# build FILE: builds one file of models in the current directory, and prints where the program is.
build() {
    CARGO_TARGET_DIR=$PWD/target cargo test --offline -p loom-tests --profile loom --test "$1" --no-run >log 2>&1 || return 1
    sed -n 's/.*Executable .*(\(.*\)).*/\1/p' log
}

# judge MODEL FILE SCRIPT: applies a mutant in the current directory, and says what came of it.
judge() {
    local model=$1 file=src/ring/$2 original=$copy/original/ring/$2 models code=0
    sed -E "$3" "$original" >"$file"
    if cmp -s "$original" "$file"; then
        echo "CHANGES NOTHING"
        return
    fi
    local where
    where=$(grep -l "^fn $model()" loom-tests/tests/*.rs) || { echo "NO SUCH MODEL"; return; }
    models=$(build "$(basename "$where" .rs)") || { echo "DOES NOT BUILD"; return; }
    # Processor time of this process, not time that passes: a busy machine is no reason.
    # Not by `exec`: of a shell that is killed itself nobody would learn the time.
    { time (ulimit -t 60; "$models" --exact "$model" >log 2>&1; exit $?); } 2>took || code=$?
    case $code in
        0) echo "NOT CAUGHT" ;;
        137 | 152) echo "COMES TO NO END" ;;
        *) echo caught ;;
    esac
}

# work NUMBER: every so many-th mutant.
work() {
    local at=0 model file script verdict TIMEFORMAT=%U+%S
    cd "$copy/worker$1"
    while IFS=';' read -r model file script; do
        at=$((at + 1))
        [ $((at % jobs)) = "$1" ] || continue
        model=$(echo $model) file=$(echo $file)
        echo - >took
        verdict=$(judge "$model" "$file" "$script" 2>&1)
        cp "$copy/original/ring/$file" "src/ring/$file"
        printf '%-16s %6s s %-38s %s\n' "$verdict" "$(tail -1 took)" "$model" "$file:$script" | tee -a "$copy/results"
    done <"$copy/mutants.txt"
}

if [ -z "${CHECKED:-}" ]; then
    for models in loom-tests/tests/*.rs; do
        (cd "$copy/worker0" && "$(build "$(basename "$models" .rs)")" >log 2>&1) ||
            { tail -40 "$copy/worker0/log"; exit 1; }
    done
    echo "unchanged        every model passes"
fi
: >"$copy/results"
for ((worker = 0; worker < jobs; worker++)); do
    work "$worker" &
done
wait
total=$(wc -l <"$copy/mutants.txt")
missed=$((total - $(grep -c '^caught ' "$copy/results" || true)))
grep -v '^caught ' "$copy/results" || true
echo "$total mutants, $missed not caught"
[ "$missed" = 0 ]
