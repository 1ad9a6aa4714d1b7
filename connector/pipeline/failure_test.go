// What becomes of events when reads, publications or the pipeline's ends fail, and at
// a stop (invariants 1 and 6).

package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

var (
	errTrouble    = errors.New("node down")
	errImpossible = errors.New("no such column")
	errFatal      = errors.New("not allowed")
)

func classify(err error) pipeline.Class {
	switch {
	case errors.Is(err, errImpossible):
		return pipeline.Impossible
	case errors.Is(err, errFatal):
		return pipeline.Fatal
	}
	return pipeline.Retry
}

// answers makes a read that fails with each of the errors in turn and then succeeds.
func answers(r *rig, errs ...error) func(context.Context, readback.Request) (readback.Row, error) {
	var mu sync.Mutex
	return func(_ context.Context, req readback.Request) (readback.Row, error) {
		mu.Lock()
		defer mu.Unlock()
		if len(errs) > 0 {
			err := errs[0]
			errs = errs[1:]
			return readback.Row{}, err
		}
		return r.row("v", true, req), nil
	}
}

// Invariant 6: an event that can never succeed is copied, then acknowledged, and the
// log says so. The next event of the key goes on.
func TestImpossibleBecomesADeadLetter(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cfg.Classify, r.cfg.Limits = classify, pipeline.NewLimits(1, 0)
		r.read = answers(r, errImpossible, errImpossible, errImpossible)
		var acked int
		r.bury = func(*pipeline.Event, error) error {
			acked = r.count().acked
			return nil
		}
		r.start(newEvent("e1", "a", 1))
		r.sleep(time.Minute)
		r.wants("read a for 1", "read a for 1", "read a for 1", "bury e1: no such column", "ack e1")
		if acked != 0 {
			t.Error("the event was acknowledged before its copy was persisted")
		}
		if log := r.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "event=e1") || !strings.Contains(log, "no such column") {
			t.Errorf("no line that names event and reason: %s", log)
		}
		r.send(newEvent("e2", "a", 2))
		r.wants("read a for 2", "publish a=v", "ack e2")
		r.stop()
	})
}

// A table that changes between two queries makes an event look impossible for a
// moment: twice is not enough, whatever went wrong before.
func TestImpossibleForAMoment(t *testing.T) {
	for _, errs := range [][]error{
		{errImpossible, errImpossible},
		{errTrouble, errTrouble, errTrouble, errTrouble, errImpossible},
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.cfg.Classify = classify
			r.read = answers(r, errs...)
			r.start(newEvent("e1", "a", 1))
			r.sleep(time.Minute)
			steps := r.steps()
			if got := steps[len(steps)-2:]; got[0] != "publish a=v" || got[1] != "ack e1" {
				t.Errorf("failures %v: %q", errs, steps)
			}
			r.stop()
		})
	}
}

// Invariant 6: nothing can be published for a range of rows. Its events are counted and
// logged, and hold nothing up.
func TestRangeDeletesArePassedOver(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		rangeDelete := func(id string) *pipeline.Event {
			e := newEvent(id, "a", 5)
			e.Properties.Operation, e.Properties.Range = event.DeleteRange, "1:[,]"
			return e
		}
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			return r.row("v", time.Since(r.begun) > 5*time.Millisecond, req), nil
		}
		r.start(rangeDelete("r1"))
		r.wants("ack r1")
		r.send(newEvent("e1", "a", 4))
		r.send(rangeDelete("r2")) // while a stale row waits
		r.sleep(time.Second)
		r.wants("read a for 4", "ack r2", "read a for 4", "read a for 4", "publish a=v", "ack e1")
		r.sleep(time.Minute)
		r.send(rangeDelete("r3"))
		lines := strings.Split(strings.TrimSpace(r.log.String()), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], "event=r1") || !strings.Contains(lines[0], "1:[,]") || !strings.Contains(lines[1], "event=r3") || !strings.Contains(lines[1], "total=3") {
			t.Errorf("log:\n%s", r.log.String())
		}
		r.stop()
	})
}

