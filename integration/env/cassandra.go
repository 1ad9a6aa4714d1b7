// This file starts Cassandra nodes.

package env

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// CassandraOptions says what node to start. The zero value is a node of the
// newest line, with change data capture on, on free ports of 127.0.0.1.
type CassandraOptions struct {
	// Version is a line, "5.0", "4.1", "4.0" or "3.11", or the exact release
	// behind one. Default: "5.0".
	Version string
	// Name is the name of the node's folder in the work directory. A folder
	// of that name that holds a node is started again, with its data and
	// ports. Default: "cassandra", then "cassandra-2" and so on.
	Name string
	// Host is a loopback address. Default: 127.0.0.1.
	Host string
	// Port is for CQL. Default: a free one.
	Port int
	// StoragePort is for other nodes. Default: a free one.
	StoragePort int
	// Seeds are other nodes' Seed(), for a cluster. On 3.11 all nodes of a
	// cluster need one StoragePort and a Host each. Default: the node itself.
	Seeds []string
	// YAML overrides settings of cassandra.yaml; nil removes one. Names and
	// values with units may be given in either spelling, 3.11's and 4.0's
	// (commitlog_segment_size_in_mb: 1) or 4.1's and later
	// (commitlog_segment_size: 1MiB), whatever the node's release.
	YAML map[string]any
	// JVMArgs come after the default ones, so that -Xmx512m wins.
	JVMArgs []string
}

// Cassandra is a node in a directory of its own, running or not.
type Cassandra struct {
	*server
	spec  cassandraRelease
	java  string // home of the Java it runs on
	lib   string // folder of its jars
	host  string
	ports cassandraPorts
	opts  CassandraOptions
}

type cassandraPorts struct {
	CQL     int `json:"cql"`
	Storage int `json:"storage"`
	SSL     int `json:"ssl_storage"`
	JMX     int `json:"jmx"`
}

// StartCassandra fetches what is missing, starts a node and returns when it
// answers on its CQL port. When it returns an error nothing is left running;
// the node's folder stays for a look.
func (e *Env) StartCassandra(ctx context.Context, opts CassandraOptions) (*Cassandra, error) {
	spec, err := cassandraLine(opts.Version)
	if err != nil {
		return nil, err
	}
	if opts.Host == "" {
		opts.Host = "127.0.0.1"
	}
	s, err := e.newServer("cassandra", spec.release, opts.Name)
	if err != nil {
		return nil, err
	}
	c := &Cassandra{server: s, spec: spec, host: opts.Host, opts: opts}
	if err := c.bringUp(ctx); err != nil {
		e.forget(s)
		return nil, err
	}
	return c, nil
}

// cassandraLine finds a release by its line or its full number.
func cassandraLine(version string) (cassandraRelease, error) {
	if version == "" {
		return cassandraReleases[0], nil
	}
	var known []string
	for _, r := range cassandraReleases {
		if version == r.line || version == r.release {
			return r, nil
		}
		known = append(known, fmt.Sprintf("%s (%s)", r.line, r.release))
	}
	return cassandraRelease{}, fmt.Errorf("cassandra %s is not known here; known are %s", version, strings.Join(known, ", "))
}

// bringUp fetches, chooses ports, or takes those of the folder, and starts.
func (c *Cassandra) bringUp(ctx context.Context) error {
	var err error
	if c.java, err = c.env.javaHome(ctx, c.spec.java, "Cassandra "+c.spec.release); err != nil {
		return err
	}
	if c.lib, err = c.env.cassandraJars(ctx, c.spec); err != nil {
		return err
	}
	return c.onFreePorts(func() error {
		in, err := c.resume("data", "commitlog", "cdc_raw", "hints", "saved_caches")
		if err != nil {
			return err
		}
		if in != nil {
			c.host, c.ports = in.Host, in.Cassandra
		} else if err := c.choosePorts(); err != nil {
			return err
		}
		c.pinPorts()
		if err := c.remember(in != nil); err != nil {
			return err
		}
		if err := c.Start(ctx); err != nil {
			return err
		}
		return c.remember(true)
	})
}

func (c *Cassandra) remember(ready bool) error {
	return saveInstance(c.dir, instance{Kind: c.kind, Release: c.release, Host: c.host, Ready: ready, Cassandra: c.ports})
}

