// This file remembers, in a server's directory, what makes it startable again
// by a later run: its release, address and ports.

package env

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

type instance struct {
	Kind      string         `json:"kind"`
	Release   string         `json:"release"`
	Host      string         `json:"host"`
	Ready     bool           `json:"ready"` // came up at least once; else its data is worthless
	Cassandra cassandraPorts `json:"cassandra,omitzero"`
	Pulsar    pulsarPorts    `json:"pulsar,omitzero"`
}

const instanceFile = "instance.json"

// resume returns what the server's directory remembers, nil if it is to start
// from nothing. What a first start left that never succeeded is removed: such
// data may name ports that the server no longer has.
func (s *server) resume(data ...string) (*instance, error) {
	in, err := loadInstance(s.dir)
	if in == nil || err != nil {
		return nil, err
	}
	if in.Ready {
		return in, in.sameAs(s)
	}
	for _, sub := range data {
		if err := os.RemoveAll(filepath.Join(s.dir, sub)); err != nil {
			return nil, fmt.Errorf("remove what a failed start left: %w", err)
		}
	}
	return nil, nil
}

// loadInstance returns nil if the directory holds no server yet.
func loadInstance(dir string) (*instance, error) {
	b, err := os.ReadFile(filepath.Join(dir, instanceFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for a server in %s: %w", dir, err)
	}
	var in instance
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, instanceFile), err)
	}
	return &in, nil
}

func saveInstance(dir string, in instance) error {
	b, err := json.MarshalIndent(in, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the server's directory: %w", err)
	}
	path := filepath.Join(dir, instanceFile)
	if err := os.WriteFile(path+".part", append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("remember the server's ports: %w", err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		return fmt.Errorf("remember the server's ports: %w", err)
	}
	return nil
}

// sameAs refuses to start one release on the files of another.
func (in *instance) sameAs(s *server) error {
	if in.Kind != s.kind || in.Release != s.release {
		return fmt.Errorf("%s holds %s %s, not %s %s; choose another name or remove it",
			s.dir, in.Kind, in.Release, s.kind, s.release)
	}
	return nil
}
