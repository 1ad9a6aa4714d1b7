// docs/metrics.md is what the registry says; go test ./agent/metrics -update writes it.

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

	"github.com/cassandra-cdc/cassandra-cdc/agent/metrics"
)

var update = flag.Bool("update", false, "write docs/metrics.md anew")

func TestDocumentation(t *testing.T) {
	m := metrics.New("1", "go")
	table := m.Table("ks", "t")
	table.Acknowledged(table.Ready(0, 1))
	table.Failed("broker", "")
	m.Skipped("reason", 1)
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
	b.WriteString("# Metrics of the agent\n\nOn `httpAddress` (127.0.0.1:9842 by default) below `/metrics`. Beside these there are `cassandra_cdc_condition{code, severity}`, 1 while a\n" +
		"[condition](conditions.md) holds, those of the Pulsar client (`pulsar_client_…`: connections, reconnects, latency of requests), of the process and of the Go\n" +
		"runtime. `cassandra_cdcagent_…` are the names of DataStax's agent as Prometheus's JMX exporter renders them. The page is made from `agent/metrics`.\n\n" +
		"A lag of 0 seconds and 0 bytes means that all that Cassandra has written is published, however long ago that was.\n\n" +
		"| name | type | labels | meaning |\n|---|---|---|---|\n")
	b.WriteString(strings.Join(lines, ""))

	path := filepath.Join("..", "..", "docs", "metrics.md")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, b.Bytes()) {
		t.Errorf("%s is not what the registry says (%v): run go test ./agent/metrics -update", path, err)
	}
}
