#!/usr/bin/env bash
# Determinism as a gate: the heads of 180 sessions in several processes (a test), and again in a build of the pure crates with
# optimisation and without overflow checks. Nothing here links the database, so the second build is quick.
set -euo pipefail
cd "$(dirname "$0")/.."

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

heads() {
    RETRACE_HEADS_OUT="$out/$1" cargo test --quiet --package retrace-simulator --test determinism "${@:2}" -- \
        --exact every_process_comes_to_the_same_heads >/dev/null
}

heads checked
heads optimised --release
if ! cmp "$out/checked" "$out/optimised"; then
    echo "the builds differ, at first in:" >&2
    diff "$out/checked" "$out/optimised" | head -4 >&2
    exit 1
fi
printf '%s sessions, the same heads in every process and in both builds\n' "$(wc -l <"$out/checked")"
