// How far behind a subscription is, as the broker counts.

package pulsar

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Backlog is the number of messages that a subscription has not acknowledged, in all
// partitions of a topic. The broker counts entries: a batch of which some message is not
// acknowledged counts whole. Errors are *Error; each call asks the web service.
func (c *Client) Backlog(ctx context.Context, topic, subscription string) (int64, error) {
	op := fmt.Sprintf("ask for the backlog of subscription %s to", subscription)
	name, err := parseTopic(topic)
	if err != nil {
		return 0, &Error{Op: op, Topic: topic, Err: err}
	}
	var stats struct {
		Subscriptions map[string]struct {
			Backlog *int64 `json:"msgBacklog"`
		} `json:"subscriptions"`
	}
	of := "/" + name.domain + "/" + name.path()
	err = c.web.get(ctx, op, topic, of+"/stats", &stats)
	if answered := (*answerError)(nil); errors.As(err, &answered) && answered.status == http.StatusNotFound {
		err = c.web.get(ctx, op, topic, of+"/partitioned-stats", &stats) // the name is that of its partitions together
	}
	if err != nil {
		return 0, err
	}
	found := stats.Subscriptions[subscription]
	if found.Backlog == nil {
		return 0, &Error{Op: op, Topic: topic, Err: errors.New("the topic has no such subscription")}
	}
	return *found.Backlog, nil
}
