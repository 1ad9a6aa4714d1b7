// What `cassandra-cdc agent --check` looks at: all that the agent needs, without
// changing anything.

// Package doctor looks at a configuration and at what it names, and tells a person what is
// wrong with it: the settings, the node's files, the node, the broker (checks.go), and
// for a longer look the machine, the cluster and the agent that runs (examine.go). It
// leaves everything as it was. How results are shown is package check's.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/check"
	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/agent/node"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// Checks are the checks of a configuration and of what it names. loaded is the error of
// [config.Load], whose faults are part of the result.
func Checks(cfg config.Config, loaded error) []check.Check {
	return (&probe{cfg: cfg, loaded: loaded, machine: node.ThisMachine()}).checks()
}

func (p *probe) checks() []check.Check {
	return []check.Check{
		{Name: "settings", Run: p.settings},
		{Name: "cassandra.yaml", Run: p.cassandraYAML},
		{Name: "directories", Run: p.directories},
		{Name: "working directory", Run: p.workingDir},
		{Name: "Cassandra", Run: p.cassandra},
		{Name: "tables", Run: p.tables},
		{Name: "Pulsar", Run: p.pulsar},
		{Name: "events topics", Run: p.topics},
	}
}

// probe is what one check leaves for the next.
type probe struct {
	cfg     config.Config
	loaded  error
	machine node.Machine

	settled bool // cfg is complete, and node was read
	node    node.Node
	faulty  []string        // settings that are wrong
	list    []*schema.Table // that will be published
	idle    []string        // patterns that match no table
	asked   bool            // the two are known
	client  *pulsar.Client
}

const checkTimeout = 10 * time.Second

func (p *probe) settings(context.Context) []check.Result {
	all := append(settings.FaultsOf(p.loaded), settings.FaultsOf(p.cfg.Validate())...)
	var results []check.Result
	for _, f := range all {
		p.faulty = append(p.faulty, f.Key)
		results = append(results, faultResult(f))
	}
	for _, w := range p.cfg.Warnings() {
		results = append(results, check.Result{Problem: w, Advice: true})
	}
	if len(results) == 0 {
		return check.Fine("%d set, the others have their defaults", p.cfg.Given())
	}
	return results
}

func faultResult(f settings.Fault) check.Result {
	hint := f.Hint
	f.Hint = ""
	return check.Result{Problem: f.Error(), Remedy: hint}
}

func (p *probe) cassandraYAML(context.Context) []check.Result {
	var err error
	if p.cfg, p.node, err = p.cfg.Place(p.machine); err != nil {
		return faultResults(err)
	}
	p.settled = true
	var results []check.Result
	for _, f := range settings.FaultsOf(p.node.Faults()) {
		if !strings.HasSuffix(f.Key, "_directory") { // they are a check of their own
			results = append(results, faultResult(f))
		}
	}
	p.cfg, err = p.cfg.Meet(p.node)
	for _, f := range settings.FaultsOf(err) {
		p.faulty = append(p.faulty, f.Key)
		results = append(results, faultResult(f))
	}
	if d := p.node.SyncDelay(); d > time.Second {
		results = append(results, check.Result{
			Advice: true, Problem: fmt.Sprintf("%s: the commit log is compressed, encrypted or written with direct I/O, so events come with the sync only, every %s", p.node.YAML, d),
			Remedy: "a commitlog_sync_period of 100 ms makes them prompt",
		})
	}
	if len(results) == 0 {
		return check.Fine("%s, found by %s; cdc_enabled; commit log: %s", p.node.YAML, p.node.FoundBy, p.node.CommitLog())
	}
	return results
}

func faultResults(err error) []check.Result {
	var results []check.Result
	for _, f := range settings.FaultsOf(err) {
		results = append(results, faultResult(f))
	}
	return results
}

// wrong is a setting with a fault whose name begins with one of the prefixes.
func (p *probe) wrong(prefixes ...string) string {
	for _, key := range p.faulty {
		for _, prefix := range prefixes {
			if strings.HasPrefix(key, prefix) {
				return key
			}
		}
	}
	return ""
}

