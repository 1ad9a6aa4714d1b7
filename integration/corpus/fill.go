// This file writes many rows quickly, for benchmarks.

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// insertInto is the statement that fill runs; scenarios/bench.cql has the tables.
func insertInto(table string) string {
	return "INSERT INTO " + table + " (id, seq, customer, note, amount, at, paid) VALUES (?, ?, ?, ?, ?, ?, ?)"
}

const (
	writers   = 8
	batchRows = 64  // each a partition of its own, and so an entry of the log
	markEvery = 200 // batches
	noteSize  = 133 // makes an entry's body about 256 bytes
)

// fill writes p.rows rows with several writers into the first of the named tables. Each
// row is a partition of its own: an unlogged batch of them saves requests, and leaves one
// entry in the log for each.
func (p *made) fill(ctx context.Context, tables string) error {
	table, mark, _ := strings.Cut(tables, " ")
	began := time.Now()
	var done atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for w := range writers {
		g.Go(func() error {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for batch := w; batch*batchRows < p.rows; batch += writers {
				n := min(batchRows, p.rows-batch*batchRows)
				if err := p.session.ExecBatch(ctx, insertInto(table), newRows(r, n)); err != nil {
					return fmt.Errorf("fill %s: %w", table, err)
				}
				if mark != "" && batch%markEvery == 0 {
					if err := p.session.ExecBatch(ctx, insertInto(mark), newRows(r, 1)); err != nil {
						return fmt.Errorf("fill %s: %w", mark, err)
					}
				}
				if all := done.Add(int64(n)); all/reportEvery > (all-int64(n))/reportEvery {
					p.say(fmt.Sprintf("%s: %d rows, %.0f a second", table, all, float64(all)/time.Since(began).Seconds()))
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// reportEvery is how many rows lie between two lines of progress.
const reportEvery = 200_000

// newRows are the raw values of n rows.
func newRows(r *rand.Rand, n int) [][][]byte {
	rows := make([][][]byte, n)
	for i := range rows {
		id := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, r.Uint64()), r.Uint64())
		rows[i] = [][]byte{
			id,
			binary.BigEndian.AppendUint32(nil, uint32(r.IntN(1000))),
			[]byte(words(r, 16)),
			[]byte(words(r, noteSize)),
			binary.BigEndian.AppendUint64(nil, uint64(r.IntN(1_000_000))),
			binary.BigEndian.AppendUint64(nil, uint64(1_700_000_000_000+r.Int64N(1e10))),
			{byte(r.IntN(2))},
		}
	}
	return rows
}
