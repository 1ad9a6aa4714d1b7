# Bare `make` tells what there is to do.
.DEFAULT_GOAL := help

GO      ?= go
DIST    := dist
LINTER  := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# The packages whose tests start real servers when -short is not given.
REAL    := ./connector/readback/... ./internal/cassandra/... ./internal/pulsar/... ./integration/...

.PHONY: help
help: ## tell what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the programs into dist/
	@command -v $(GO) >/dev/null || { echo 'Go 1.25 or newer is needed: install your system'"'"'s package (golang), or the archive that the Go project offers'; exit 1; }
	@echo "building (the first time takes some minutes)"
	@CGO_ENABLED=0 $(GO) build -trimpath -o $(DIST)/ ./cmd/...

.PHONY: demo
demo: build ## start Cassandra and Pulsar here and watch writes arrive on a topic
	@$(DIST)/cassandra-cdc demo $(ARGS)

.PHONY: test
test: test-short test-real ## all tests: the quick ones first, then those with real servers

.PHONY: test-short
test-short: ## the tests that need no server (under a minute)
	$(GO) vet ./...
	$(GO) test -short ./...

.PHONY: test-real
test-real: ## the tests against real Cassandra nodes and a real Pulsar, with their progress
	$(GO) test -v -count=1 -p 1 -timeout 60m $(REAL)

.PHONY: lint
lint: ## golangci-lint with the project's settings
	$(GO) run $(LINTER) run ./...

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (10s)
	@for p in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
			echo "== $$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-10s} -fuzzminimizetime 1x $$p || exit 1; \
		done; \
	done

# Where benchmarks keep the segments they read.
BENCH_CORPUS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/cassandra-cdc/bench

.PHONY: bench-commitlog
bench-commitlog: ## read a million entries, next to Cassandra's own reader (makes the segments first: minutes)
	@test -d $(BENCH_CORPUS)/5.0.6/bench || $(GO) run ./integration/corpus --scenario bench --out $(BENCH_CORPUS)
	@test -d $(BENCH_CORPUS)/5.0.6/bench-lz4 || $(GO) run ./integration/corpus --scenario bench --compression LZ4 --out $(BENCH_CORPUS)
	@$(GO) run ./integration/bench/commitlog --corpus $(BENCH_CORPUS) $(ARGS)

.PHONY: bench-publish
bench-publish: ## send half a million messages to a real Pulsar, in every kind of batching
	@$(GO) test -run '^$$' -bench Publish -benchtime 500000x ./internal/pulsar

.PHONY: bench-wire
bench-wire: ## make messages out of rows and events, next to hamba/avro
	@$(GO) run ./integration/bench/wire $(ARGS)

.PHONY: clean
clean: ## remove what was built (the cache of servers stays)
	rm -rf $(DIST)
