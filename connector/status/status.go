// Package status is what a connector says of itself: the JSON of its /status, asking for
// it, and showing it to a person.
package status

import (
	"context"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/metrics"
	"github.com/cassandra-cdc/cassandra-cdc/internal/endpoint"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
)

// Report is everything a connector says of itself. Seconds and bytes, unless a name says
// otherwise; counts are since the start.
type Report struct {
	Version string    `json:"version"`
	RunsAs  string    `json:"runs_as"` // source, function or stand-alone, and which instance
	State   string    `json:"state"`   // "publishing rows", or what it waits for
	Ready   bool      `json:"ready"`
	Started time.Time `json:"started"`

	Conditions []health.State    `json:"conditions"`
	Tables     []Table           `json:"tables"`
	Queries    metrics.Queries   `json:"queries"` // for rows of all tables
	InFlight   InFlight          `json:"in_flight"`
	Settings   map[string]string `json:"settings"` // as given, without secrets
}

// InFlight are the events that are received and not acknowledged, of all tables.
type InFlight struct {
	Events int `json:"events"`
	Bytes  int `json:"bytes"` // that they take in memory
}

// Table is one table that the connector publishes.
type Table struct {
	Keyspace         string `json:"keyspace"`
	Table            string `json:"table"`
	EventsTopic      string `json:"events_topic"`
	Subscription     string `json:"subscription"`
	SubscriptionType string `json:"subscription_type"`
	DataTopic        string `json:"data_topic"`
	Format           string `json:"output_format"`
	SchemaVersion    string `json:"schema_version,omitempty"` // of the rows that are published now

	Events          uint64            `json:"events"`            // received
	EventsPerSecond float64           `json:"events_per_second"` // of the last half minute or so
	Covered         map[string]uint64 `json:"covered"`           // events that were acknowledged, by why that is allowed
	InFlight        int               `json:"in_flight"`         // events that are not acknowledged
	Backlog         *int64            `json:"backlog,omitempty"` // events that are not acknowledged, as the broker counts them
	WaitingSeconds  float64           `json:"waiting_seconds"`   // since when no event was acknowledged while some are in flight
	LastProgress    *time.Time        `json:"last_progress,omitempty"`
	Rows            uint64            `json:"rows"` // published
	Deletes         uint64            `json:"deletes"`
	RowsPerSecond   float64           `json:"rows_per_second"`
	LatencySeconds  float64           `json:"latency_seconds"` // from the write to the publication, mean of the newest ones
	DeadLetters     uint64            `json:"dead_letters"`
	StaleReads      uint64            `json:"stale_reads"`
	StaleRows       uint64            `json:"stale_rows"`
	RememberedKeys  int               `json:"remembered_keys"`
	Failures        uint64            `json:"failures"`
	LastError       string            `json:"last_error,omitempty"`
	LastErrorAt     *time.Time        `json:"last_error_at,omitempty"`
}

// Fill brings in what was counted.
func (t *Table) Fill(s metrics.State) {
	t.Events, t.EventsPerSecond, t.Covered = s.Events, s.EventRate, s.Covered
	t.InFlight, t.Backlog = s.InFlight, s.Backlog
	t.WaitingSeconds = s.Waiting.Seconds()
	t.Rows, t.Deletes, t.RowsPerSecond, t.LatencySeconds = s.Rows, s.Deletes, s.RowRate, s.Latency.Seconds()
	t.DeadLetters, t.StaleReads, t.StaleRows = s.DeadLetters, s.StaleReads, s.StaleRows
	if s.Remembered != nil {
		t.RememberedKeys = s.Remembered.Keys
	}
	t.Failures, t.LastError = s.Failures, s.LastError
	if !s.LastErrorAt.IsZero() {
		t.LastErrorAt = &s.LastErrorAt
	}
	if !s.LastProgress.IsZero() {
		t.LastProgress = &s.LastProgress
	}
}

// Ask gets the report of the connector that serves at host:port.
func Ask(ctx context.Context, address string) (*Report, error) {
	return endpoint.Ask(ctx, address, "connector", func(r *Report) bool { return r.RunsAs != "" })
}
