# What a developer of Taskwright needs. `make run` and `make test` work on a machine that has Rust, Node and git.

CARGO ?= cargo
CLAUDE_VERSION := 2.1.330
CLAUDE_HOME := target/real-cli
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release/taskwright

WEB_SOURCES := $(shell find web/src web/public web/scripts web/index.html web/vite.config.ts web/package-lock.json -type f 2>/dev/null)

.PHONY: run test demo build web web-check web-test fmt lint plugins real-cli bench load

run: web ## Builds and starts the server on its usual data directory
	$(CARGO) run --release --locked -- serve

test: ## All tests that need nothing but Rust, Node, Python and git
	$(CARGO) test --locked --manifest-path plugins/Cargo.toml
	plugins/build --check
	$(CARGO) build --locked --example scripted-agent --tests
	$(CARGO) test --locked

demo: build ## A task on a sample repository with the scripted agent, watched from start to end
	examples/demo/run $(RELEASE) $(dir $(RELEASE))examples/scripted-agent

web: web/dist/index.html ## The web interface, which the server's build takes in

web/dist/index.html: $(WEB_SOURCES)
	cd web && npm ci --no-audit --no-fund && npm run build
	touch src/api/web.rs

web-check: web ## Types, lints, unit tests and size of the web interface, and that its types are the server's
	cd web && npm run api:check && npm run check && npm run size

web-test: web ## The web interface in a browser (needs Chromium), against the debug server and the scripted agent
	$(CARGO) build --locked --bin taskwright --example scripted-agent --test server
	cd web && TASKWRIGHT="$(abspath $(or $(CARGO_TARGET_DIR),target))/debug/taskwright" npm run e2e

build: web
	$(CARGO) build --release --locked --bin taskwright --example scripted-agent

fmt: ## Formats everything
	$(CARGO) fmt
	$(CARGO) fmt --all --manifest-path plugins/Cargo.toml

lint: ## Formatting and clippy, warnings denied
	$(CARGO) fmt --check
	$(CARGO) fmt --all --manifest-path plugins/Cargo.toml --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --manifest-path plugins/Cargo.toml --all-targets -- -D warnings

plugins: ## Builds the built-in plugins anew; needs a toolchain for WebAssembly
	plugins/build

real-cli: ## A whole task by the real Claude Code command against a scripted API
	npm install --prefix $(CLAUDE_HOME) --no-audit --no-fund --no-save @anthropic-ai/claude-code@$(CLAUDE_VERSION)
	REAL_CLI="$(abspath $(CLAUDE_HOME))/node_modules/.bin/claude" $(CARGO) test --locked --test server real_cli -- --ignored

bench: ## Benchmarks of the log and of a plugin's call
	$(CARGO) bench --locked

load: build ## Measures the running server from outside; prints the figures that stand in the README
	node benches/load.mjs $(RELEASE) $(dir $(RELEASE))examples/scripted-agent
