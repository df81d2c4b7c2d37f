# The first build compiles RocksDB once (about twenty minutes of processor time); everything after it is quick.

CARGO ?= cargo

.PHONY: help demo test simulate determinism reference lints fmt clippy doc deny bootstrap

help:
	@echo "make demo       build, run a session on the generated sample market, replay, verify and audit it"
	@echo "make test       run all tests"
	@echo "make simulate   play SEEDS hostile worlds from seed FROM, and tell the shortest story of what breaks a bound"
	@echo "make determinism  hold the heads of sessions from several processes and two builds against each other"
	@echo "make reference  run others' reference cases, where they stand beside the checkout, and print a table per file"
	@echo "make lints      format, clippy, documentation, licences (what .ci/run checks besides the tests)"
	@echo "make bootstrap  install what the build lacks on a Debian-like machine"

bootstrap:
	@scripts/bootstrap.sh

demo: bootstrap
	$(CARGO) build --bin retrace
	@scripts/demo.sh

test: bootstrap
	$(CARGO) test --workspace

SEEDS ?= 2000
FROM ?= 0

simulate: bootstrap
	$(CARGO) build --package retrace-simulator
	@target/debug/simulate $(SEEDS) $(FROM)

determinism: bootstrap
	@scripts/determinism.sh

reference: bootstrap
	$(CARGO) test --test it reference -- --nocapture

lints: fmt clippy doc deny

fmt:
	$(CARGO) fmt --all --check

clippy: bootstrap
	$(CARGO) clippy --workspace --all-targets -- -D warnings

doc: bootstrap
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --workspace

deny:
	@scripts/deny.sh