const noYAML = "cassandra.yaml was not read"

func (p *probe) directories(context.Context) []check.Result {
	if !p.settled {
		return check.LeftOut(noYAML)
	}
	if !p.node.CDCEnabled { // then Cassandra makes no cdc_raw
		return check.LeftOut("cdc_enabled is not true")
	}
	var results []check.Result
	for _, f := range settings.FaultsOf(p.node.Faults()) {
		if strings.HasSuffix(f.Key, "_directory") {
			results = append(results, faultResult(f))
		}
	}
	if os.Geteuid() == 0 && !ownedByRoot(p.node.CDCRawDirectory) {
		results = append(results, check.Result{
			Advice: true, Problem: p.node.CDCRawDirectory + " does not belong to root, which this check runs as, and which may read and write everything",
			Remedy: "run the check as the agent's user",
		})
	}
	if len(results) == 0 {
		limit := "Cassandra's default limit"
		if n := p.node.CDCSpace(); n > 0 {
			limit = fmt.Sprintf("at most %d MiB", n>>20)
		}
		blocks := "full, it makes Cassandra reject writes"
		if b := p.node.CDCBlockWrites; b != nil && !*b {
			blocks = "full, Cassandra deletes the oldest segment unread (cdc_block_writes: false)"
		}
		return check.Fine("%s (%s; %s), %s", p.node.CDCRawDirectory, limit, blocks, p.node.CommitLogDirectory)
	}
	return results
}

// workingDir looks whether checkpoints can be written. The directory is the agent's own,
// so that an attempt to write is the surest answer, also about a full disk.
func (p *probe) workingDir(context.Context) []check.Result {
	dir := p.cfg.CDCWorkingDir
	if dir == "" {
		return check.LeftOut(noYAML)
	}
	const remedy = "make it a directory that belongs to the agent's user, with room for checkpoints, or set cdcWorkingDir to one"
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		parent := filepath.Dir(dir)
		for parent != filepath.Dir(parent) {
			if _, err := os.Stat(parent); err == nil {
				break
			}
			parent = filepath.Dir(parent)
		}
		if err := node.UsableDir(parent, true); err != nil {
			return check.Fault(remedy, "cdcWorkingDir: "+dir+" is not there and cannot be made: "+err.Error())
		}
		return check.Fine("%s will be made at the start", dir)
	}
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no directory", dir)
	}
	if err == nil {
		err = tryWriting(dir)
	}
	if err != nil {
		return check.Fault(remedy, "cdcWorkingDir: "+err.Error())
	}
	return check.Fine("%s", dir)
}

func tryWriting(dir string) error {
	f, err := os.CreateTemp(dir, "check-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := io.WriteString(f, strings.Repeat(".", 4096)); err != nil {
		return err
	}
	return f.Sync()
}

func (p *probe) cassandra(ctx context.Context) []check.Result {
	if !p.settled || p.cfg.ContactPoint == "" {
		return check.LeftOut(noYAML)
	}
	if key := p.wrong("contactPoint", "cassandraUsername", "cassandraPassword", "cassandraTls"); key != "" {
		return check.LeftOut("the setting " + key + " is wrong")
	}
	cfg := p.cfg.Cassandra(p.node, slog.New(slog.DiscardHandler))
	cfg.Timeout = checkTimeout
	session, err := cassandra.Connect(ctx, cfg)
	if err != nil {
		return check.Fault("the settings are contactPoint, cassandraUsername, cassandraPassword, cassandraTls…", err.Error())
	}
	defer session.Close()
	local, err := session.Local(ctx, "")
	if err != nil {
		return check.Fault("the node must answer for system.local", err.Error())
	}
	rows, err := session.Schema(ctx, local.HostID, "")
	if err != nil {
		return check.Fault("the role may lack the permission to read system_schema: GRANT SELECT ON KEYSPACE system_schema", err.Error())
	}
	tables, err := schema.NewSnapshot(rows)
	p.remember(tables)
	if err != nil { // the others are there all the same
		return check.Fault("entries of these tables go into quarantine; a newer version may know them", err.Error())
	}
	transport := "without TLS"
	if cfg.TLS != nil {
		transport = "over TLS"
	}
	return check.Fine("%s at %s %s, host id %s", local.ReleaseVersion, p.cfg.ContactPoint, transport, local.HostID)
}