// A row that the format cannot hold is a dead letter, also where nobody classifies.
func TestUnencodableRow(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			row := r.row("v", true, req)
			row.Values = append(row.Values, []byte("one too many"))
			return row, nil
		}
		var reason error
		r.bury = func(_ *pipeline.Event, why error) error { reason = why; return nil }
		r.start(newEvent("e1", "a", 1))
		r.sleep(time.Minute)
		if steps := r.steps(); steps[len(steps)-1] != "ack e1" || len(r.published()) != 0 {
			t.Errorf("%q", steps)
		}
		if e := (*pipeline.EncodeError)(nil); !errors.As(reason, &e) || !strings.Contains(reason.Error(), "ks.t") {
			t.Errorf("the reason does not name the table: %v", reason)
		}
		r.stop()
	})
}

// Trouble passes: the event waits for it without an end, with pauses that grow to
// about ten seconds and no further.
func TestRetryBacksOff(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cfg.Classify = classify
		var mu sync.Mutex
		var pauses []time.Duration
		last := time.Now()
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			mu.Lock()
			defer mu.Unlock()
			pauses = append(pauses, time.Since(last))
			last = time.Now()
			if len(pauses) <= 100 {
				return readback.Row{}, errTrouble
			}
			return r.row("v", true, req), nil
		}
		r.start(newEvent("e1", "a", 1))
		r.sleep(time.Second)
		if n := len(r.steps()); n < 4 || r.count().acked != 0 {
			t.Errorf("%d reads in the first second, %d acknowledgements", n, r.count().acked)
		}
		r.sleep(time.Hour)
		if r.count().acked != 1 || len(r.published()) != 1 {
			t.Fatalf("after an hour: %+v, %d published", r.count(), len(r.published()))
		}
		if first := pauses[1]; first > 100*time.Millisecond {
			t.Errorf("the first pause is %v", first)
		}
		different := map[time.Duration]bool{}
		for i, p := range pauses[1:] {
			if p > 10*time.Second || p <= 0 || i >= 20 && p < 5*time.Second {
				t.Errorf("pause %d is %v", i+1, p)
			}
			different[p] = true
		}
		if len(different) < 50 {
			t.Error("the pauses have no jitter: a thousand lanes would come back together")
		}
		if !strings.Contains(r.log.String(), "node down") {
			t.Error("the log does not say what is wrong")
		}
		r.stop()
	})
}

func TestFatalEndsRun(t *testing.T) {
	for name, broken := range map[string]func(r *rig){
		"read": func(r *rig) {
			r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
				if string(req.Key) == "b" {
					return r.row("v", false, req), nil // this lane waits
				}
				return readback.Row{}, fmt.Errorf("read: %w", errFatal)
			}
		},
		"publish": func(r *rig) {
			r.publish = func(m pipeline.Message, done func(error)) {
				if string(m.Key) == "a" {
					done(errFatal)
				} // and b's is never answered
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.cfg.Classify = classify
				broken(r)
				r.start(newEvent("e2", "b", 1), newEvent("e1", "a", 1))
				r.sleep(3 * time.Second) // b's message may be on its way
				if err := r.result(); !errors.Is(err, errFatal) {
					t.Errorf("Run returned %v", err)
				}
				if r.count().acked != 0 {
					t.Errorf("%d events acknowledged", r.count().acked)
				}
			})
		})
	}
}

// A broker that takes no dead letter for a while holds the event, as it would a row.
func TestDeadLettersInTrouble(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cfg.Classify = classify
		r.read = answers(r, errImpossible, errImpossible, errImpossible)
		tries := 0
		r.bury = func(*pipeline.Event, error) error {
			if tries++; tries <= 50 {
				return errTrouble
			}
			return nil
		}
		r.start(newEvent("e1", "a", 1))
		r.sleep(time.Hour)
		if tries != 51 || r.count().acked != 1 {
			t.Errorf("%d tries, %d acknowledgements", tries, r.count().acked)
		}
		if n := strings.Count(r.log.String(), "trying again"); n == 0 || n > 50 {
			t.Errorf("%d lines about it", n)
		}
		r.stop()
	})
}

