// Variants: their names, their settings, and what a release does not have.

package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVariant(t *testing.T) {
	for _, c := range []struct {
		v      variant
		line   string
		suffix string
		yaml   map[string]any // but for those of encryption
	}{
		{variant{Sync: "periodic"}, "5.0", "", map[string]any{"commitlog_sync_period": "100ms"}},
		{
			variant{Sync: "periodic", Compression: "LZ4", Mode: "CASSANDRA_4"}, "5.0", "-lz4-cassandra_4",
			map[string]any{
				"commitlog_sync_period": "100ms", "storage_compatibility_mode": "CASSANDRA_4",
				"commitlog_compression": []any{map[string]any{"class_name": "LZ4Compressor"}},
			},
		},
		{
			variant{Sync: "group", Direct: true}, "5.0", "-direct-group",
			map[string]any{
				"commitlog_sync_period": nil, "commitlog_sync": "group", "commitlog_sync_group_window": "20ms",
				"commitlog_disk_access_mode": "direct",
			},
		},
		{
			variant{Sync: "batch", Encrypted: true}, "3.11", "-encrypted-batch",
			map[string]any{"commitlog_sync_period": nil, "commitlog_sync": "batch", "commitlog_sync_batch_window_in_ms": 2},
		},
		{
			variant{Sync: "batch"}, "4.0", "-batch",
			map[string]any{"commitlog_sync_period": nil, "commitlog_sync": "batch"},
		},
	} {
		if err := c.v.check(c.line); err != nil {
			t.Errorf("%+v for %s: %v", c.v, c.line, err)
		}
		if got := c.v.suffix(); got != c.suffix {
			t.Errorf("%+v is called %q, want %q", c.v, got, c.suffix)
		}
		yaml := c.v.yaml(c.line, "/corpus")
		if _, on := yaml["transparent_data_encryption_options"]; on != c.v.Encrypted {
			t.Errorf("%+v: encryption is set: %v", c.v, on)
		}
		delete(yaml, "transparent_data_encryption_options")
		if diff := cmp.Diff(c.yaml, yaml); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.v, diff)
		}
	}
}

func TestVariantThatAReleaseHasNot(t *testing.T) {
	for _, c := range []struct {
		v    variant
		line string
		want string
	}{
		{variant{Compression: "Zstd"}, "3.11", "--compression Zstd needs Cassandra 4.0, this is 3.11"},
		{variant{Sync: "group"}, "3.11", "--sync group needs Cassandra 4.0, this is 3.11"},
		{variant{Direct: true, Mode: "NONE"}, "4.1", "--direct needs Cassandra 5.0, this is 4.1\n--mode needs Cassandra 5.0, this is 4.1"},
		{variant{Direct: true, Encrypted: true}, "5.0", "--direct writes plain segments only"},
	} {
		if err := c.v.check(c.line); err == nil || err.Error() != c.want {
			t.Errorf("%+v for %s gives %v, want %s", c.v, c.line, err, c.want)
		}
	}
	if !before("3.11", "4.0") || before("4.1", "4.0") || before("5.0", "5.0") {
		t.Error("the releases are not in their order")
	}
}
