// This file checks settings, credentials and the errors of Connect, without a
// broker.

package pulsar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

func TestCredentials(t *testing.T) {
	t.Parallel()
	const pkg = "org.apache.pulsar.client.impl.auth."
	for _, c := range []struct {
		plugin, params string
		name           string
		want           map[string]string
		fault          string
	}{
		{"", "", "", nil, ""},
		{pkg + "AuthenticationDisabled", "", "", nil, ""},
		{pkg + "AuthenticationToken", "token:abc", "token", map[string]string{"token": "abc"}, ""},
		{pkg + "AuthenticationToken", "abc", "token", map[string]string{"token": "abc"}, ""},
		{"token", `{"token":"abc"}`, "token", map[string]string{"token": "abc"}, ""},
		{"token", `{"token":"token:abc"}`, "token", map[string]string{"token": "abc"}, ""},
		{"token", "file:///a/b", "token", map[string]string{"file": "/a/b"}, ""},
		{"token", "file:/a/b", "token", map[string]string{"file": "/a/b"}, ""},
		{"token", `{"file":"/a/b"}`, "token", map[string]string{"file": "/a/b"}, ""},
		{pkg + "AuthenticationTls", "tlsCertFile:/c, tlsKeyFile:/k", "tls", map[string]string{"tlsCertFile": "/c", "tlsKeyFile": "/k"}, ""},
		{pkg + "AuthenticationBasic", `{"userId":"u","password":"p"}`, "basic", map[string]string{"userId": "u", "username": "u", "password": "p"}, ""},
		{
			pkg + "oauth2.AuthenticationOAuth2", `{"issuerUrl":"https://i","privateKey":"file:///k","audience":"a"}`, "oauth2",
			map[string]string{"issuerUrl": "https://i", "privateKey": "file:///k", "audience": "a", "type": "client_credentials"}, "",
		},
		{"", "token:s3cret", "", nil, "no plugin"},
		{"com.example.Sasl", "s3cret", "", nil, "not supported"},
		{"token", "", "", nil, "token missing"},
		{"token", `{"tokens3cret"`, "", nil, "not a JSON object"},
		{"token", "file://elsewhere/s3cret", "", nil, "on this machine"},
		{"tls", "s3cret", "", nil, "name:value"},
		{"tls", "tlsKeyFile:/k", "", nil, "tlsCertFile missing"},
		{"oauth2", "{}", "", nil, "issuerUrl, privateKey missing"},
	} {
		got, err := parseCredentials(c.plugin, c.params)
		if c.fault != "" {
			if err == nil || !strings.Contains(err.Error(), c.fault) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s %s: %v, want %q", c.plugin, c.params, err, c.fault)
			}
			continue
		}
		if err != nil || got.name != c.name || !cmp.Equal(got.params, c.want) {
			t.Errorf("%s %s: %+v, %v", c.plugin, c.params, got, err)
		}
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	c := credentials{"token", map[string]string{"token": "s3cret"}}
	if got := c.redact(errors.New("bad token s3cret")).Error(); got != "bad token [secret]" {
		t.Error(got)
	}
	plain := errors.New("nothing")
	if c.redact(plain) != plain {
		t.Error("an error without a secret was replaced")
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, u := range []string{"pulsar://h:6650", "pulsar+ssl://a:6651,b:6651", "http://h:8080"} {
		if err := (Config{ServiceURL: u, AuthPlugin: "token", AuthParams: "file://" + file}).Validate(); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
	for _, u := range []string{"", "h:6650", "kafka://h:1", "pulsar://"} {
		if err := (Config{ServiceURL: u}).Validate(); err == nil || !strings.Contains(err.Error(), "service URL") {
			t.Errorf("%s: %v", u, err)
		}
	}
	if err := (Config{ServiceURL: "pulsar://me:s3cret@h:1"}).Validate(); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a password in the URL: %v", err)
	}
	// All at once.
	err := Config{AuthPlugin: "kerberos", TLSTrustCertsFile: file + ".none", OperationTimeout: -1}.Validate()
	for _, want := range []string{"service URL", "kerberos", "trusted certificates", "negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v says nothing of %q", err, want)
		}
	}
}

