// Open batches are sealed and sent when nothing more comes for them, and all are pushed
// out when somebody waits.

package pulsar

import (
	"context"
	"errors"
	"time"
)

// pushTimeout is how long push waits for the broker before it looks whether the
// library's producer is still alive.
const pushTimeout = 30 * time.Second

// wake lets those go whose messages are done. p.mu is held.
func (p *Producer) wake() {
	first := p.pending.first()
	kept := p.waiters[:0]
	for _, w := range p.waiters {
		if first == nil || first.number > w.until {
			close(w.ch)
		} else {
			kept = append(kept, w)
		}
	}
	clear(p.waiters[len(kept):])
	p.waiters = kept
}

// push seals batches that wait for more messages, keeps the library from letting
// the last one wait for the next, and finds out when the library has given a
// producer up. It seals again when what it sealed was acknowledged: the busier the
// broker, the larger the batches.
func (p *Producer) push() {
	defer close(p.pushed)
	for {
		select {
		case <-p.dirty:
		case <-p.ctx.Done():
			return
		}
		if !p.pause(p.cfg.BatchDelay) {
			return
		}
		for p.waiting() {
			err := p.flush()
			if p.ctx.Err() != nil {
				return
			}
			if err != nil && final(kindOf(err)) {
				p.die(p.client.failure("send to", p.cfg.Topic, nil, err))
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				break
			}
		}
	}
}

// flush seals all open batches and waits until the broker has everything up to
// them. It goes on sealing slowly meanwhile: it waits for one partition after the
// other, and one of them may be away.
func (p *Producer) flush() error {
	p.sealOpen()
	ctx, cancel := context.WithTimeout(p.ctx, pushTimeout)
	defer cancel()
	if p.cfg.Batching == BatchNone {
		return safely(func() error { return p.inner.FlushWithCtx(ctx) })
	}
	flushed := make(chan error, 1)
	go func() { flushed <- safely(func() error { return p.inner.FlushWithCtx(ctx) }) }()
	tick := time.NewTicker(slowTick)
	defer tick.Stop()
	for {
		select {
		case err := <-flushed:
			return err
		case <-p.hurried:
		case <-tick.C:
		}
		p.sealOpen()
	}
}

func (p *Producer) sealOpen() {
	p.packing.Lock()
	defer p.packing.Unlock()
	p.sealAll()
}

// hurry ends push's pause, this one or the next.
func (p *Producer) hurry() {
	select {
	case p.hurried <- struct{}{}:
	default:
	}
}

// pause lets messages come together for d, and reports whether p is still open.
func (p *Producer) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.hurried:
		return true
	case <-p.ctx.Done():
		return false
	}
}

func (p *Producer) waiting() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pending.first() != nil
}
