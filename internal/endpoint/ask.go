// The other side: asking a running program for its status.

package endpoint

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

// Ask gets the status of the program that serves at host:port. Errors call it who: agent,
// connector. valid tells its answer from that of another program.
func Ask[Report any](ctx context.Context, address, who string, valid func(*Report) bool) (*Report, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/status", nil)
	if err != nil {
		return nil, fmt.Errorf("%q is no host:port: %w", address, err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}).Do(req)
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err // without method and URL
	}
	if err != nil {
		return nil, fmt.Errorf("no %s answers at %s: %w (does it run, and is this its httpAddress?)", who, address, err)
	}
	defer resp.Body.Close()
	r := new(Report)
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err == nil && resp.StatusCode == http.StatusOK {
		err = json.Unmarshal(body, r)
	}
	if err != nil || resp.StatusCode != http.StatusOK || !valid(r) {
		return nil, fmt.Errorf("what answers at %s is no %s: status %s to a request for /status (is this its httpAddress?)", address, who, resp.Status)
	}
	return r, nil
}
