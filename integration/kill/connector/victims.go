// What dies, and how it comes back.

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cassandra-cdc/cassandra-cdc/integration/hosted"
)

// victim is one kind of death.
type victim struct {
	what   string // for the page
	part   string // what is away meanwhile: of two with the same part, one dies at a time
	often  int    // in a round
	server bool   // it stays away for a while
	// kill kills it, has it away so long, and returns when it runs again: the time
	// between, without that.
	kill func(ctx context.Context, pick uint64, away time.Duration) (time.Duration, error)
}

func (s *stage) victims() []*victim {
	var all []*victim
	for _, host := range s.hosts {
		for _, p := range host.processes {
			all = append(all, &victim{what: p.what, part: p.what, often: p.often, kill: func(ctx context.Context, pick uint64, _ time.Duration) (time.Duration, error) {
				return s.killOne(ctx, host, p.list, pick)
			}})
		}
	}
	return append(all, []*victim{
		{what: "the worker with the broker", part: "the broker", often: 1, server: true, kill: func(ctx context.Context, _ uint64, away time.Duration) (time.Duration, error) {
			return s.killBroker(ctx, away, false)
		}},
		{what: "the worker with the broker and its instances", part: "the broker", often: 1, server: true, kill: func(ctx context.Context, _ uint64, away time.Duration) (time.Duration, error) {
			return s.killBroker(ctx, away, true)
		}},
		{what: "the node", part: "the node", often: 2, server: true, kill: func(ctx context.Context, _ uint64, away time.Duration) (time.Duration, error) {
			s.node.Kill()
			if err := sleep(ctx, away); err != nil {
				return 0, err
			}
			began := time.Now()
			err := s.node.Start(ctx)
			return time.Since(began), err
		}},
		{what: "the agent", part: "the agent", often: 2, kill: func(ctx context.Context, _ uint64, _ time.Duration) (time.Duration, error) {
			began := time.Now()
			s.agent.Kill()
			err := s.agent.Start(ctx)
			return time.Since(began), err
		}},
	}...)
}

// killOne kills one of the processes, once there is one, and waits for another program in
// its place.
func (s *stage) killOne(ctx context.Context, host host, list processes, pick uint64) (time.Duration, error) {
	var pids []int
	for len(pids) == 0 {
		var err error
		if pids, err = list(s.broker); err != nil {
			return 0, err
		}
		if err := sleep(ctx, lookAgain); err != nil {
			return 0, err
		}
	}
	before, err := host.programs(s.broker)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := hosted.Kill(pids[pick%uint64(len(pids))]); err != nil {
		return 0, err
	}
	err = s.until(ctx, host, "another program in the place of one that was killed", func(now []int) bool {
		return len(now) >= parallelism && len(without(now, before)) > 0
	})
	return time.Since(began), err
}

// killBroker ends the broker with its functions worker. Where its instances stay, they
// have to notice.
func (s *stage) killBroker(ctx context.Context, away time.Duration, instances bool) (time.Duration, error) {
	var before []int
	for _, host := range s.hosts {
		pids, err := host.programs(s.broker)
		if err != nil {
			return 0, err
		}
		before = append(before, pids...)
	}
	s.broker.Kill()
	if instances {
		if err := hosted.KillAll(s.broker); err != nil {
			return 0, err
		}
	}
	if err := sleep(ctx, away); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := s.broker.Start(ctx); err != nil {
		return 0, err
	}
	err := s.back(ctx, before)
	return time.Since(began), err
}

// back waits for as many programs of each host as there have to be, apart from those of
// before.
func (s *stage) back(ctx context.Context, before []int) error {
	for _, host := range s.hosts {
		if err := s.until(ctx, host, "the programs after a kill", func(now []int) bool { return len(without(now, before)) >= parallelism }); err != nil {
			return err
		}
	}
	return nil
}

// comeback bounds how long the connector may take, whose program does not start without
// the node, which may be away itself.
const (
	comeback  = 6 * time.Minute
	lookAgain = 200 * time.Millisecond
)

func (s *stage) until(ctx context.Context, host host, what string, is func(programs []int) bool) error {
	for began := time.Now(); ; {
		now, err := host.programs(s.broker)
		if err != nil || is(now) {
			return err
		}
		if time.Since(began) > comeback {
			return fmt.Errorf("%s (%s): not within %s", what, host.table, comeback)
		}
		if err := sleep(ctx, lookAgain); err != nil {
			return err
		}
	}
}

