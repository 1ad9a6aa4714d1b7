// docs/connector-metrics.md is what the registry says; go test ./connector/metrics -update
// writes it.

package metrics_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/connector/metrics"
)

var update = flag.Bool("update", false, "write docs/connector-metrics.md anew")

func TestDocumentation(t *testing.T) {
	m := metrics.New("1", "go")
	fill(m)
	text := exposition(t, m)

	var lines []string
	for _, h := range regexp.MustCompile(`(?m)^# HELP (cassandra_\S+) (.*)$`).FindAllStringSubmatch(text, -1) {
		name, help := h[1], h[2]
		kind := regexp.MustCompile(`(?m)^# TYPE ` + name + ` (\S+)$`).FindStringSubmatch(text)[1]
		series := regexp.MustCompile(`(?m)^` + name + `(?:_count)?(?:\{(.*?)\})? `).FindStringSubmatch(text)
		labels := regexp.MustCompile(`="[^"]*"`).ReplaceAllString(series[1], "")
		lines = append(lines, fmt.Sprintf("| `%s` | %s | %s | %s |\n", name, kind, strings.ReplaceAll(labels, ",", ", "), help))
	}
	slices.Sort(lines)
	var b bytes.Buffer
	b.WriteString(`# Metrics of the connector

On ` + "`httpAddress`" + ` below ` + "`/metrics`" + `. Beside these there are ` + "`cassandra_cdc_condition{code, severity}`" + `, 1 while a [condition](conditions.md) holds, those
of the Pulsar client (` + "`pulsar_client_…`" + `: connections, reconnects, latency of requests), of the process and of the Go runtime. Counters are since the
start. The page is made from ` + "`connector/metrics`" + `.

An event ends by a publication, or is covered without one: so ` + "`events_total`" + ` is ` + "`covered_total`" + ` and ` + "`dead_letters_total`" + ` and ` + "`in_flight_events`" + ` together,
and ` + "`rows_total`" + ` is less than ` + "`events_total`" + ` where several events of a row are covered together or replicas send the same one.
How often a cache helps is ` + "`covered_total{by=\"digest\"}`" + ` for digests, and ` + "`covered_total{by=\"same-row\"}`" + ` for rows, as a part of ` + "`events_total`" + `.

| name | type | labels | meaning |
|---|---|---|---|
`)
	b.WriteString(strings.Join(lines, ""))
	b.WriteString(`
## What Pulsar shows

Pulsar shows user metrics of a source that it hosts, at the broker's or the worker's ` + "`/metrics`" + `, under the names of DataStax's connector:
` + "`pulsar_source_user_metric_{metric=\"…\"}`" + ` with quantiles, ` + "`pulsar_source_user_metric__sum`" + ` and ` + "`pulsar_source_user_metric__count`" + `. Each second they are given the values of that moment, unless no event has come in
since, and at most 100 observations of each latency, chosen at random. So ` + "`__count`" + ` is no count of events. For the Prometheus metrics above, set
` + "`httpAddress`" + ` for a hosted connector too.

As a function the connector has the same values, and for latencies ` + "`…_sum`" + ` and ` + "`…_count`" + ` of all, as user metrics of ` + "`pulsar-admin functions stats`" + `.

| metric | meaning |
|---|---|
| ` + "`cache_hits`" + `, ` + "`cache_misses`" + ` | Events whose digest was known, and others that are acknowledged, since the start. |
| ` + "`cache_size`" + `, ` + "`cache_evictions`" + ` | Keys whose digests are remembered, and those that were forgotten since there was no room, since the start. |
| ` + "`query_executors`" + ` | Queries that may run at the same time. |
| ` + "`query_latency`" + ` | Milliseconds that the cluster took for a row; 0 for an event whose digest was known. |
| ` + "`replication_latency`" + ` | Milliseconds from the write to the publication of its row. |
`)

	path := filepath.Join("..", "..", "docs", "connector-metrics.md")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, b.Bytes()) {
		t.Errorf("%s is not what the registry says (%v): run go test ./connector/metrics -update", path, err)
	}
}
