// Package status is what an agent says of itself: the JSON of its /status, asking for it,
// and showing it to a person.
package status

import (
	"context"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/endpoint"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
)

// Report is everything an agent says of itself. Seconds and bytes, unless a name says
// otherwise.
type Report struct {
	Version string    `json:"version"`
	State   string    `json:"state"` // "following the commit log", or what it waits for
	Ready   bool      `json:"ready"`
	Started time.Time `json:"started"`
	Node    Node      `json:"node"`

	Conditions []health.State `json:"conditions"`
	Tables     []Table        `json:"tables"`

	Log      Log      `json:"log"`
	InFlight InFlight `json:"in_flight"`
}

// Node is the Cassandra node the agent runs beside; empty before it has answered.
type Node struct {
	HostID     string `json:"host_id"`
	Release    string `json:"release"`
	DataCenter string `json:"data_center"`
	CDCRaw     string `json:"cdc_raw_directory"`
}

// Table is one table that had an event since the agent was started.
type Table struct {
	Keyspace        string     `json:"keyspace"`
	Table           string     `json:"table"`
	Events          uint64     `json:"events"` // acknowledged since the start
	EventBytes      uint64     `json:"event_bytes"`
	EventsPerSecond float64    `json:"events_per_second"` // of the last half minute or so
	LagSeconds      float64    `json:"lag_seconds"`       // age of the oldest event that is not acknowledged; 0 without one
	InFlight        int        `json:"in_flight"`
	Errors          uint64     `json:"errors"`
	LastError       string     `json:"last_error,omitempty"`
	LastErrorAt     *time.Time `json:"last_error_at,omitempty"`
}

// Log is the commit log as the agent sees it; it is up to date to a few seconds.
type Log struct {
	CDCRawBytes      int64   `json:"cdc_raw_bytes"`
	CDCRawLimitBytes int64   `json:"cdc_raw_limit_bytes"` // 0: not known
	Segments         int     `json:"segments"`
	OldestSegment    int64   `json:"oldest_segment"` // id; 0 without one
	OldestSegmentAge float64 `json:"oldest_segment_age_seconds"`
	UnreadBytes      int64   `json:"unread_bytes"`
	UnackedBytes     int64   `json:"unacknowledged_bytes"`
	Quarantine       int     `json:"quarantine_files"`
	Checkpoint       string  `json:"checkpoint"` // the newest position that is stored; "" before the first
	CheckpointAge    float64 `json:"checkpoint_age_seconds"`
}

// InFlight is what waits for the broker.
type InFlight struct {
	Events        int   `json:"events"`
	Bytes         int64 `json:"bytes"`
	EventsAllowed int64 `json:"events_allowed"`
	BytesAllowed  int64 `json:"bytes_allowed"`
}

// Ask gets the report of the agent that serves at host:port.
func Ask(ctx context.Context, address string) (*Report, error) {
	return endpoint.Ask(ctx, address, "agent", func(r *Report) bool { return r.Version != "" })
}
