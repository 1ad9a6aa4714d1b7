// This file checks what becomes of a batch that the broker's limit refuses, without
// a broker.

package pulsar

import (
	"errors"
	"testing"

	client "github.com/apache/pulsar-client-go/pulsar"
)

// Of a batch of several that is too large, nobody may take a single message for too
// large: the producer ends, and all of them fail once.
func TestRefusedBatch(t *testing.T) {
	t.Parallel()
	c := &Client{state: new(logState)}
	p := &Producer{client: c, cfg: ProducerConfig{Topic: "t", Batching: BatchAny}, slots: make(chan struct{}, 9), dead: make(chan struct{})}
	p.pending.init()
	var errs []error
	add := func(n int) *batch {
		b := &batch{p: p}
		for range n {
			p.slots <- struct{}{}
			b.dones = append(b.dones, func(_ Receipt, err error) { errs = append(errs, err) })
		}
		p.pending.add(b)
		return b
	}
	alone, several, waiting := add(1), add(2), add(3)
	alone.complete(nil, nil, client.ErrMessageTooLarge)
	if len(errs) != 1 || !errors.Is(errs[0], ErrTooLarge) || p.Err() != nil {
		t.Fatalf("alone: %v, the producer: %v", errs, p.Err())
	}
	several.complete(nil, nil, client.ErrMessageTooLarge)
	waiting.complete(nil, nil, client.ErrProducerClosed)
	if len(errs) != 6 || len(p.slots) != 0 || !errors.Is(p.Err(), ErrClosed) {
		t.Fatalf("%d are done, %d in flight, the producer: %v", len(errs), len(p.slots), p.Err())
	}
	for _, err := range errs[1:] {
		if !errors.Is(err, ErrClosed) || errors.Is(err, ErrTooLarge) {
			t.Errorf("several: %v", err)
		}
	}
}