// unanswered listens and never says a word.
func unanswered(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// refusing is an address where nobody listens.
func refusing(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A broker that is not there is one clear error in bounded time.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		address string
		cause   string
	}{
		"refused": {refusing(t), "connection refused"},
		"silent":  {unanswered(t), "deadline exceeded"},
		"unknown": {"broker.invalid:6650", "broker.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lines strings.Builder
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			url := "pulsar://" + c.address
			_, err := Connect(ctx, Config{
				ServiceURL: url, AuthPlugin: "token", AuthParams: "token:s3cret", OperationTimeout: 500 * time.Millisecond,
				Log: slog.New(slog.NewTextHandler(&lines, nil)),
			})
			var e *Error
			if !errors.As(err, &e) || !errors.Is(err, ErrUnreachable) || ctx.Err() != nil {
				t.Fatalf("got %v, %v", err, ctx.Err())
			}
			for _, want := range []string{url, c.cause, "check that the broker runs"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q says nothing of %q", err, want)
				}
			}
			if strings.Contains(err.Error()+lines.String(), "s3cret") || strings.Contains(err.Error(), "\n") {
				t.Errorf("secret or several lines: %q %q", err, lines.String())
			}
			if lines.Len() > 0 {
				t.Errorf("the library logged as well: %s", lines.String())
			}
		})
	}
}

// The caller's context ends Connect too.
func TestConnectCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Connect(ctx, Config{ServiceURL: "pulsar://" + refusing(t), OperationTimeout: 500 * time.Millisecond})
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}

func TestConfigsOfProducerAndConsumer(t *testing.T) {
	t.Parallel()
	c := new(Client)
	_, err := c.Producer(t.Context(), ProducerConfig{MaxPending: -1})
	for _, want := range []string{"topic", "negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v says nothing of %q", err, want)
		}
	}
	_, err = c.Subscribe(t.Context(), ConsumerConfig{Type: "KeyShared", ReceiverQueue: -1})
	for _, want := range []string{"topic", "subscription is missing", "Key_Shared", "negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v says nothing of %q", err, want)
		}
	}
}

func TestSchemas(t *testing.T) {
	t.Parallel()
	avro := registry.Part{Name: "t", Type: registry.Avro, Schema: "{}"}
	json := registry.Part{Name: "t", Type: registry.JSON, Schema: "{}"}
	s := newSchemas()
	a := registry.KeyValue(avro, avro)
	first, err := s.info(a)
	if err != nil || first.Type != 15 || first.Name != "KeyValue" || first.Schema != string(a.Data) {
		t.Fatalf("%+v, %v", first, err)
	}
	if again, err := s.info(registry.KeyValue(avro, avro)); again != first || err != nil {
		t.Errorf("an equal schema: %v, %v", again, err)
	}
	// The library would give it the version of the first.
	if _, err := s.info(registry.KeyValue(json, json)); err == nil {
		t.Error("the same description with other properties went through")
	}
	if _, err := s.info(&registry.Schema{Type: "PROTOBUF"}); err == nil {
		t.Error("an unknown type went through")
	}
}

