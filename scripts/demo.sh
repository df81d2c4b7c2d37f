#!/usr/bin/env bash
# The main job from start to end, each command shown before it runs: a sample market with a session on it, the run, the
# ledger as a tree, the proof, and the story of the plan that the crash caught. All it makes is in the folder demo/.
set -euo pipefail
cd "$(dirname "$0")/.."

retrace=${RETRACE:-target/debug/retrace}
dir=demo

run() {
    printf '\n$ retrace'
    printf ' %s' "$@"
    printf '\n\n'
    "$retrace" "$@"
}

rm -rf "$dir"
run sample --dir "$dir"
run run "$dir/session.yaml" --db "$dir/db"
run sessions --db "$dir/db"
run replay sample --db "$dir/db"
run verify sample --db "$dir/db"
run audit TPL_DIP --db "$dir/db"
