// Package health knows every bad state that a program of this project can be in, and
// which of them it is in now.
//
// A bad state is a [Condition]: a value of this package with a stable code and a remedy
// (catalog.go has all of them). A program sets and clears conditions on its [Board]; log,
// metrics, status and readiness all read the same board, so that they never disagree. The
// package knows nothing of what sets a condition.
package health

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Severity says how soon a person is needed.
type Severity uint8

const (
	// Warning is a state that harms nothing yet.
	Warning Severity = iota
	// Error is a state in which events are late, or are lost unless somebody acts.
	Error
)

// String is the name used in log, metrics, status and documentation.
func (s Severity) String() string { return [...]string{"warning", "error"}[s] }

// MarshalText writes the name into JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *Severity) UnmarshalText(text []byte) error {
	for _, known := range []Severity{Warning, Error} {
		if known.String() == string(text) {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("%q is no severity", text)
}

// Condition is one known bad state.
type Condition struct {
	Code     string // stable: alerts are built on it
	Severity Severity
	// Blocks says that no events come through: the program is not ready.
	Blocks bool
	Title  string // a short sentence without a full stop
	Remedy string // what it means and what to do, in whole sentences
}

// State is a condition that holds now.
type State struct {
	Code     string    `json:"code"`
	Severity Severity  `json:"severity"`
	Blocks   bool      `json:"blocks"`
	Subject  string    `json:"subject,omitempty"` // which topic, table or segment; empty for the program as a whole
	Title    string    `json:"title"`
	Detail   string    `json:"detail,omitempty"` // the last error, or the figures
	Remedy   string    `json:"remedy"`
	Since    time.Time `json:"since"`
}

// Board holds the conditions of one program. It is safe for concurrent use. A nil Board
// takes everything and shows nothing.
type Board struct {
	log   *slog.Logger
	known []*Condition // all that the program can be in

	mu     sync.Mutex
	active map[key]*State
}

type key struct {
	condition *Condition
	subject   string
}

// NewBoard returns a board on which nothing is wrong, of a program that can be in those
// conditions.
func NewBoard(known []*Condition, log *slog.Logger) *Board {
	return &Board{log: log, known: known, active: map[key]*State{}}
}

// Set says that a condition holds, for a subject where it can hold for several (""
// otherwise). The first call logs a line; later ones bring the detail up to date.
func (b *Board) Set(c *Condition, subject, detail string) {
	if b == nil {
		return
	}
	b.mu.Lock()
	s := b.active[key{c, subject}]
	if s != nil {
		s.Detail = detail
		b.mu.Unlock()
		return
	}
	b.active[key{c, subject}] = &State{
		Code: c.Code, Severity: c.Severity, Blocks: c.Blocks, Subject: subject,
		Title: c.Title, Detail: detail, Remedy: c.Remedy, Since: time.Now(),
	}
	b.mu.Unlock()
	attrs := append(c.attributes(subject), "title", c.Title, "detail", detail, "remedy", c.Remedy)
	if c.Severity == Error {
		b.log.Error("a condition holds", attrs...)
	} else {
		b.log.Warn("a condition holds", attrs...)
	}
}

// SetError is Set with what went wrong as the detail.
func (b *Board) SetError(c *Condition, subject string, err error) { b.Set(c, subject, err.Error()) }

// SetOneOf is SetError for one of several conditions of which only one can hold; the
// others are cleared.
func (b *Board) SetOneOf(group []*Condition, c *Condition, subject string, err error) {
	for _, other := range group {
		if other != c {
			b.Clear(other, subject)
		}
	}
	b.SetError(c, subject, err)
}

// ClearAll clears several conditions.
func (b *Board) ClearAll(group []*Condition, subject string) {
	for _, c := range group {
		b.Clear(c, subject)
	}
}

// Clear says that a condition holds no longer.
func (b *Board) Clear(c *Condition, subject string) {
	if b == nil {
		return
	}
	b.mu.Lock()
	s := b.active[key{c, subject}]
	delete(b.active, key{c, subject})
	b.mu.Unlock()
	if s != nil {
		b.log.Info("a condition holds no longer", append(c.attributes(subject), "after", time.Since(s.Since).Round(time.Millisecond))...)
	}
}

func (c *Condition) attributes(subject string) []any {
	attrs := []any{"condition", c.Code}
	if subject != "" {
		attrs = append(attrs, "subject", subject)
	}
	return attrs
}

// Holds says whether a condition holds.
func (b *Board) Holds(c *Condition, subject string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.active[key{c, subject}] != nil
}

// Active lists what holds now: errors first, then by code and subject.
func (b *Board) Active() []State {
	b.mu.Lock()
	all := make([]State, 0, len(b.active))
	for _, s := range b.active {
		all = append(all, *s)
	}
	b.mu.Unlock()
	slices.SortFunc(all, func(a, b State) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Subject, b.Subject))
	})
	return all
}

// Ready says whether no condition holds that keeps events from coming through.
func (b *Board) Ready() bool {
	return !slices.ContainsFunc(b.Active(), func(s State) bool { return s.Blocks })
}
