// What `cassandra-cdc doctor` looks at beyond the checks of the settings: room, clocks,
// the whole cluster, and the agent that runs.

package doctor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cassandra-cdc/cassandra-cdc/agent/check"
	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/agent/node"
	"github.com/cassandra-cdc/cassandra-cdc/agent/status"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
)

// Examination is [Checks] and what else can be wrong around an agent.
func Examination(cfg config.Config, loaded error) []check.Check {
	p := &probe{cfg: cfg, loaded: loaded, machine: node.ThisMachine()}
	return append(p.checks(),
		check.Check{Name: "room", Run: p.room},
		check.Check{Name: "release", Run: p.release},
		check.Check{Name: "schema agreement", Run: p.agreement},
		check.Check{Name: "clock", Run: p.clock},
		check.Check{Name: "agent", Run: p.running},
	)
}

// room looks at what cdc_raw holds and whether the volume has room for what it may hold.
func (p *probe) room(context.Context) []check.Result {
	if !p.settled {
		return check.LeftOut(noYAML)
	}
	dir := p.node.CDCRawDirectory
	used, err := node.DirectorySize(dir)
	var volume unix.Statfs_t
	if err == nil {
		err = unix.Statfs(dir, &volume)
	}
	if err != nil {
		return check.LeftOut("cdc_raw cannot be read: " + err.Error())
	}
	free := int64(volume.Bavail) * int64(volume.Bsize) //nolint:unconvert // other types on other systems
	return judgeRoom(dir, used, p.node.CDCLimit(), free)
}

func judgeRoom(dir string, used, limit, free int64) (results []check.Result) {
	const remedy = "see what keeps segments from being published (cassandra-cdc status), or raise cdc_total_space in cassandra.yaml"
	percent := int64(0)
	if limit > 0 {
		percent = used * 100 / limit
	}
	held := fmt.Sprintf("%s holds %d of %d MiB, %d %%", dir, used>>20, limit>>20, percent)
	switch {
	case percent >= 80:
		results = append(results, check.Result{Problem: held + ": when it is full, Cassandra refuses writes to tables with CDC", Remedy: remedy})
	case percent >= 50:
		results = append(results, check.Result{Problem: held, Remedy: remedy, Advice: true})
	}
	if missing := limit - used - free; missing > 0 {
		results = append(results, check.Result{
			Advice:  true,
			Problem: fmt.Sprintf("the volume of %s has %d MiB free, %d MiB less than cdc_raw may still take: it can be full before cdc_raw is", dir, free>>20, missing>>20+1),
			Remedy:  "make room on the volume, or lower cdc_total_space in cassandra.yaml",
		})
	}
	if len(results) == 0 {
		return check.Fine("%s; %d MiB free on the volume", held, free>>20)
	}
	return results
}

var errNotAsked = errors.New("Cassandra was not reached") //nolint:staticcheck // a name begins it

// ask calls f with a session of the node.
func (p *probe) ask(ctx context.Context, f func(ctx context.Context, s *cassandra.Session) error) error {
	if !p.asked {
		return errNotAsked
	}
	cfg := p.cfg.Cassandra(p.node, slog.New(slog.DiscardHandler))
	cfg.Timeout = checkTimeout
	s, err := cassandra.Connect(ctx, cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	return f(ctx, s)
}

// release looks whether the node's release is one that the agent is tested with.
func (p *probe) release(ctx context.Context) []check.Result {
	var at cassandra.Node
	err := p.ask(ctx, func(ctx context.Context, s *cassandra.Session) (err error) {
		at, err = s.Local(ctx, "")
		return err
	})
	if err != nil {
		return check.LeftOut(err.Error())
	}
	return judgeRelease(at.ReleaseVersion)
}

func judgeRelease(release string) []check.Result {
	for _, line := range []string{"4.0.", "4.1.", "5.0."} {
		if strings.HasPrefix(release, line) {
			return check.Fine("%s is of a line that the agent is tested with", release)
		}
	}
	if strings.HasPrefix(release, "3.11.") {
		return []check.Result{{
			Advice: true, Problem: release + ": 3.11 moves a segment to cdc_raw only when all of its tables were flushed",
			Remedy: "see docs/agent.md for what that means for latency",
		}}
	}
	return []check.Result{{Advice: true, Problem: "the agent is not tested with Cassandra " + release, Remedy: "3.11, 4.0, 4.1 and 5.0 are"}}
}

// agreement looks whether all nodes have the same schema.
func (p *probe) agreement(ctx context.Context) []check.Result {
	var versions map[string][]string
	err := p.ask(ctx, func(ctx context.Context, s *cassandra.Session) (err error) {
		versions, err = s.SchemaVersions(ctx)
		return err
	})
	if err != nil {
		return check.LeftOut(err.Error())
	}
	return judgeAgreement(versions)
}

func judgeAgreement(versions map[string][]string) []check.Result {
	nodes := 0
	var groups []string
	for _, list := range versions {
		nodes += len(list)
		groups = append(groups, strings.Join(list, ", "))
	}
	if len(versions) <= 1 {
		return check.Fine("the same on every node; nodes: %d", nodes)
	}
	return check.Fault("nodetool describecluster shows them; a node that is down or overloaded keeps its old schema. Avoid ALTER TABLE until they agree",
		fmt.Sprintf("the nodes have %d different schemas: %s", len(versions), strings.Join(groups, " / ")))
}

// clock compares this machine's with the node's, and asks the kernel whether somebody
// keeps it right. Lag is computed from write times, and write times from such clocks.
func (p *probe) clock(ctx context.Context) []check.Result {
	var results []check.Result
	var apart time.Duration
	err := p.ask(ctx, func(ctx context.Context, s *cassandra.Session) error {
		before := time.Now()
		there, err := s.Clock(ctx)
		here := before.Add(time.Since(before) / 2)
		apart = there.Sub(here)
		return err
	})
	switch {
	case err != nil:
		results = append(results, check.Result{LeftOut: err.Error()})
	case apart.Abs() > time.Second:
		results = append(results, check.Result{
			Advice: true, Problem: fmt.Sprintf("the node's clock differs from this machine's by %s", apart.Round(time.Millisecond)),
			Remedy: "keep both with NTP; lag and latency are wrong by as much",
		})
	default:
		results = append(results, check.Result{Fine: fmt.Sprintf("the node's differs from this machine's by %s", apart.Round(time.Millisecond))})
	}
	if known, synchronized := clockSynchronized(); known && !synchronized {
		results = append(results, check.Result{
			Advice: true, Problem: "nobody keeps this machine's clock right (the kernel says it is not synchronized)",
			Remedy: "run chrony, ntpd or systemd-timesyncd: Cassandra decides by write times which write wins",
		})
	}
	return results
}

// running asks the agent that runs, if one does.
func (p *probe) running(ctx context.Context) []check.Result {
	address := p.cfg.StatusAddress()
	if address == "" {
		return check.LeftOut("httpAddress is off, so that a running agent cannot be asked")
	}
	report, err := status.Ask(ctx, address)
	if err != nil {
		return []check.Result{{Advice: true, Problem: err.Error(), Remedy: "systemctl status cassandra-cdc tells whether it runs"}}
	}
	if len(report.Conditions) == 0 {
		return check.Fine("%s at %s", report.State, address)
	}
	var results []check.Result
	for _, c := range report.Conditions {
		results = append(results, check.Result{Problem: fmt.Sprintf("%s: %s: %s", c.Code, c.Title, c.Detail), Remedy: c.Remedy, Advice: c.Severity != health.Error})
	}
	return results
}