// remember keeps the tables that will be published.
func (p *probe) remember(all *schema.Snapshot) {
	filter, err := p.cfg.TableFilter()
	if err != nil {
		return // a fault of the settings
	}
	for _, t := range all.Tables() {
		if t.CDC && filter.Passes(t) {
			p.list = append(p.list, t)
		}
	}
	p.idle = filter.Unmatched(all.Tables())
	p.asked = true
}

func (p *probe) tables(context.Context) []check.Result {
	if !p.asked {
		return check.LeftOut("Cassandra was not asked")
	}
	var results []check.Result
	for _, pattern := range p.idle {
		results = append(results, check.Result{Advice: true, Problem: fmt.Sprintf("tables, excludeTables: %s matches no table", pattern), Remedy: "mind the case of letters; names are as in system_schema, without quotes"})
	}
	var names []string
	for _, t := range p.list {
		names = append(names, t.String())
		if t.Counter {
			results = append(results, check.Result{Advice: true, Problem: t.String() + " is a counter table: its updates become no events"})
		} else if _, err := event.NewKey(t); err != nil {
			results = append(results, check.Result{Problem: fmt.Sprintf("%s: %v", t, err), Remedy: "its changes go into quarantine; leave it out with excludeTables"})
		}
	}
	if len(names) == 0 {
		return append(results, check.Result{Advice: true, Problem: "no table is to be published: none has cdc = true, or the patterns leave all out", Remedy: "ALTER TABLE ks.t WITH cdc = true"})
	}
	return append(results, check.Result{Fine: strings.Join(names, ", ")})
}

func (p *probe) pulsar(ctx context.Context) []check.Result {
	if key := p.wrong("pulsarServiceUrl", "pulsarAuth", "tls", "ssl", "useKeyStoreTls"); key != "" {
		return check.LeftOut("the setting " + key + " is wrong")
	}
	cfg := p.cfg.Pulsar(slog.New(slog.DiscardHandler))
	cfg.OperationTimeout = checkTimeout
	client, err := pulsar.Connect(ctx, cfg)
	if err != nil {
		return check.Fault("the settings are pulsarServiceUrl, pulsarAuthPluginClassName, pulsarAuthParams, and for TLS tlsTrustCertsFilePath, ssl…", err.Error())
	}
	p.client = client
	return check.Fine("%s", cfg.ServiceURL)
}

// topics asks for the events topics. It makes no producer, which would make a topic
// that is not there yet; a role that may neither produce nor consume is found all
// the same.
func (p *probe) topics(ctx context.Context) []check.Result {
	if p.client == nil {
		return check.LeftOut("Pulsar was not reached")
	}
	defer p.client.Close()
	if !p.asked {
		return check.LeftOut("Cassandra was not asked for the tables")
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var results []check.Result
	for _, t := range p.list {
		topic := event.Topic(p.cfg.TopicPrefix, t)
		// The broker makes no topic for a question about a partition of one.
		if _, err := p.client.Partitions(ctx, topic+"-partition-0"); err != nil && !errors.Is(err, pulsar.ErrTopicNotFound) {
			results = append(results, check.Result{Problem: err.Error(), Remedy: "grant this role the permission to produce in the topic's namespace; topicPrefix says which namespace"})
		}
	}
	if len(results) == 0 {
		return check.Fine("%d, named %s<keyspace>.<table>; whether this role may produce shows at the first event", len(p.list), p.cfg.TopicPrefix)
	}
	return results
}
