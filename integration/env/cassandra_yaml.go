// This file writes cassandra.yaml in the spelling of each release.

package env

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// setting is one that was renamed with 4.1: before, the unit was in the name.
type setting struct {
	plain string // 4.1 and later: value with unit, "1MiB"
	old   string // up to 4.0: bare number
	unit  string // of the bare number
}

// renamed are the settings tests are likely to touch (conf/cassandra.yaml of
// 4.0 and 4.1, class org.apache.cassandra.config.Config, annotation @Replaces).
var renamed = []setting{
	{"commitlog_sync_period", "commitlog_sync_period_in_ms", "ms"},
	{"commitlog_sync_group_window", "commitlog_sync_group_window_in_ms", "ms"},
	{"periodic_commitlog_sync_lag_block", "periodic_commitlog_sync_lag_block_in_ms", "ms"},
	{"commitlog_segment_size", "commitlog_segment_size_in_mb", "MiB"},
	{"commitlog_total_space", "commitlog_total_space_in_mb", "MiB"},
	{"max_mutation_size", "max_mutation_size_in_kb", "KiB"},
	{"cdc_total_space", "cdc_total_space_in_mb", "MiB"},
	{"cdc_free_space_check_interval", "cdc_free_space_check_interval_ms", "ms"},
	{"memtable_heap_space", "memtable_heap_space_in_mb", "MiB"},
	{"memtable_offheap_space", "memtable_offheap_space_in_mb", "MiB"},
	{"key_cache_size", "key_cache_size_in_mb", "MiB"},
	{"row_cache_size", "row_cache_size_in_mb", "MiB"},
	{"counter_cache_size", "counter_cache_size_in_mb", "MiB"},
	{"file_cache_size", "file_cache_size_in_mb", "MiB"},
	{"native_transport_max_frame_size", "native_transport_max_frame_size_in_mb", "MiB"},
	{"read_request_timeout", "read_request_timeout_in_ms", "ms"},
	{"range_request_timeout", "range_request_timeout_in_ms", "ms"},
	{"write_request_timeout", "write_request_timeout_in_ms", "ms"},
	{"counter_write_request_timeout", "counter_write_request_timeout_in_ms", "ms"},
	{"truncate_request_timeout", "truncate_request_timeout_in_ms", "ms"},
	{"request_timeout", "request_timeout_in_ms", "ms"},
	{"max_hint_window", "max_hint_window_in_ms", "ms"},
	{"materialized_views_enabled", "enable_materialized_views", ""},
	{"user_defined_functions_enabled", "enable_user_defined_functions", ""},
	{"sasi_indexes_enabled", "enable_sasi_indexes", ""},
}

// spell turns a setting in either spelling into this release's.
func (r cassandraRelease) spell(key string, value any) (string, any) {
	for _, s := range renamed {
		switch {
		case r.unitNames && key == s.plain:
			return s.old, bare(value, s.unit)
		case !r.unitNames && key == s.old:
			return s.plain, withUnit(value, s.unit)
		}
	}
	return key, value
}

// unitSizes are the sizes of units, each in the smallest of its family.
var unitSizes = map[string]float64{
	"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1, "s": 1000, "m": 60e3, "h": 3600e3, "d": 86400e3,
	"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
}

// bare turns "10s" into 10000 for unit "ms". What is no number with a unit
// stays as it is, for Cassandra to judge.
func bare(value any, unit string) any {
	text, ok := value.(string)
	if !ok || unit == "" {
		return value
	}
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZµ")
	size, known := unitSizes[text[len(digits):]]
	number, err := strconv.ParseInt(digits, 10, 64)
	if !known || err != nil {
		return value
	}
	return int64(float64(number) * size / unitSizes[unit])
}

// withUnit turns 10000 into "10000ms".
func withUnit(value any, unit string) any {
	if unit == "" {
		return value
	}
	switch value.(type) {
	case int, int32, int64, uint, uint32, uint64:
		return fmt.Sprintf("%d%s", value, unit)
	}
	return value
}

// settings are the node's, before its caller's overrides, in 4.1's spelling.
// Writing is at Cassandra's default, periodic with 10 s, because change data
// capture must be good at exactly that; memory and segments are small.
func (c *Cassandra) settings() map[string]any {
	seeds := strings.Join(c.opts.Seeds, ",")
	if seeds == "" {
		seeds = c.Seed()
	}
	y := map[string]any{
		"cluster_name":           "cdc",
		"num_tokens":             4,
		"partitioner":            "org.apache.cassandra.dht.Murmur3Partitioner",
		"data_file_directories":  []string{c.DataDir()},
		"commitlog_directory":    c.CommitLogDir(),
		"cdc_raw_directory":      c.CDCRawDir(),
		"hints_directory":        filepath.Join(c.dir, "hints"),
		"saved_caches_directory": filepath.Join(c.dir, "saved_caches"),
		"cdc_enabled":            true,
		"commitlog_sync":         "periodic",
		"commitlog_sync_period":  "10000ms",
		"commitlog_segment_size": "1MiB", // a mutation may be half of it
		"commitlog_total_space":  "64MiB",
		"seed_provider": []any{map[string]any{
			"class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
			"parameters": []any{map[string]any{"seeds": seeds}},
		}},
		"listen_address":             c.host,
		"rpc_address":                c.host,
		"native_transport_port":      c.ports.CQL,
		"storage_port":               c.ports.Storage,
		"ssl_storage_port":           c.ports.SSL,
		"start_native_transport":     true,
		"endpoint_snitch":            "SimpleSnitch",
		"auto_snapshot":              false,
		"authenticator":              "AllowAllAuthenticator",
		"authorizer":                 "AllowAllAuthorizer",
		"concurrent_reads":           4,
		"concurrent_writes":          4,
		"concurrent_counter_writes":  4,
		"memtable_heap_space":        "64MiB",
		"memtable_offheap_space":     "32MiB",
		"key_cache_size":             "4MiB",
		"file_cache_size":            "32MiB",
		"materialized_views_enabled": true,
	}
	if c.spec.line == Cassandra311 {
		y["num_tokens"] = 1
		y["start_rpc"] = false
	}
	return y
}

// yamlText is the whole file: defaults, then the caller's overrides, all in the
// release's spelling, sorted by name.
func (c *Cassandra) yamlText() ([]byte, error) {
	out := make(map[string]any)
	for k, v := range c.settings() {
		k, v = c.spec.spell(k, v)
		out[k] = v
	}
	for k, v := range c.opts.YAML {
		k, v = c.spec.spell(k, v)
		if v == nil {
			delete(out, k)
			continue
		}
		out[k] = v
	}
	text, err := yaml.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("write cassandra.yaml: %w", err)
	}
	return text, nil
}
