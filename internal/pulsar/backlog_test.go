// This file holds how far behind a subscription is, of topics with and without partitions.

package pulsar

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestBacklogAnswers(t *testing.T) {
	t.Parallel()
	answers := map[string]string{
		"/admin/v2/persistent/public/default/one/stats":              `{"subscriptions":{"sub":{"msgBacklog":7},"other":{"msgBacklog":1}}}`,
		"/admin/v2/persistent/public/default/many/partitioned-stats": `{"subscriptions":{"sub":{"msgBacklog":9}}}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = fmt.Fprint(w, answer)
	}))
	t.Cleanup(server.Close)
	c := asker(t, Config{WebServiceURL: server.URL})
	for topic, want := range map[string]int64{"one": 7, "many": 9} {
		if got, err := c.Backlog(t.Context(), topic, "sub"); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", topic, got, err, want)
		}
	}
	for topic, says := range map[string]string{"one": "no such subscription", "none": "404"} {
		if _, err := c.Backlog(t.Context(), topic, "nobody"); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), topic) {
			t.Errorf("%s: %v", topic, err)
		}
	}
}
