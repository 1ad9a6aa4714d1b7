// Topics, timed by what the broker has of them.

package measure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Replay is the time from the first to the last message on the topic, and what it took.
type Replay struct {
	Events          int             `json:"events"`
	Seconds         float64         `json:"seconds"`
	EventsPerSecond float64         `json:"events_per_second"`
	Processes       map[string]Used `json:"processes"`
}

// Broker is asked over HTTP, so that no consumer takes part in what is measured.
type Broker struct{ AdminURL string }

var errNotThere = errors.New("the topic is not there")

func (b Broker) get(ctx context.Context, path string) (http.Header, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.AdminURL+path, nil)
	if err != nil {
		return nil, nil, err
	}
	answer, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return nil, nil, err
	case answer.StatusCode == http.StatusNotFound:
		return nil, nil, errNotThere
	case answer.StatusCode != http.StatusOK:
		return nil, nil, fmt.Errorf("GET %s: %s: %.200s", path, answer.Status, body)
	}
	return answer.Header, body, nil
}

func topicPath(topic string) string {
	return "/admin/v2/persistent/public/default/" + url.PathEscape(topic)
}

// Messages is how many messages the topic has taken.
func (b Broker) Messages(ctx context.Context, topic string) (int, error) {
	_, body, err := b.get(ctx, topicPath(topic)+"/stats")
	if errors.Is(err, errNotThere) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var stats struct {
		Messages int `json:"msgInCounter"`
	}
	return stats.Messages, json.Unmarshal(body, &stats)
}

// published is when the first or the last message of a topic was published.
func (b Broker) published(ctx context.Context, topic, position string) (time.Time, error) {
	header, _, err := b.get(ctx, topicPath(topic)+"/examinemessage?messagePosition=1&initialPosition="+position)
	if err != nil {
		return time.Time{}, err
	}
	at, err := time.Parse("2006-01-02T15:04:05.999Z07:00", header.Get("X-Pulsar-publish-time"))
	if err != nil {
		return time.Time{}, fmt.Errorf("when the %s message of %s was published: %w", position, topic, err)
	}
	return at, nil
}

// Patience is how long a replay may stand still.
const Patience = 60 * time.Second

// AwaitReplay waits until the topic, new for this replay, has taken so many messages; ended,
// if not nil, closes when who publishes has ended by itself.
func (b Broker) AwaitReplay(ctx context.Context, topic string, events int, ended <-chan struct{}) (r Replay, err error) {
	last, moved := 0, time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for last < events {
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-ended:
			return r, errors.New("who publishes has ended")
		case <-tick.C:
		}
		n, err := b.Messages(ctx, topic)
		if err != nil {
			return r, err
		}
		switch {
		case n > last:
			last, moved = n, time.Now()
		case last > 0 && time.Since(moved) > Patience:
			return r, fmt.Errorf("%s has %d events of %d, and no more came for %s", topic, last, events, Patience)
		}
	}
	took, err := b.Span(ctx, topic)
	if err != nil {
		return r, err
	}
	r.Events, r.Seconds = last, took.Seconds()
	r.EventsPerSecond = float64(r.Events) / r.Seconds
	return r, nil
}

// Span is the time from the first to the last message of a topic.
func (b Broker) Span(ctx context.Context, topic string) (time.Duration, error) {
	first, err := b.published(ctx, topic, "earliest")
	if err != nil {
		return 0, err
	}
	newest, err := b.published(ctx, topic, "latest")
	return newest.Sub(first), err
}

// Drained waits until a subscription of a topic has no message without acknowledgement;
// ended, if not nil, closes when its consumer has ended by itself.
func (b Broker) Drained(ctx context.Context, topic, subscription string, ended <-chan struct{}) error {
	last, moved := -1, time.Now()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for last != 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ended:
			return errors.New("who consumes has ended")
		case <-tick.C:
		}
		_, body, err := b.get(ctx, topicPath(topic)+"/stats?subscriptionBacklogSize=false")
		if err != nil {
			return err
		}
		var stats struct {
			Subscriptions map[string]struct {
				Backlog int `json:"msgBacklog"`
			}
		}
		if err := json.Unmarshal(body, &stats); err != nil {
			return err
		}
		s, ok := stats.Subscriptions[subscription]
		switch {
		case !ok:
			return fmt.Errorf("%s has no subscription %s", topic, subscription)
		case s.Backlog != last:
			last, moved = s.Backlog, time.Now()
		case time.Since(moved) > Patience:
			return fmt.Errorf("%s has %d messages without acknowledgement, and they did not become fewer for %s", topic, last, Patience)
		}
	}
	return nil
}