// The pipeline's own ends: whatever fails there ends Run with an error that says
// which event, and the event is not acknowledged.
func TestFailureOfAnEnd(t *testing.T) {
	late := fmt.Errorf("send: %w", context.DeadlineExceeded) // no stop in good order
	for _, c := range []struct {
		name   string
		broken func(r *rig)
		err    error
		text   string
		acks   int
	}{
		{"dead letters", func(r *rig) { r.bury = func(*pipeline.Event, error) error { return errFatal } }, errFatal, "e1", 0},
		{"acknowledgement in time", func(r *rig) { r.ackErr = late }, late, "e1", 1},
		{"acknowledgement", func(r *rig) { r.ackErr = errTrouble }, errTrouble, "e1", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.cfg.Classify = classify
				r.read = answers(r, errImpossible, errImpossible, errImpossible)
				c.broken(r)
				r.start(newEvent("e1", "a", 1))
				r.sleep(time.Minute)
				if err := r.result(); !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text) {
					t.Errorf("Run returned %v, want %v and the event", err, c.err)
				}
				if r.count().acked != c.acks {
					t.Errorf("%d acknowledgements", r.count().acked)
				}
			})
		})
	}
	t.Run("source", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			close(r.backlog)
			r.start()
			if err := r.result(); err == nil || !strings.Contains(err.Error(), "the subscription is gone") {
				t.Errorf("Run returned %v", err)
			}
		})
	})
}

// A stop returns nil at once wherever the events are, and leaves them to come again.
func TestStop(t *testing.T) {
	for name, where := range map[string]func(r *rig){
		"at rest": nil,
		"read": func(r *rig) {
			r.read = func(ctx context.Context, _ readback.Request) (readback.Row, error) {
				<-ctx.Done()
				return readback.Row{}, ctx.Err()
			}
		},
		"stale": func(r *rig) {
			r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
				return r.row("v", false, req), nil
			}
		},
		"backing off": func(r *rig) { r.read = answers(r, errTrouble, errTrouble) },
		// A broker that is away: the client keeps the message until it is back.
		"publishing": func(r *rig) { r.publish = func(pipeline.Message, func(error)) {} },
		"publishing, refused with the stop": func(r *rig) {
			r.publish = func(_ pipeline.Message, done func(error)) {
				go func() {
					<-r.t.Context().Done()
					done(context.Canceled)
				}()
			}
		},
		"bound of events in flight": func(r *rig) {
			r.cfg.Limits = pipeline.NewLimits(1, 0)
			r.publish = func(pipeline.Message, func(error)) {}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				if where != nil {
					where(r)
					r.start(newEvent("e1", "a", 1), newEvent("e2", "b", 1), newEvent("e3", "a", 2))
				} else {
					r.start()
				}
				before := time.Now()
				r.stop()
				// A message that is on its way is waited for, if not for long.
				if slow := time.Since(before) > 0; r.count().acked != 0 || slow && len(r.published()) == 0 {
					t.Errorf("%d events acknowledged, %v later", r.count().acked, time.Since(before))
				}
			})
		})
	}
}

// A message that is on its way at the stop is waited for, so that it does not come behind
// those of the next consumer of its key.
func TestStopWaitsForMessages(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.publish = func(_ pipeline.Message, done func(error)) { time.AfterFunc(time.Second, func() { done(nil) }) }
		r.start(newEvent("e1", "a", 1), newEvent("e2", "b", 1))
		r.stop()
		if r.count().acked != 2 {
			t.Errorf("%d of 2 events acknowledged", r.count().acked)
		}
	})
}

// What the fakes stand for is closed when Run has returned: nothing may use it then.
func TestRunWaitsForItsReads(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		gate := hold()
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			<-gate // a read that takes no notice of the stop
			return r.row("v", true, req), nil
		}
		r.start(newEvent("e1", "a", 1))
		r.cancel()
		r.sleep(time.Minute)
		if len(r.ended) > 0 {
			t.Error("Run returned while a read was in flight")
		}
		close(gate)
		r.stop()
	})
}

// A stop by whoever started the pipeline is none of its failures, whatever they call it.
func TestStopWithACause(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx, cancel := context.WithCancelCause(t.Context())
		r.start() // fills in the configuration
		r.stop()
		ended := make(chan error, 1)
		go func() { ended <- pipeline.New(r.cfg).Run(ctx) }()
		synctest.Wait()
		cancel(errors.New("the instance moves to another worker"))
		synctest.Wait()
		if err := <-ended; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
}

