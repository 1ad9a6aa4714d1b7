// This file receives what a subscription holds now, and then ends.

package pulsar

import (
	"cmp"
	"context"
	"time"

	client "github.com/apache/pulsar-client-go/pulsar"
)

// position is a message's place in its partition.
type position struct {
	ledger, entry int64
	index         int32 // in the batch
}

func positionOf(id client.MessageID) position {
	return position{id.LedgerID(), id.EntryID(), max(0, id.BatchIdx())}
}

func (p position) compare(o position) int {
	return cmp.Or(cmp.Compare(p.ledger, o.ledger), cmp.Compare(p.entry, o.entry), cmp.Compare(p.index, o.index))
}

// Drain calls take with each message that is not acknowledged and was there when Drain
// began, once and in the order of its partition. The subscription has to be Exclusive.
//
// The broker does not tell which message is the last one without acknowledgement: Drain
// ends with the last one of each partition, or when nothing came for as long as quiet. An
// error is that of take, of a consumer that was closed, or ctx's.
func (c *Consumer) Drain(ctx context.Context, quiet time.Duration, take func(*Delivery) error) error {
	ids, err := await(ctx, c.inner.GetLastMessageIDs, nil)
	if err != nil {
		return c.client.failure("look up the last message of", c.topic, nil, err)
	}
	last, at := map[string]position{}, map[string]position{}
	for _, id := range ids {
		if id.EntryID() >= 0 { // the partition is not empty
			last[id.Topic()] = positionOf(id)
		}
	}
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for len(last) > 0 {
		timer.Reset(quiet)
		select {
		case cm, ok := <-c.inner.Chan():
			if !ok {
				return c.gone()
			}
			partition, p := cm.Topic(), positionOf(cm.ID())
			end, open := last[partition]
			if before, again := at[partition]; !open || again && p.compare(before) <= 0 {
				continue
			}
			at[partition] = p
			if p.compare(end) >= 0 {
				delete(last, partition)
			}
			if p.compare(end) <= 0 {
				if err := take(delivery(cm.Message)); err != nil {
					return err
				}
			}
		case <-timer.C:
			return nil
		case <-c.hook.closed:
			return c.gone()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
