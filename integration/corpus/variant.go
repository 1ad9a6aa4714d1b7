// This file turns the command's flags into settings of the commit log.

package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/oracle"
)

// variant is how the commit log is written; the zero value is Cassandra's default.
type variant struct {
	Compression string `help:"Compress the commit log: LZ4, Snappy, Deflate or Zstd." enum:",LZ4,Snappy,Deflate,Zstd" default:""`
	Encrypted   bool   `help:"Encrypt the commit log, with a key in DIR/keystore.jceks."`
	Direct      bool   `help:"Write the commit log with direct I/O (5.0)."`
	Mode        string `help:"storage_compatibility_mode (5.0): NONE, UPGRADING or CASSANDRA_4." enum:",NONE,UPGRADING,CASSANDRA_4" default:""`
	Sync        string `help:"commitlog_sync: ${enum}." enum:"periodic,batch,group" default:"periodic"`
}

// suffix is what the name of a scenario's folder gets.
func (v variant) suffix() string {
	var parts []string
	add := func(part string, on bool) {
		if on {
			parts = append(parts, "-"+strings.ToLower(part))
		}
	}
	add(v.Compression, v.Compression != "")
	add("encrypted", v.Encrypted)
	add("direct", v.Direct)
	add(v.Sync, v.Sync != "periodic")
	add(v.Mode, v.Mode != "")
	return strings.Join(parts, "")
}

// check tells which settings a release line does not have.
func (v variant) check(line string) error {
	var faults []error
	needs := func(on bool, flag, lowest string) {
		if on && before(line, lowest) {
			faults = append(faults, fmt.Errorf("%s needs Cassandra %s, this is %s", flag, lowest, line))
		}
	}
	needs(v.Compression == "Zstd", "--compression Zstd", env.Cassandra40)
	needs(v.Sync == "group", "--sync group", env.Cassandra40)
	needs(v.Direct, "--direct", env.Cassandra50)
	needs(v.Mode != "", "--mode", env.Cassandra50)
	if v.Direct && (v.Compression != "" || v.Encrypted) {
		faults = append(faults, errors.New("--direct writes plain segments only"))
	}
	return errors.Join(faults...)
}

// yaml are the settings that make the variant; nil removes one.
func (v variant) yaml(line, out string) map[string]any {
	y := map[string]any{}
	if v.Compression != "" {
		y["commitlog_compression"] = []any{map[string]any{"class_name": v.Compression + "Compressor"}}
	}
	if v.Encrypted {
		y["transparent_data_encryption_options"] = map[string]any{
			"enabled": true, "chunk_length_kb": 64, "cipher": "AES/CBC/PKCS5Padding", "key_alias": oracle.KeystoreAlias, "iv_length": 16,
			"key_provider": []any{map[string]any{
				"class_name": "org.apache.cassandra.security.JKSKeyProvider",
				"parameters": []any{map[string]any{
					"keystore": filepath.Join(out, keystoreFile), "keystore_password": oracle.KeystorePassword,
					"store_type": "JCEKS", "key_password": oracle.KeystorePassword,
				}},
			}},
		}
	}
	if v.Direct {
		y["commitlog_disk_access_mode"] = "direct"
	}
	if v.Mode != "" {
		y["storage_compatibility_mode"] = v.Mode
	}
	if v.Sync != "periodic" {
		y["commitlog_sync"] = v.Sync
		y["commitlog_sync_period"] = nil
	}
	switch {
	case v.Sync == "group":
		y["commitlog_sync_group_window"] = "20ms"
	case v.Sync == "batch" && line == env.Cassandra311:
		y["commitlog_sync_batch_window_in_ms"] = 2
	}
	return y
}

// lines are the release lines, oldest first.
var lines = []string{env.Cassandra311, env.Cassandra40, env.Cassandra41, env.Cassandra50}

// before tells whether a release line is older than another.
func before(line, other string) bool {
	for _, l := range lines {
		if l == line || l == other {
			return l == line && line != other
		}
	}
	return false
}
