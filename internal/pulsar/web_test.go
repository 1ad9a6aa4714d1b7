// This file holds the way to the web service: where it is, and that it is asked with the
// client's credentials and trust.

package pulsar

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWebURLs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		service, web string
		want         []string // nil: refused
	}{
		{"pulsar://h:6650", "", []string{"http://h:8080"}},
		{"pulsar://h", "", []string{"http://h:8080"}},
		{"pulsar://h:6650/", "", []string{"http://h:8080"}},
		{"pulsar+ssl://h:6651", "", []string{"https://h:8443"}},
		{"pulsar+ssl://a:6651,b,[::1]:6651", "", []string{"https://a:8443", "https://b:8443", "https://[::1]:8443"}},
		{"http://h:8080", "", []string{"http://h:8080"}},
		{"https://h:443/", "", []string{"https://h:443"}},
		{"https://a:1,b:2", "", []string{"https://a:1", "https://b:2"}},
		{"pulsar://h:6650", "http://w:8081/", []string{"http://w:8081"}},
		{"pulsar://h:6650", "https://a,b:8/pulsar/", []string{"https://a/pulsar", "https://b:8/pulsar"}},
		{"pulsar://h:6650", "pulsar://w:6650", nil},
		{"pulsar://h:6650", "w:8080", nil},
		{"pulsar://h:6650", "http://", nil},
		{"pulsar://h:6650", "http://me:secret@w:8080", nil},
	} {
		cfg := Config{ServiceURL: c.service, WebServiceURL: c.web}
		got, err := cfg.webURLs()
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("%s, %s: %v, %v, want %v", c.service, c.web, got, err, c.want)
		}
		invalid := cfg.Validate()
		if (invalid == nil) != (c.want != nil) || invalid != nil && (!strings.Contains(invalid.Error(), "web service URL") || strings.Contains(invalid.Error(), "secret")) {
			t.Errorf("%s, %s: valid: %v", c.service, c.web, invalid)
		}
	}
}

func TestTopicNames(t *testing.T) {
	t.Parallel()
	for topic, want := range map[string]string{
		"t":                              "persistent://public/default/t",
		"a/b/t":                          "persistent://a/b/t",
		"persistent://a/b/t":             "persistent://a/b/t",
		"non-persistent://a/b/t":         "non-persistent://a/b/t",
		"persistent://a/b/t/u":           "persistent://a/b/t/u",
		"persistent://a/b/t-partition-7": "persistent://a/b/t",
		"t-partition-x":                  "persistent://public/default/t-partition-x",
		"t-partition-":                   "persistent://public/default/t-partition-",
	} {
		got, err := parseTopic(topic)
		if err != nil || got.String() != want {
			t.Errorf("%s: %s, %v, want %s", topic, got, err, want)
		}
	}
	if _, err := parseTopic("a/t"); err == nil {
		t.Error("a/t: no error")
	}
	if got, _ := parseTopic("persistent://a/b/x/ä%"); got.path() != "a/b/x%2F%C3%A4%25" {
		t.Errorf("path %s", got.path())
	}
}

const answerOK = `{"version":0,"type":"AVRO","data":"\"int\"","properties":{}}`

// asker makes the way to a server's web service.
func asker(t *testing.T, cfg Config) *Client {
	t.Helper()
	creds, err := parseCredentials(cfg.AuthPlugin, cfg.AuthParams)
	if err != nil {
		t.Fatal(err)
	}
	cfg.ServiceURL = DefaultServiceURL
	w, err := newWeb(cfg, creds)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return &Client{web: w, creds: creds}
}

