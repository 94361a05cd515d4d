# make demo and make test do everything on a fresh machine; both set up and build first.

.PHONY: demo test test-all build setup servers bench soak fuzz generate fmt release-check

NPM_FLAGS = --no-audit --no-fund

demo: build
	node scripts/demo.js

test: build servers
	node scripts/test.js

test-all: test
	npx vitest run __test__/nitro/all
	CRASHES=200 npx vitest run __test__/drivers/fs/crash.test.js __test__/drivers/embedded/crash.test.js

build: setup
	node scripts/build.js dist

setup: node_modules/.package-lock.json

node_modules/.package-lock.json: package.json package-lock.json
	npm ci $(NPM_FLAGS)
	@touch $@

# What the drivers' tests start: Redis, Valkey, SeaweedFS, moto.
servers: setup
	scripts/servers.sh

bench: build servers
	node bench/index.js

# The types and tables of the drivers' options, the platforms' packages, versions, licences.
generate: setup
	node scripts/generate.js

fmt:
	cargo fmt
	npx oxfmt

# Runs the differential test until it is stopped or fails; SEQUENCES says how many at a time.
soak: build
	while SEQUENCES=$${SEQUENCES:-20000} npx vitest run __test__/differential; do :; done; false

# Fuzzes the drivers in memory, or with FUZZ=embedded those over a database, for FUZZ_SECONDS; libFuzzer needs a C++ compiler.
fuzz:
	mkdir -p fuzz/artifacts && cd fuzz && RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 -Cdebug-assertions -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares" \
	cargo run --release --target $$(rustc -vV | sed -n 's/host: //p') --bin $${FUZZ:-memory} -- -max_total_time=$${FUZZ_SECONDS:-60} -artifact_prefix=artifacts/ -print_final_stats=1

# All of a release that can be tried on one Linux machine; needs rustup, Python, cargo-deny and qemu too.
release-check: setup
	node scripts/release-check.js
