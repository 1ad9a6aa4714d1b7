// This file tests the configuration that is written for each release.

package env

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func yamlOf(t *testing.T, line string, override map[string]any) map[string]any {
	t.Helper()
	spec, err := cassandraLine(line)
	if err != nil {
		t.Fatal(err)
	}
	c := &Cassandra{
		server: &server{dir: "/n"}, spec: spec, host: "127.0.0.1",
		ports: cassandraPorts{CQL: 1, Storage: 2, SSL: 3, JMX: 4},
		opts:  CassandraOptions{YAML: override},
	}
	text, err := c.yamlText()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]any)
	if err := yaml.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestYAMLSpelling(t *testing.T) {
	old := map[string]any{
		"commitlog_sync": "periodic", "commitlog_sync_period_in_ms": 10000, "commitlog_segment_size_in_mb": 1,
		"commitlog_total_space_in_mb": 64, "memtable_heap_space_in_mb": 64, "key_cache_size_in_mb": 4,
		"enable_materialized_views": true,
		"commitlog_sync_period":     nil, "commitlog_segment_size": nil, "materialized_views_enabled": nil,
	}
	plain := map[string]any{
		"commitlog_sync": "periodic", "commitlog_sync_period": "10000ms", "commitlog_segment_size": "1MiB",
		"commitlog_total_space": "64MiB", "memtable_heap_space": "64MiB", "key_cache_size": "4MiB",
		"materialized_views_enabled":  true,
		"commitlog_sync_period_in_ms": nil, "commitlog_segment_size_in_mb": nil, "enable_materialized_views": nil,
		"start_rpc": nil,
	}
	for line, want := range map[string]map[string]any{
		Cassandra311: old, Cassandra40: old, Cassandra41: plain, Cassandra50: plain,
	} {
		got := yamlOf(t, line, nil)
		for k, v := range want {
			if got[k] != v {
				t.Errorf("%s: %s is %v, not %v", line, k, got[k], v)
			}
		}
		if got["cdc_enabled"] != true || got["native_transport_port"] != 1 || got["cdc_raw_directory"] != "/n/cdc_raw" {
			t.Errorf("%s: %v", line, got)
		}
	}
	if got := yamlOf(t, Cassandra311, nil); got["start_rpc"] != false {
		t.Error("3.11 starts Thrift")
	}
}

// One test's settings must fit all releases, whichever spelling it uses.
func TestYAMLOverridesInEitherSpelling(t *testing.T) {
	for _, tc := range []struct {
		line     string
		override map[string]any
		want     map[string]any
	}{
		{Cassandra50, map[string]any{"commitlog_segment_size_in_mb": 2}, map[string]any{"commitlog_segment_size": "2MiB", "commitlog_segment_size_in_mb": nil}},
		{Cassandra50, map[string]any{"commitlog_segment_size": "2MiB"}, map[string]any{"commitlog_segment_size": "2MiB"}},
		{Cassandra40, map[string]any{"commitlog_segment_size": "2MiB"}, map[string]any{"commitlog_segment_size_in_mb": 2, "commitlog_segment_size": nil}},
		{Cassandra40, map[string]any{"commitlog_sync_period": "1s", "cdc_total_space": "1GiB"}, map[string]any{"commitlog_sync_period_in_ms": 1000, "cdc_total_space_in_mb": 1024}},
		{Cassandra40, map[string]any{"commitlog_sync": "group", "commitlog_sync_period": nil, "commitlog_sync_group_window": "15ms"},
			map[string]any{"commitlog_sync_period_in_ms": nil, "commitlog_sync_group_window_in_ms": 15}},
		{Cassandra50, map[string]any{"commitlog_sync_period_in_ms": nil, "cdc_enabled": false}, map[string]any{"commitlog_sync_period": nil, "cdc_enabled": false}},
		{Cassandra41, map[string]any{"enable_materialized_views": false}, map[string]any{"materialized_views_enabled": false, "enable_materialized_views": nil}},
		{Cassandra311, map[string]any{"cdc_total_space": "much"}, map[string]any{"cdc_total_space_in_mb": "much"}},
	} {
		got := yamlOf(t, tc.line, tc.override)
		for k, v := range tc.want {
			if got[k] != v {
				t.Errorf("%s with %v: %s is %v, not %v", tc.line, tc.override, k, got[k], v)
			}
		}
	}
}

func TestConfigureReplacesEitherSpelling(t *testing.T) {
	spec, err := cassandraLine(Cassandra50)
	if err != nil {
		t.Fatal(err)
	}
	c := &Cassandra{server: &server{}, spec: spec, opts: CassandraOptions{YAML: map[string]any{"cdc_total_space": "4MiB"}}}
	c.Configure(map[string]any{"cdc_total_space_in_mb": 8})
	if diff := cmp.Diff(map[string]any{"cdc_total_space": "8MiB"}, c.opts.YAML); diff != "" {
		t.Error(diff)
	}
}

func TestOneCollector(t *testing.T) {
	c := &Cassandra{server: &server{dir: "/n"}, spec: cassandraReleases[0]}
	jars := []string{"/lib/a.jar", "/lib/jamm-0.4.0.jar"}
	if args := strings.Join(c.daemonArgs(jars), " "); !strings.Contains(args, "-XX:+UseSerialGC") || !strings.Contains(args, "-javaagent:/lib/jamm-0.4.0.jar") {
		t.Error(args)
	}
	c.opts.JVMArgs = []string{"-XX:+UseG1GC", "-Xmx512m"}
	args := strings.Join(c.daemonArgs(jars), " ")
	if strings.Contains(args, "SerialGC") || strings.Index(args, "-Xmx512m") < strings.Index(args, "-Xmx256m") {
		t.Error(args)
	}
}

func TestSetProperties(t *testing.T) {
	// As in the distribution, the last line has no newline.
	const text = "# port=1\nport=6650\n\nlast=a.b.C"
	got := setProperties(setProperties(text, map[string]string{"port": "7", "new": "x"}), map[string]string{"new": "y"})
	if want := "# port=1\nport=7\n\nlast=a.b.C\nnew=y\n"; got != want {
		t.Error(cmp.Diff(want, got))
	}
}

func TestSetYAML(t *testing.T) {
	got, err := setYAML("a: 1\nb: {c: 2}\n", map[string]any{"a": 3, "d": 4}, map[string]any{"d": nil})
	if err != nil || got != "a: 3\nb:\n    c: 2\n" {
		t.Errorf("%q, %v", got, err)
	}
}