func TestWebAuthentication(t *testing.T) {
	t.Parallel()
	const secret = "hunter2secret"
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var paths []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.EscapedPath())
		user, password, basic := r.BasicAuth()
		switch {
		case r.Header.Get("Authorization") == "Bearer "+secret, basic && user == "me" && password == secret:
			_, _ = fmt.Fprint(w, answerOK)
		default:
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"reason":"not %s"}`, r.Header.Get("Authorization"))
		}
	}))
	t.Cleanup(server.Close)
	for _, c := range []struct {
		plugin, params string
		ok             bool
	}{
		{"", "", false},
		{"token", "token:" + secret, true},
		{"org.apache.pulsar.client.impl.auth.AuthenticationToken", "file://" + file, true},
		{"token", "token:" + secret + "not", false},
		{"basic", `{"userId":"me","password":"` + secret + `"}`, true},
	} {
		_, err := asker(t, Config{WebServiceURL: server.URL, AuthPlugin: c.plugin, AuthParams: c.params}).SchemaAt(t.Context(), "a/b/t", 3)
		if c.ok {
			if err != nil {
				t.Errorf("%s: %v", c.plugin, err)
			}
			continue
		}
		if !errors.Is(err, ErrAuthentication) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", c.plugin, err)
		}
	}
	if len(paths) == 0 || paths[0] != "/admin/v2/schemas/a/b/t/schema/3" {
		t.Errorf("asked for %v", paths)
	}
}

func TestWebTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, answerOK) }))
	t.Cleanup(server.Close)
	certs := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(certs, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	// The test server's certificate names example.com and 127.0.0.1, and not localhost.
	elsewhere := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	for name, c := range map[string]struct {
		cfg Config
		ok  bool
	}{
		"not trusted":                         {Config{WebServiceURL: server.URL}, false},
		"not trusted, whoever it is":          {Config{WebServiceURL: server.URL, HostnameVerification: true}, false},
		"trusted":                             {Config{WebServiceURL: server.URL, TLSTrustCertsFile: certs}, true},
		"trusted, with the name":              {Config{WebServiceURL: server.URL, TLSTrustCertsFile: certs, HostnameVerification: true}, true},
		"another name":                        {Config{WebServiceURL: elsewhere, TLSTrustCertsFile: certs}, true},
		"another name, where names matter":    {Config{WebServiceURL: elsewhere, TLSTrustCertsFile: certs, HostnameVerification: true}, false},
		"anybody":                             {Config{WebServiceURL: elsewhere, AllowInsecure: true}, true},
		"no certificates in the trusted file": {Config{WebServiceURL: server.URL, TLSTrustCertsFile: os.Args[0]}, false},
	} {
		_, err := asker(t, c.cfg).SchemaAt(t.Context(), "t", 0)
		if (err == nil) != c.ok || errors.Is(err, ErrNoSchema) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A closed client asks nobody.
func TestWebClosed(t *testing.T) {
	t.Parallel()
	c := asker(t, Config{WebServiceURL: "http://127.0.0.1:1"})
	c.web.close()
	c.web.close()
	if _, err := c.SchemaAt(context.Background(), "t", 0); err == nil {
		t.Error("no error")
	}
}

// An answer that is no schema is sorted by what it says about the registry.
func TestWebAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status         int
		body, ofLatest string // ofLatest is the answer about the latest version; "": the same
		kind           error
	}{
		{404, `{"reason":"Schema not found"}`, answerOK, ErrNoSchema},
		{404, `{"reason":"Schema not found"}`, "", ErrNoRegistry},
		{404, "<html>", "", ErrNoRegistry},
		{200, "<html>", "", ErrNoRegistry},
		{401, "", "", ErrAuthentication},
		{403, `{"reason":"no"}`, answerOK, ErrAuthorization},
		{500, `{"reason":"trouble"}`, answerOK, nil},
		{503, "", answerOK, nil},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c.ofLatest != "" && strings.HasSuffix(r.URL.Path, "/schema") {
				_, _ = fmt.Fprint(w, c.ofLatest)
				return
			}
			w.WriteHeader(c.status)
			_, _ = fmt.Fprint(w, c.body)
		}))
		_, err := asker(t, Config{WebServiceURL: server.URL}).SchemaAt(t.Context(), "t", 5)
		var e *Error
		if !errors.As(err, &e) || e.Kind != c.kind || strings.Contains(err.Error(), "\n") {
			t.Errorf("%d %s: %v, want %v", c.status, c.body, err, c.kind)
		}
		server.Close()
	}
}