func without(pids, others []int) (left []int) {
	is := map[int]bool{}
	for _, pid := range others {
		is[pid] = true
	}
	for _, pid := range pids {
		if !is[pid] {
			left = append(left, pid)
		}
	}
	return left
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// deaths is what has died so far.
type deaths struct {
	mu    sync.Mutex
	away  map[string]bool            // parts that are down
	times map[string][]time.Duration // by what died: until it ran again
}

func (d *deaths) begin(part string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away[part] = true
}

// down says whether a part is meant to be down.
func (d *deaths) down(part string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.away[part]
}

func (d *deaths) end(v *victim, took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away[v.part] = false
	d.times[v.what] = append(d.times[v.what], took)
}

// parts are those that are down.
func (d *deaths) parts() (down []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for part, is := range d.away {
		if is {
			down = append(down, part)
		}
	}
	slices.Sort(down)
	return down
}

func (d *deaths) count() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, times := range d.times {
		n += len(times)
	}
	return n
}

// round is the victims in the order in which they die.
type round struct {
	all, left []*victim
	pick      *rand.Rand
	had       map[*victim]bool // died once at least
}

// next takes the first one out whose part is not away; nil when all are.
func (r *round) next(away func(part string) bool) *victim {
	if len(r.left) == 0 {
		for _, v := range r.all {
			for range v.often {
				r.left = append(r.left, v)
			}
		}
		r.pick.Shuffle(len(r.left), func(i, j int) { r.left[i], r.left[j] = r.left[j], r.left[i] })
	}
	for i, v := range r.left {
		if !away(v.part) {
			r.left = slices.Delete(r.left, i, i+1)
			r.had[v] = true
			return v
		}
	}
	return nil
}

// finish leaves those that have not died yet; it returns false where there are none.
func (r *round) finish() bool {
	r.left = slices.DeleteFunc(slices.Clone(r.all), func(v *victim) bool { return r.had[v] })
	return len(r.left) > 0
}

// shortAway bounds most absences of a server. One in four lasts up to what the options
// say, the first of each for so long.
const shortAway = 3 * time.Second

func (o options) absence(pick *rand.Rand, first bool) time.Duration {
	short, long := pick.Float64()*float64(min(shortAway, o.away)), (1+pick.Float64())*float64(o.away)/2
	switch is := pick.IntN(4); {
	case first:
		return o.away
	case is == 0:
		return time.Duration(long)
	}
	return time.Duration(short)
}

// killing goes on until the time is over and each has died once, and until all is back.
func (s *stage) killing(ctx context.Context, o options) error {
	pick := rand.New(rand.NewPCG(o.seed, 1<<32))
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	running, ctx := errgroup.WithContext(ctx)
	over := time.Now().Add(o.duration)
	report := time.NewTicker(10 * time.Second)
	defer report.Stop()
	round := &round{all: s.victims(), pick: pick, had: map[*victim]bool{}}
	wasAway := map[string]bool{}
	for time.Now().Before(over) || round.finish() {
		death := time.After(time.Second + time.Duration(pick.ExpFloat64()*float64(o.between-time.Second)))
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				if err := running.Wait(); err != nil {
					return err
				}
				return ctx.Err()
			case <-report.C:
				o.say(s.progress(ctx))
				if err := s.ended(); err != nil {
					stop()
					_ = running.Wait() // that they were stopped says nothing
					return err
				}
			case <-death:
				waiting = false
			}
		}
		v := round.next(s.deaths.down)
		if v == nil {
			continue
		}
		which, away := pick.Uint64(), o.absence(pick, !wasAway[v.part])
		wasAway[v.part] = true
		s.deaths.begin(v.part)
		running.Go(func() error {
			took, err := v.kill(ctx, which, away)
			if err != nil {
				return fmt.Errorf("kill %s: %w", v.what, err)
			}
			s.deaths.end(v, took)
			o.say(fmt.Sprintf("killed %s: it runs again after %.1f s", v.what, took.Seconds()))
			return nil
		})
	}
	return running.Wait()
}

// ended tells what has ended without being killed.
func (s *stage) ended() error {
	for _, p := range []struct {
		part    string
		running bool
		log     string
	}{
		{"the node", s.node.Running(), s.node.LogFile()}, {"the broker", s.broker.Running(), s.broker.LogFile()}, {"the agent", s.agent.Running(), s.agent.LogFile()},
	} {
		if !p.running && !s.deaths.down(p.part) {
			return fmt.Errorf("%s ended by itself; its log is %s", p.part, p.log)
		}
	}
	return nil
}

func (s *stage) progress(ctx context.Context) string {
	line := fmt.Sprintf("%d statements (%d sent again), %d kills", s.load.statements.Load(), s.load.repeated.Load(), s.deaths.count())
	for _, part := range s.deaths.parts() {
		line += ", without " + part
	}
	if backlog, err := s.backlog(ctx); err == nil {
		line += fmt.Sprintf(", %d events wait", backlog)
	}
	return line
}
