# Bare `make` tells what there is to do.
.DEFAULT_GOAL := help

GO      ?= go
DIST    := dist
NFPM    := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
LINTER  := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# The packages whose tests start real servers when -short is not given.
REAL    := ./agent ./connector ./connector/readback/... ./internal/cassandra/... ./internal/pulsar/... ./integration/...

.PHONY: help
help: ## tell what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the programs into dist/
	@command -v $(GO) >/dev/null || { echo 'Go 1.25 or newer is needed: install your system'"'"'s package (golang), or the archive that the Go project offers'; exit 1; }
	@echo "building (the first time takes some minutes)"
	@CGO_ENABLED=0 $(GO) build -trimpath -o $(DIST)/ ./cmd/...

# What a release is called: its tag, or the last one and the commits since.
RELEASE ?= $(shell git describe --tags --match 'v[0-9]*' 2>/dev/null | sed 's/^v//; s/-\([0-9]*\)-g/+\1.g/' | grep . || \
	echo 0.0.0+$$(git rev-list --count HEAD).g$$(git rev-parse --short=12 HEAD))
# The time that everything in a release bears, so that two builds of a commit are the same bytes.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct)
ARCHS   := amd64 arm64
BUILD    = $(GO) build -trimpath -buildvcs=false -ldflags '-s -w -X github.com/cassandra-cdc/cassandra-cdc/internal/program.release=$(RELEASE)'
FILES   := LICENSE docs/agent.md docs/agent-settings.md docs/conditions.md docs/metrics.md deploy/agent.yaml deploy/systemd/cassandra-cdc.service \
	docs/connector.md docs/connector-settings.md docs/connector-metrics.md docs/types.md deploy/connector.yaml

.PHONY: release-files
release-files:
	@for arch in $(ARCHS); do \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$arch $(BUILD) -o $(DIST)/linux-$$arch/ ./cmd/... || exit 1; done
	@$(BUILD) -o $(DIST)/host-cassandra-cdc ./cmd/cassandra-cdc
	@$(DIST)/host-cassandra-cdc man > $(DIST)/cassandra-cdc.1
	@gzip -9nc $(DIST)/cassandra-cdc.1 > $(DIST)/cassandra-cdc.1.gz
	@$(GO) run ./deploy/licenses ./cmd/... > $(DIST)/third-party-licenses.txt
	@sed 's|^#cdcWorkingDir:.*|cdcWorkingDir: /var/lib/cassandra-cdc|' deploy/agent.yaml > $(DIST)/agent.yaml

.PHONY: dist
dist: release-files ## archives of the programs for linux, amd64 and arm64, in dist/
	@for arch in $(ARCHS); do \
		name=cassandra-cdc-$(RELEASE)-linux-$$arch; dir=$(DIST)/archive/$$name; \
		rm -rf $$dir && mkdir -p $$dir && cp $(DIST)/linux-$$arch/* $(DIST)/cassandra-cdc.1 $(DIST)/third-party-licenses.txt $(FILES) $$dir && \
		tar -C $(DIST)/archive --sort=name --mtime=@$(SOURCE_DATE_EPOCH) --owner=0 --group=0 --numeric-owner --mode=go-w -cf - $$name | gzip -9n > $(DIST)/$$name.tar.gz && \
		echo $(DIST)/$$name.tar.gz || exit 1; done
	@rm -rf $(DIST)/archive

.PHONY: packages
packages: release-files ## deb and rpm of the agent for amd64 and arm64, in dist/
	@for arch in $(ARCHS); do for kind in deb rpm; do \
		VERSION=$(subst -,~,$(RELEASE)) ARCH=$$arch BUILT=$(DIST) $(GO) run $(NFPM) package --config deploy/package/nfpm.yaml --packager $$kind --target $(DIST)/ || exit 1; done; done

.PHONY: image
image: release-files ## a container image for amd64 and arm64 in dist/, without a container engine
	@$(GO) run ./deploy/image --release $(RELEASE) --out $(DIST)/cassandra-cdc-$(RELEASE)-image.tar $(foreach arch,$(ARCHS),$(arch)=$(DIST)/linux-$(arch))
	@echo $(DIST)/cassandra-cdc-$(RELEASE)-image.tar

NAR := $(DIST)/cassandra-source-$(RELEASE).nar

.PHONY: nar
nar: $(NAR) ## pack the connector for pulsar-admin sources create (into dist/)

$(NAR): $(shell git ls-files go.mod connector internal schema cmd/cassandra-source)
	@rm -f $(DIST)/cassandra-source-*.nar
	@echo "packing $(NAR) (the first time takes a minute)"
	@$(GO) run ./connector/nar --version $(RELEASE) --out $(DIST)

.PHONY: demo
demo: build nar ## start Cassandra and Pulsar here and watch writes arrive on a topic
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

.PHONY: bench-agent
bench-agent: ## the agent: a backlog, an idle minute, the latency, with real servers (minutes)
	@$(GO) run ./integration/bench/agent run --cache $(BENCH_CORPUS) $(ARGS)

.PHONY: bench-connector
bench-connector: ## the connector: waiting events to rows on the data topic, with real servers (minutes)
	@$(GO) run ./integration/bench/connector run $(ARGS)

.PHONY: kill
kill: ## kill the agent again and again under load and count what is lost (half an hour)
	@$(GO) run ./integration/kill $(ARGS)

.PHONY: kill-connector
kill-connector: ## kill all on the way of a row at random, then compare table and topic (half an hour)
	@$(GO) run ./integration/kill/connector $(ARGS)

.PHONY: clean
clean: ## remove what was built (the cache of servers stays)
	rm -rf $(DIST)
