// Giving letters back to the events topic.

package deadletter

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

// ReplayOptions says which letters are replayed.
type ReplayOptions struct {
	IDs    []string // of letters; nil for all
	DryRun bool     // publish nothing
}

// Replay publishes letters to the events topic, to the partition that they came from and
// in their order: key, value, properties and schema as they were. A letter is acknowledged
// when the broker has persisted its message. told is called with each letter, and why it
// stays; it is called by one goroutine at a time. The error is one that ended the replay,
// or says how many letters stay.
func (l *Letters) Replay(ctx context.Context, o ReplayOptions, told func(*Letter, error)) error {
	consumer, err := l.subscribe(ctx)
	if err != nil {
		return err
	}
	defer consumer.Close()
	wanted := map[string]bool{}
	for _, id := range o.IDs {
		wanted[id] = true
	}
	r := &replay{letters: l, consumer: consumer, dryRun: o.DryRun, told: told, producers: map[bool]*pulsar.Producer{}}
	defer r.close()
	err = l.each(ctx, consumer, func(a *Letter) error {
		if len(o.IDs) > 0 && !wanted[a.ID] {
			return nil
		}
		delete(wanted, a.ID)
		return r.send(ctx, a)
	})
	if err := errors.Join(err, r.flush(ctx)); err != nil {
		return err
	}
	var faults []error
	for id := range wanted {
		faults = append(faults, fmt.Errorf("there is no letter %s on %s", id, l.topic))
	}
	if r.stay > 0 {
		faults = append(faults, fmt.Errorf("%d dead letters stay on %s", r.stay, l.topic))
	}
	return errors.Join(faults...)
}

type replay struct {
	letters   *Letters
	consumer  *pulsar.Consumer
	dryRun    bool
	producers map[bool]*pulsar.Producer // by whether keys are text

	mu   sync.Mutex
	told func(*Letter, error)
	stay int
}

// send sends one letter, and does not wait.
func (r *replay) send(ctx context.Context, a *Letter) error {
	m, err := a.message()
	if err != nil || r.dryRun {
		r.done(a, err)
		return nil
	}
	p, err := r.producer(ctx, a.textKey())
	if err != nil {
		return err
	}
	p.Send(ctx, m, func(_ pulsar.Receipt, err error) {
		if err == nil {
			err = r.consumer.Ack(a.delivery)
		}
		r.done(a, err)
	})
	return nil
}

func (r *replay) done(a *Letter, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.stay++
	}
	r.told(a, err)
}

func (r *replay) producer(ctx context.Context, textKey bool) (*pulsar.Producer, error) {
	if p := r.producers[textKey]; p != nil {
		return p, nil
	}
	p, err := r.letters.client.Producer(ctx, pulsar.ProducerConfig{
		Topic: r.letters.events, TextKey: textKey,
		Route: func(m *pulsar.Message, _ int) int { return int(m.Token) },
	})
	if err == nil {
		r.producers[textKey] = p
	}
	return p, err
}

func (r *replay) flush(ctx context.Context) error {
	var errs []error
	for _, p := range r.producers {
		errs = append(errs, p.Flush(ctx))
	}
	return errors.Join(errs...)
}

func (r *replay) close() {
	for _, p := range r.producers {
		p.Close()
	}
}
