#!/usr/bin/env bash
# Licences, sources and banned crates must pass. Advisories are checked where their database can be reached.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v cargo-deny >/dev/null 2>&1; then
    echo "deny: installing cargo-deny with cargo" >&2
    cargo install --locked --quiet cargo-deny
fi
cargo deny check bans licenses sources
if timeout 60 cargo deny fetch db >/dev/null 2>&1; then
    cargo deny check advisories --disable-fetch
else
    echo "deny: the advisory database cannot be reached from here; advisories were not checked" >&2
fi