// The library reports these as texts; what they mean to a caller.
func TestKinds(t *testing.T) {
	t.Parallel()
	for text, kind := range map[string]error{
		"server error: ProducerBusy: org.apache.pulsar.broker.service.BrokerServiceException$NamingException: x": ErrProducerBusy,
		"server error: ConsumerBusy: Exclusive consumer is already connected":                                    ErrConsumerBusy,
		"server error: ProducerFenced: x":                               ErrProducerFenced,
		"server error: TopicNotFound: x":                                ErrTopicNotFound,
		"AuthorizationError":                                            ErrAuthorization,
		"server error: AuthenticationError: x":                          ErrAuthentication,
		"connection error":                                              ErrUnreachable,
		"context deadline exceeded\nconnection error":                   ErrUnreachable,
		"server error: ServiceNotReady: x":                              ErrUnreachable,
		"server error: PersistenceError: x":                             nil,
		"schema error\nget schema version fail, err: connection closed": ErrUnreachable,
	} {
		var e *Error
		if err := failure("test", "t", nil, errors.New(text)); !errors.As(err, &e) || e.Kind != kind {
			t.Errorf("%s: %v, want %v", text, err, kind)
		}
	}
	var s *SchemaError
	if err := failure("test", "t", nil, errors.New("schema error\nget schema version fail, err: a.b.IncompatibleSchemaException: why")); !errors.As(err, &s) || s.Reason != "a.b.IncompatibleSchemaException: why" {
		t.Errorf("got %v", err)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	now := time.Unix(0, 0)
	l, state := newClientLog(slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug})), func() time.Time { return now })
	wrote := func(want string) {
		t.Helper()
		if got := lines.String(); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		lines.Reset()
	}
	l.Debug("x")
	l.Debugf("x")
	wrote("")
	l.SubLogger(map[string]any{"topic": "t"}).Infof("hello %d", 1)
	wrote(`level=DEBUG msg="pulsar client: hello 1" component=pulsar-client topic=t`)
	warn := func() { l.WithField("n", 1).Warn("lost") }
	warn()
	wrote(`level=WARN msg="pulsar client: lost" component=pulsar-client n=1`)
	warn()
	warn()
	wrote("")
	now = now.Add(repeatAfter)
	warn()
	wrote("repeated=2")

	state.connecting.Store(true)
	l.WithError(errors.New("dial tcp: connection refused")).Warn("Failed to connect to broker.")
	wrote("level=DEBUG")
	l.WithError(errors.New("connection error")).Error("Failed to get connection")
	if err := state.Cause(); err == nil || err.Error() != "dial tcp: connection refused" {
		t.Errorf("the cause is %v", err)
	}
	l.Warnf("Failed to establish connection with broker: '%s'", "Failed to authenticate")
	select {
	case err := <-state.refused:
		if err.Error() != "Failed to authenticate" {
			t.Error(err)
		}
	default:
		t.Error("the refusal was not noticed")
	}
}

func TestReconnectDelay(t *testing.T) {
	t.Parallel()
	d := new(reconnectDelay)
	for want := minReconnectDelay; want < maxReconnectDelay; want *= 2 {
		if got := d.Next(); got < want || got > want+want/5 {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	for range 3 {
		if got := d.Next(); got < maxReconnectDelay || got > maxReconnectDelay*6/5 || !d.IsMaxBackoffReached() {
			t.Errorf("at last %v", got)
		}
	}
	d.Reset()
	if got := d.Next(); got > 2*minReconnectDelay {
		t.Errorf("after a reset %v", got)
	}
}

// What is sent to the token endpoint of OAuth2, and what to the broker.
func TestOAuth2(t *testing.T) {
	t.Parallel()
	var got url.Values
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":%q}`, server.URL, server.URL+"/token")
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		if r.ParseForm() == nil {
			got = r.PostForm
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"the-token","token_type":"Bearer","expires_in":3600}`)
	})
	key := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(key, fmt.Appendf(nil, `{"type":"client_credentials","client_id":"the-client","client_secret":"the-secret","client_email":"","issuer_url":%q}`, server.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		ServiceURL: DefaultServiceURL, AuthPlugin: javaAuth + "oauth2.AuthenticationOAuth2",
		AuthParams: fmt.Sprintf(`{"issuerUrl":%q,"privateKey":%q,"audience":"the-audience","scope":"one two"}`, server.URL, "file://"+key),
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	creds, err := parseCredentials(cfg.AuthPlugin, cfg.AuthParams)
	if err != nil {
		t.Fatal(err)
	}
	a, err := creds.authentication(cfg)
	if err != nil {
		t.Fatal(err)
	}
	provider := a.(interface {
		Init() error
		Name() string
		GetData() ([]byte, error)
	})
	if err := provider.Init(); err != nil {
		t.Fatal(err)
	}
	data, err := provider.GetData()
	if err != nil || provider.Name() != "token" || string(data) != "the-token" {
		t.Errorf("to the broker: %q, %q, %v", provider.Name(), data, err)
	}
	for name, want := range map[string]string{
		"grant_type": "client_credentials", "client_id": "the-client", "client_secret": "the-secret", "audience": "the-audience", "scope": "one two",
	} {
		if got.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Get(name), want)
		}
	}
}
