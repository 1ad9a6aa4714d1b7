// The watermark of one segment: acknowledgements come in any order, the checkpoint
// moves only over a run without a gap.

package checkpoint

import "sync"

// Watermark follows the entries of one segment from reading to acknowledgement. It
// is safe for concurrent use: one reader adds, the publisher's callbacks acknowledge.
type Watermark struct {
	mu      sync.Mutex
	offset  int64
	pending []*Mark // in the order of the log
}

// Mark is one entry on its way.
type Mark struct {
	watermark *Watermark
	end       int64
	left      int // events not acknowledged yet
}

// NewWatermark begins at the offset of the last checkpoint.
func NewWatermark(offset int64) *Watermark { return &Watermark{offset: offset} }

// Add announces the entry that ends at the offset and became that many events: none
// for an entry without changes to publish. Entries are added in the order of the log.
func (w *Watermark) Add(end int64, events int) *Mark {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.pending); events == 0 && n > 0 && w.pending[n-1].left == 0 {
		// While the broker is away, entries without events must not pile up here.
		w.pending[n-1].end = end
		return w.pending[n-1]
	}
	m := &Mark{watermark: w, end: end, left: events}
	w.pending = append(w.pending, m)
	w.advance()
	return m
}

// Ack acknowledges one event of the entry.
func (m *Mark) Ack() {
	m.watermark.mu.Lock()
	defer m.watermark.mu.Unlock()
	m.left--
	m.watermark.advance()
}

// advance moves over the entries at the front that are acknowledged.
// Invariant 2: it stops at the first that is not.
func (w *Watermark) advance() {
	n := 0
	for n < len(w.pending) && w.pending[n].left <= 0 {
		w.offset = w.pending[n].end
		n++
	}
	w.pending = w.pending[n:]
}

// Offset is the end of the last entry up to which all are acknowledged: what a
// checkpoint stores.
func (w *Watermark) Offset() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.offset
}

// Settled says whether every entry added so far is acknowledged.
func (w *Watermark) Settled() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.pending) == 0
}