// Keys that were written in two ways may be the same bytes, of which one is no key of the
// table. The events that wait together are read by one of the two: the others must not go
// down with it.
func TestImpossibleTogetherIsNotImpossibleAlone(t *testing.T) {
	old, present := &event.Writer{}, &event.Writer{}
	for name, c := range map[string]struct {
		order []*event.Writer
		read  *event.Writer // the one whose keys can be read
		want  []string
		first int64 // write time of the first; the others' are 2, 3…
	}{
		"the newest came first":   {order: []*event.Writer{old, present}, read: present, want: []string{"publish a=v", "ack e1", "bury e0: no such column", "ack e0"}, first: 9},
		"the newer one is no key": {[]*event.Writer{present, present, old}, present, []string{"publish a=v", "ack e0", "ack e1", "bury e2: no such column", "ack e2"}, 1},
		"the older one is no key": {[]*event.Writer{old, present, nil}, present, []string{"bury e0: no such column", "ack e0", "publish a=v", "ack e1", "bury e2: no such column", "ack e2"}, 1},
		"none is":                 {[]*event.Writer{old, old, nil}, present, []string{"bury e0: no such column", "ack e0", "bury e1: no such column", "ack e1", "bury e2: no such column", "ack e2"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.cfg.Classify = classify
				gate := hold()
				r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
					switch {
					case req.WriteTime == 0:
						<-gate
					case req.Writer != c.read:
						return readback.Row{}, errImpossible
					}
					return r.row("v", true, req), nil
				}
				r.start(newEvent("first", "a", 0))
				for i, w := range c.order {
					e := newEvent(fmt.Sprint("e", i), "a", int64(i+1))
					if i == 0 {
						e = newEvent("e0", "a", c.first)
					}
					e.Writer, e.Written = w, []byte("a")
					r.send(e)
				}
				close(gate)
				r.sleep(time.Minute)
				got := slices.DeleteFunc(r.steps(), func(s string) bool { return strings.HasPrefix(s, "read") })
				if diff := cmp.Diff(append([]string{"publish a=v", "ack first"}, c.want...), got); diff != "" {
					t.Errorf("steps (-want +got):\n%s", diff)
				}
				r.stop()
			})
		})
	}
}

// The first pause and the longest one are settings.
func TestPausesAreSettings(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cfg.FirstRetry, r.cfg.LongestRetry = time.Second, 5*time.Second
		var at []time.Duration
		r.read = func(context.Context, readback.Request) (readback.Row, error) {
			at = append(at, time.Since(r.begun))
			return readback.Row{}, errTrouble
		}
		r.start(newEvent("e1", "a", 1))
		r.sleep(time.Minute)
		for i := range at[1:] {
			pause := at[i+1] - at[i]
			if longest := min(time.Second<<i, 5*time.Second); pause < longest/2 || pause > longest {
				t.Errorf("pause %d is %v, want between half of %v and all", i+1, pause, longest)
			}
		}
		if len(r.told.failed) != len(at) || r.told.failed[0] != pipeline.Retry || r.told.lastFailure != "event e1: "+errTrouble.Error() {
			t.Errorf("told of %v for %d failures, the last %q", r.told.failed, len(at), r.told.lastFailure)
		}
		r.stop()
	})
}

// Trouble that lasted long leaves no long pauses for what looks impossible afterwards.
func TestPausesByClass(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cfg.Classify = classify
		var errs []error
		for range 20 {
			errs = append(errs, errTrouble)
		}
		r.read = answers(r, append(errs, errImpossible, errImpossible, errImpossible)...)
		var last []time.Time
		read := r.read
		r.read = func(ctx context.Context, req readback.Request) (readback.Row, error) {
			last = append(last, time.Now())
			return read(ctx, req)
		}
		r.start(newEvent("e1", "a", 1))
		r.sleep(time.Hour)
		if n := len(last); n != 23 || last[n-1].Sub(last[n-3]) > time.Second || r.told.buried != 1 {
			t.Errorf("%d reads, the last three within %v; %d dead letters", n, last[n-1].Sub(last[n-3]), r.told.buried)
		}
		r.stop()
	})
}
