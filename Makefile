# make demo and make test do everything on a fresh machine; both set up and build first.

.PHONY: demo test test-all build setup bench soak generate fmt

NPM_FLAGS = --no-audit --no-fund

demo: build
	node scripts/demo.js

test: build
	node scripts/test.js

test-all: test

build: setup
	node scripts/build.js dist

setup: node_modules/.package-lock.json

node_modules/.package-lock.json: package.json package-lock.json
	npm ci $(NPM_FLAGS)
	@touch $@

bench: build
	node bench/index.js

# The types and tables of the drivers' options, from their Rust structs.
generate: setup
	node scripts/generate.js

fmt:
	cargo fmt
	npx oxfmt

# Runs the differential test until it is stopped or fails; SEQUENCES says how many at a time.
soak: build
	while SEQUENCES=$${SEQUENCES:-20000} npx vitest run __test__/differential; do :; done; false
