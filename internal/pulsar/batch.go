// What goes to the library as one message, and what becomes of it.

package pulsar

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"

	client "github.com/apache/pulsar-client-go/pulsar"
	"github.com/spaolacci/murmur3"
)

// partition is where m goes, whose key on the wire is p.key. When the topic gets
// more partitions before m is sent, it stays. p.packing is held.
func (p *Producer) partition(m *Message) int {
	n := int(p.topic.NumPartitions())
	switch {
	case p.cfg.Route != nil:
		i := p.cfg.Route(m, n) % n
		if i < 0 {
			i += n
		}
		return i
	case n == 1:
		return 0
	case len(p.key) == 0:
		p.turn = (p.turn + 1) % n
		return p.turn
	}
	return int(murmur3.Sum32(p.key)&math.MaxInt32) % n
}

// seal hands an open batch to the library. p.packing is held.
func (p *Producer) seal(b *batch) {
	delete(p.open, b.group)
	b.sealed = true
	p.bytes -= len(b.data)
	p.mu.Lock()
	n, err := len(b.dones), p.err
	p.mu.Unlock()
	p.messages -= n
	if err != nil {
		return // it has failed, with the producer
	}
	finish(b.data, n)
	b.pm.Payload = b.data
	if b.info != nil {
		b.pm.Schema = b
	}
	p.next = b.partition
	if err := b.sendAsync(); err != nil {
		b.complete(nil, nil, err)
	}
}

// sealAll hands all open batches to the library. p.packing is held.
func (p *Producer) sealAll() {
	for _, b := range p.filling {
		if !b.sealed {
			p.seal(b)
		}
	}
	clear(p.filling)
	p.filling = p.filling[:0]
}

// complete is called by the library.
func (b *batch) complete(id client.MessageID, _ *client.ProducerMessage, err error) {
	p := b.p
	b.giveBuffer()
	p.mu.Lock()
	n := len(b.dones)
	p.mu.Unlock()
	if err != nil {
		err = p.client.failure("send to", p.cfg.Topic, b.schema, err)
		tooLarge := errors.Is(err, ErrTooLarge)
		if tooLarge { // the limit is not what it was taken for
			p.client.state.noteRefusal(err)
		}
		var e *Error
		switch {
		case errors.As(err, &e) && final(e.Kind):
			p.die(err)
			return
		case tooLarge && n > 1:
			// A batch, and each of these messages may be taken. The next producer
			// knows the limit. Not wrapped: nobody is to take them for too large.
			p.die(&Error{Op: "send to", Topic: p.cfg.Topic, Kind: ErrClosed, Err: errors.New("a batch was refused: " + err.Error())})
			return
		case p.cfg.Sequenced:
			// If a later message were stored, this one could never be: its
			// sequence id would be one that the broker has passed.
			p.die(err)
			return
		}
	}
	p.mu.Lock()
	claimed := b.claimed
	b.claimed = true
	p.mu.Unlock()
	if claimed {
		return // failed already, with the producer
	}
	var r Receipt
	if err == nil {
		r = Receipt{Ledger: id.LedgerID(), Entry: id.EntryID(), Partition: max(0, int(id.PartitionIdx()))}
	}
	for _, done := range b.dones {
		done(r, err)
	}
	p.forget(b)
}

// forget drops batches whose messages are done.
func (p *Producer) forget(done ...*batch) {
	p.mu.Lock()
	for _, b := range done {
		p.pending.remove(b)
		for range b.dones {
			<-p.slots
		}
	}
	p.wake()
	p.mu.Unlock()
}

// die fails every pending message and those to come. The library forgets
// messages that were queued when its producer closed.
func (p *Producer) die(err error) {
	p.mu.Lock()
	p.kill(err)
	err = p.err
	var dead []*batch
	for b := p.pending.first(); b != nil; b = p.pending.after(b) {
		if !b.claimed {
			b.claimed = true
			dead = append(dead, b)
		}
	}
	p.mu.Unlock()
	for _, b := range dead {
		for _, done := range b.dones {
			done(Receipt{}, err)
		}
	}
	p.forget(dead...)
}

// kill lets no more messages in. p.mu is held.
func (p *Producer) kill(err error) {
	if p.err == nil {
		p.err = err
		close(p.dead)
	}
}

// safely turns the panic of the library that meets a producer while it is being
// closed into an error.
func safely(call func() error) (err error) {
	defer recoverClosed(&err)
	return call()
}

// recoverClosed is for a defer.
func recoverClosed(err *error) {
	r := recover()
	if r == nil {
		return
	}
	if e, ok := r.(runtime.Error); ok && strings.Contains(e.Error(), "closed channel") {
		*err = client.ErrProducerClosed
		return
	}
	panic(r)
}

// sendAsync hands b to the library, which calls complete.
func (b *batch) sendAsync() (err error) {
	defer recoverClosed(&err)
	b.p.inner.SendAsync(context.Background(), &b.pm, b.complete)
	return nil
}