func (c *Cassandra) choosePorts() error {
	free, err := freePorts(c.host, 4)
	if err != nil {
		return err
	}
	c.ports = cassandraPorts{CQL: free[0], Storage: free[1], SSL: free[2], JMX: free[3]}
	return nil
}

// pinPorts puts the caller's own choices in.
func (c *Cassandra) pinPorts() {
	if c.opts.Port != 0 {
		c.ports.CQL = c.opts.Port
	}
	if c.opts.StoragePort != 0 {
		c.ports.Storage = c.opts.StoragePort
	}
}

// Start starts the node again after Stop, Kill or a crash, with its data and
// ports, and returns when it answers. Nothing happens if it runs.
func (c *Cassandra) Start(ctx context.Context) error {
	c.starting.Lock()
	defer c.starting.Unlock()
	if c.Running() {
		return nil
	}
	for _, port := range []int{c.ports.CQL, c.ports.Storage, c.ports.JMX} {
		if err := portFree(c.host, port); err != nil {
			return fmt.Errorf("start %s: %w", c.label(), err)
		}
	}
	if err := c.writeFiles(); err != nil {
		return fmt.Errorf("start %s: %w", c.label(), err)
	}
	jars, err := jarsIn(c.lib)
	if err != nil {
		return fmt.Errorf("start %s: %w", c.label(), err)
	}
	cmd := exec.Command(javaProgram(c.java), c.daemonArgs(jars)...)
	cmd.Dir = c.dir
	return c.launch(ctx, cmd, func(ctx context.Context) error { return askCQL(ctx, c.Address()) })
}

// Configure changes settings of cassandra.yaml, as in CassandraOptions.YAML,
// from the next Start on.
func (c *Cassandra) Configure(yaml map[string]any) {
	c.starting.Lock()
	defer c.starting.Unlock()
	merged := make(map[string]any, len(c.opts.YAML)+len(yaml))
	for _, set := range []map[string]any{c.opts.YAML, yaml} {
		for k, v := range set {
			k, v = c.spec.spell(k, v)
			merged[k] = v
		}
	}
	c.opts.YAML = merged
}

// writeFiles makes the node's directories and writes its configuration.
func (c *Cassandra) writeFiles() error {
	for _, sub := range []string{"conf", "tmp", "logs", "data", "commitlog", "cdc_raw", "hints", "saved_caches"} {
		if err := os.MkdirAll(filepath.Join(c.dir, sub), 0o755); err != nil {
			return err
		}
	}
	text, err := c.yamlText()
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"cassandra.yaml":    text,
		"logback.xml":       []byte(logbackServer),
		"logback-tools.xml": []byte(logbackTools),
	} {
		if err := os.WriteFile(filepath.Join(c.dir, "conf", name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Host is the address the node listens on, Port its CQL port.
func (c *Cassandra) Host() string { return c.host }

// Port is the node's CQL port.
func (c *Cassandra) Port() int { return c.ports.CQL }

// JMXPort is where nodetool connects.
func (c *Cassandra) JMXPort() int { return c.ports.JMX }

// Address is host:port for CQL.
func (c *Cassandra) Address() string { return net.JoinHostPort(c.host, strconv.Itoa(c.ports.CQL)) }

// Seed is how other nodes name this one in CassandraOptions.Seeds.
func (c *Cassandra) Seed() string {
	if c.spec.line == Cassandra311 {
		return c.host
	}
	return net.JoinHostPort(c.host, strconv.Itoa(c.ports.Storage))
}

// YAML is the path of cassandra.yaml.
func (c *Cassandra) YAML() string { return filepath.Join(c.dir, "conf", "cassandra.yaml") }

// CommitLogDir is the commitlog_directory, unless YAML changed it.
func (c *Cassandra) CommitLogDir() string { return filepath.Join(c.dir, "commitlog") }

// CDCRawDir is the cdc_raw_directory, unless YAML changed it.
func (c *Cassandra) CDCRawDir() string { return filepath.Join(c.dir, "cdc_raw") }

// DataDir is the one data_file_directory, unless YAML changed it.
func (c *Cassandra) DataDir() string { return filepath.Join(c.dir, "data") }

// Java is the home of the Java the node runs on.
func (c *Cassandra) Java() string { return c.java }

// Lib is the folder of the release's jars.
func (c *Cassandra) Lib() string { return c.lib }
