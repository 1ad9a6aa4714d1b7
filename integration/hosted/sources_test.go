// Sources through the worker's REST interface, as pulsar-admin calls it in a fraction of
// the time.

package hosted

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
)

// settings are the source's own, with what is given besides.
func (s *stage) settings(more map[string]any) map[string]any {
	all := map[string]any{
		"keyspace": "hosted", "table": "t", "events.topic": eventsTopic,
		"contactPoints": s.node.Host(), "port": s.node.Port(), "pulsarWebServiceUrl": s.broker.AdminURL(),
	}
	for k, v := range more {
		all[k] = v
	}
	return all
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const sourcesPath = "/admin/v3/sources/public/default/"

// source creates (POST) or updates (PUT) a built-in source.
func (s *stage) source(ctx context.Context, t *testing.T, method, name string, config map[string]any) {
	t.Helper()
	config["tenant"], config["namespace"], config["name"], config["archive"] = "public", "default", name, "builtin://cassandra-source"
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="sourceConfig"`}, "Content-Type": {"application/json"}})
	if err == nil {
		_, err = io.WriteString(part, text(t, config))
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	s.call(ctx, t, method, sourcesPath+name, form.FormDataContentType(), &body)
}

// do stops, starts, restarts (POST name/what) or deletes (DELETE name) a source.
func (s *stage) do(ctx context.Context, t *testing.T, method, path string) {
	t.Helper()
	s.call(ctx, t, method, sourcesPath+path, "application/json", nil)
}

// call repeats what a worker that is not ready yet refuses.
func (s *stage) call(ctx context.Context, t *testing.T, method, path, contentType string, body *bytes.Buffer) {
	t.Helper()
	until(ctx, t, method+" "+path, func() bool {
		var sent io.Reader
		if body != nil {
			sent = bytes.NewReader(body.Bytes())
		}
		req, err := http.NewRequestWithContext(ctx, method, s.broker.AdminURL()+path, sent)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", contentType)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		switch {
		case err != nil:
			t.Fatal(err)
		case strings.Contains(string(answer), "not yet ready"):
			return false
		case resp.StatusCode/100 != 2:
			t.Fatalf("%s %s: %s: %s", method, path, resp.Status, answer)
		}
		return true
	})
}

// status is what `sources status` shows.
type status struct {
	Running   int `json:"numRunning"`
	Instances []struct {
		Status struct {
			Running      bool   `json:"running"`
			Error        string `json:"error"`
			Restarts     int    `json:"numRestarts"`
			Received     int    `json:"numReceivedFromSource"`
			Written      int    `json:"numWritten"`
			LastReceived int64  `json:"lastReceivedTime"` // ms since 1970
		} `json:"status"`
	} `json:"instances"`
}

func (s *stage) status(ctx context.Context, t *testing.T, name string) (st status) {
	t.Helper()
	body, err := s.broker.Get(ctx, sourcesPath+name+"/status")
	if err == nil {
		err = json.Unmarshal([]byte(body), &st)
	}
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// sum adds up a figure of all instances.
func (st status) sum() (received, written, restarts int) {
	for _, i := range st.Instances {
		received, written, restarts = received+i.Status.Received, written+i.Status.Written, restarts+i.Status.Restarts
	}
	return received, written, restarts
}

// errors are what the instances say.
func (st status) errors() string {
	var all []string
	for _, i := range st.Instances {
		all = append(all, fmt.Sprintf("%q", i.Status.Error))
	}
	return strings.Join(all, " ")
}
