// What events were written with: the schemas of the events topic, by the version that
// a message has.

package connector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/internal/seldom"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

const (
	rememberedVersions = 128
	firstLookUpPause   = 250 * time.Millisecond
	longestLookUpPause = 10 * time.Second
	// lookUpsBeforeAssuming is how often a registry that never answered is asked, within
	// some eight seconds, before a version is taken for the table's own.
	lookUpsBeforeAssuming = 6
	// lookUpsBeforeTelling is how often it is asked before that is a condition.
	lookUpsBeforeTelling = 3
	// Meanwhile it is asked again now and then, without holding events up for long.
	assumedPause   = time.Minute
	assumedTimeout = time.Second
)

// writers looks the versions of the events topic's schema up, each once. It is for one
// goroutine.
//
// The registry is asked through Pulsar's web service, which may not be reachable from
// here at all. Then one version, that of the first event, is assumed to be what the
// table's present key is registered as, for those events whose keys can be read in this
// way. Others wait: an event is never read by a guess that something speaks against.
type writers struct {
	lookUp  func(ctx context.Context, version int64) (*registry.Schema, error)
	readKey func(key []byte) error // as the table's present key
	told    func(error)            // whether the registry tells; nil is yes
	log     *slog.Logger

	last    *version // of the last event
	known   *simplelru.LRU[int64, *version]
	reached bool      // the registry has answered
	assumed int64     // the version that is assumed; -1 for none
	again   time.Time // when to ask for it again
	waiting seldom.Line
}

// version is a version of the events topic's schema.
type version struct {
	number int64
	writer *event.Writer
	fault  error // why there is none, for good
}

func newWriters(lookUp func(context.Context, int64) (*registry.Schema, error), readKey func([]byte) error, told func(error), log *slog.Logger) *writers {
	known, err := simplelru.NewLRU[int64, *version](rememberedVersions, nil)
	if err != nil {
		panic(err) // the size is not positive
	}
	return &writers{lookUp: lookUp, readKey: readKey, told: told, log: log, known: known, assumed: -1}
}

// of is what a message was written with: nil where only the table's own form is known. It
// waits for a registry that does not answer, until ctx ends. An error is final for the
// message: it is no event, or its version is not in the registry.
func (w *writers) of(ctx context.Context, d *pulsar.Delivery) (*event.Writer, error) {
	if d.SchemaVersion < 0 {
		return nil, nil // of a producer without schema
	}
	if w.last == nil || w.last.number != d.SchemaVersion {
		v, ok := w.known.Get(d.SchemaVersion)
		if !ok {
			var err error
			if v, err = w.find(ctx, d); v == nil {
				return nil, err
			}
		}
		w.last = v
	}
	return w.last.writer, w.last.fault
}

// find looks a version up, for as long as it takes. Neither version nor error means
// that it is assumed.
func (w *writers) find(ctx context.Context, d *pulsar.Delivery) (*version, error) {
	if w.assumed == d.SchemaVersion && w.readKey(d.Key) == nil {
		return w.findAssumed(ctx, d.SchemaVersion)
	}
	for attempt, pause := 1, firstLookUpPause; ; attempt, pause = attempt+1, min(2*pause, longestLookUpPause) {
		v, err := w.ask(ctx, d.SchemaVersion)
		switch {
		case err == nil:
			return v, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case !w.reached && w.assumed < 0 && attempt >= lookUpsBeforeAssuming && noWay(err) && w.readKey(d.Key) == nil:
			w.told(err)
			w.log.Warn("Pulsar's web service (pulsarWebServiceUrl) does not tell how events were written; they are read by the table's present key",
				"schema_version", d.SchemaVersion, "error", err)
			w.assumed, w.again = d.SchemaVersion, time.Now().Add(assumedPause)
			return nil, nil
		}
		if attempt >= lookUpsBeforeTelling {
			w.told(err)
		}
		if leftOut, due := w.waiting.Due(); due {
			w.log.Warn("how an event was written cannot be looked up; waiting",
				"event", d.ID, "schema_version", d.SchemaVersion, "error", err, "lines_left_out", leftOut)
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// noWay says that the registry cannot be asked from here, rather than that it is in trouble.
func noWay(err error) bool {
	for _, kind := range []error{pulsar.ErrUnreachable, pulsar.ErrAuthentication, pulsar.ErrAuthorization, pulsar.ErrNoRegistry} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// findAssumed asks for the assumed version when it is time to.
func (w *writers) findAssumed(ctx context.Context, number int64) (*version, error) {
	if time.Now().Before(w.again) {
		return nil, nil
	}
	short, cancel := context.WithTimeout(ctx, assumedTimeout)
	defer cancel()
	v, err := w.ask(short, number)
	switch {
	case err == nil:
		w.log.Info("Pulsar's web service answers; events are read by the schema they were written with")
		return v, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	w.again = time.Now().Add(assumedPause)
	return nil, nil
}

// ask asks the registry once. An error may pass.
func (w *writers) ask(ctx context.Context, number int64) (*version, error) {
	v := &version{number: number}
	s, err := w.lookUp(ctx, number)
	switch {
	case err == nil:
		v.writer, v.fault = event.NewWriter(s)
	case errors.Is(err, pulsar.ErrNoSchema):
		v.fault = err
	default:
		return nil, err
	}
	if v.fault != nil {
		v.fault = fmt.Errorf("schema version %d of the events topic: %w", number, v.fault)
	}
	w.told(nil)
	w.reached, w.assumed = true, -1
	w.known.Add(number, v)
	return v, nil
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
