// This file connects to a Pulsar cluster and proves that it answers.

package pulsar

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	client "github.com/apache/pulsar-client-go/pulsar"
	"github.com/prometheus/client_golang/prometheus"
)

// DefaultServiceURL is where Pulsar listens on its own machine unless it is told
// otherwise.
const DefaultServiceURL = "pulsar://localhost:6650"

// Config says how to reach a cluster.
type Config struct {
	// ServiceURL is pulsar://host:6650, pulsar+ssl://host:6651, or the http and
	// https forms; several hosts are joined by commas. Required.
	ServiceURL string
	// AuthPlugin is the class name of Java's authentication plugin, or token,
	// tls, basic, oauth2 or athenz. Empty: none.
	AuthPlugin string
	// AuthParams belong to the plugin, in a form that Java's client takes: a
	// JSON object, name:value pairs joined by commas, token:…, file:///path.
	// They are secret.
	AuthParams string

	// TLSTrustCertsFile holds certificates in PEM to trust instead of the
	// system's. It and the next ones matter for pulsar+ssl and https.
	TLSTrustCertsFile string
	// TLSTrustStore does the same with one of Java's stores.
	TLSTrustStore StoreFile
	// TLSKeyStore holds the key and certificate to show to a broker that asks,
	// unless the authentication plugin names some.
	TLSKeyStore StoreFile
	// TLSProtocols are TLSv1, TLSv1.1, TLSv1.2, TLSv1.3: the lowest of them is
	// the lowest to be used. Empty: TLSv1.2.
	TLSProtocols []string
	// TLSCipherSuites are for protocols below TLSv1.3, by their IANA names.
	// Empty: Go's choice.
	TLSCipherSuites []string
	// AllowInsecure accepts any certificate.
	AllowInsecure bool
	// HostnameVerification asks that the certificate names the host.
	HostnameVerification bool

	// OperationTimeout bounds one request to the broker, retries included, and
	// Connect as a whole. Zero: 30 s.
	OperationTimeout time.Duration
	// ConnectTimeout bounds one TCP and TLS connection attempt. Zero: 10 s.
	ConnectTimeout time.Duration

	// Log receives the client library's warnings and errors; its information
	// becomes debug. Nil: slog.Default().
	Log *slog.Logger

	// Metrics takes the client library's own metrics, pulsar_client_…: connections,
	// reconnects, requests. Nil: they go nowhere.
	Metrics prometheus.Registerer
}

const (
	defaultOperationTimeout = 30 * time.Second
	defaultConnectTimeout   = 10 * time.Second
)

// Validate reports every fault of the settings at once, those of the files that
// they name too. It opens no connection.
func (c Config) Validate() error {
	var faults []error
	if err := checkServiceURL(c.ServiceURL); err != nil {
		faults = append(faults, err)
	}
	creds, err := parseCredentials(c.AuthPlugin, c.AuthParams)
	if err != nil {
		faults = append(faults, err)
	}
	if path := creds.params["file"]; path != "" {
		f, err := os.Open(path)
		if err != nil {
			faults = append(faults, fmt.Errorf("token file: %w", err))
		} else {
			f.Close()
		}
	}
	if _, err := c.tlsConfig(creds); err != nil {
		faults = append(faults, err)
	}
	if c.OperationTimeout < 0 || c.ConnectTimeout < 0 {
		faults = append(faults, errors.New("operation timeout and connect timeout cannot be negative"))
	}
	return errors.Join(faults...)
}

func checkServiceURL(s string) error {
	const hint = "use pulsar://host:6650 or pulsar+ssl://host:6651"
	if s == "" {
		return errors.New("service URL is missing: " + hint)
	}
	// Several hosts are not a URL to net/url: check the first with the scheme.
	first, _, _ := strings.Cut(s, ",")
	u, err := url.Parse(first)
	if err != nil || u.Host == "" {
		return errors.New("service URL is not a URL: " + hint)
	}
	switch u.Scheme {
	case "pulsar", "pulsar+ssl", "http", "https":
	default:
		return fmt.Errorf("service URL has the scheme %q: %s", u.Scheme, hint)
	}
	if u.User != nil {
		return errors.New("service URL carries a user name: set an authentication plugin instead")
	}
	return nil
}

// Client is a connection to a cluster. It is safe for concurrent use.
type Client struct {
	inner  client.Client
	fields *metadataFields
	creds  credentials
	state  *logState
	log    *slog.Logger
	// mixed warns once of BatchAny.
	mixed sync.Once

	mu        sync.Mutex
	producers map[*Producer]struct{} // open ones
}

// A look-up of a topic that is never made: the name of a single partition of a
// partitioned topic, which the broker does not create for a look-up.
const probeTopic = "persistent://public/default/cassandra-cdc-probe-partition-0"

// Connect makes a client and waits until the broker has answered a request of
// ours, at most OperationTimeout or until ctx ends. An unreachable broker is
// tried again within that time; refused credentials and a failed TLS handshake
// end it at once. The error is an *Error that names the URL, the cause and what
// to do.
func Connect(ctx context.Context, cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("pulsar: %w", err)
	}
	fields, err := selfCheck()
	if err != nil {
		return nil, err
	}
	creds, err := parseCredentials(cfg.AuthPlugin, cfg.AuthParams)
	if err != nil {
		return nil, fmt.Errorf("pulsar: %w", err)
	}
	op := "connect to " + cfg.ServiceURL
	auth, err := creds.authentication(cfg)
	if err != nil {
		return nil, &Error{Op: op, Kind: ErrAuthentication, Err: err, Hint: "check the parameters of the authentication plugin"}
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Metrics == nil {
		cfg.Metrics = prometheus.NewRegistry() // not the process's default registry
	}
	if cfg.OperationTimeout == 0 {
		cfg.OperationTimeout = defaultOperationTimeout
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = defaultConnectTimeout
	}

	var tlsConfig *tls.Config
	if cfg.usesTLS() {
		if tlsConfig, err = cfg.tlsConfig(creds); err != nil {
			return nil, fmt.Errorf("pulsar: %w", err)
		}
	}

	logger, state := newClientLog(cfg.Log, time.Now)
	state.connecting.Store(true)
	inner, err := client.NewClient(client.ClientOptions{
		URL:                cfg.ServiceURL,
		Authentication:     auth,
		TLSConfig:          tlsConfig,
		OperationTimeout:   cfg.OperationTimeout,
		ConnectionTimeout:  cfg.ConnectTimeout,
		Logger:             logger,
		MetricsRegisterer:  cfg.Metrics,
		MetricsCardinality: client.MetricsCardinalityNone,
		// The stages bound what is in flight. The library's limit is never
		// given back for messages that were queued when a producer closed.
		MemoryLimitBytes: -1,
	})
	if err != nil {
		return nil, &Error{Op: op, Kind: kindOf(err), Err: creds.redact(err)}
	}
	if err := probe(ctx, inner, state, cfg.OperationTimeout); err != nil {
		e := &Error{Op: op, Kind: kindOf(err), Err: creds.redact(err)}
		switch {
		case errors.Is(ctx.Err(), context.Canceled): // given up by the caller
			e.Kind, e.Err = nil, ctx.Err()
		case isTLS(err):
			e.Kind, e.Hint = ErrUnreachable, "check the trusted certificates and the scheme of the service URL"
		case e.Kind == ErrAuthentication:
			e.Hint = "check the authentication plugin and its parameters"
		default:
			e.Kind, e.Hint = ErrUnreachable, "check that the broker runs and that scheme, host and port of the service URL are right"
		}
		return nil, e
	}
	state.connecting.Store(false)
	return &Client{inner: inner, fields: fields, creds: creds, state: state, log: cfg.Log, producers: map[*Producer]struct{}{}}, nil
}

// probe asks the broker for a topic's partitions and returns nil once there was
// any answer. On failure it closes the client, in the background where the
// library is still trying.
func probe(ctx context.Context, inner client.Client, state *logState, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answered := make(chan error, 1)
	go func() {
		_, err := inner.TopicPartitions(probeTopic)
		answered <- err
	}()
	abandon := func() {
		go func() {
			<-answered //nolint:errcheck // too late to matter
			inner.Close()
		}()
	}
	cause := func(err error) error {
		if c := state.Cause(); c != nil {
			return c
		}
		return err
	}
	select {
	case err := <-answered:
		if err == nil {
			return nil
		}
		// That the topic or its namespace is not there, or not for us to see, is
		// an answer.
		if k := kindOf(err); k != ErrUnreachable && k != ErrAuthentication && !errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		inner.Close()
		return cause(err)
	case err := <-state.refused:
		abandon()
		return err
	case <-ctx.Done():
		abandon()
		return cause(ctx.Err())
	}
}

// Partitions is the number of partitions of topic: 1 for a topic without
// partitions and for one that is not there. Where the cluster creates topics
// with partitions on demand, the broker creates it.
func (c *Client) Partitions(ctx context.Context, topic string) (int, error) {
	names, err := await(ctx, func() ([]string, error) { return c.inner.TopicPartitions(topic) }, nil)
	if err != nil {
		return 0, c.failure("look up", topic, nil, err)
	}
	return len(names), nil
}

// Close closes the client and every producer and consumer of it. Nothing may be
// made of it any more.
func (c *Client) Close() {
	c.mu.Lock()
	open := slices.Collect(maps.Keys(c.producers))
	c.mu.Unlock()
	for _, p := range open {
		p.Close()
	}
	c.inner.Close()
}

// await runs a call of the library that takes no context. When ctx ends first,
// the call goes on alone and its late result goes to discard.
func await[T any](ctx context.Context, call func() (T, error), discard func(T)) (T, error) {
	type result struct {
		v   T
		err error
	}
	if err := ctx.Err(); err != nil {
		var zero T
		return zero, err
	}
	ch := make(chan result, 1)
	go func() {
		v, err := call()
		ch <- result{v, err}
	}()
	select {
	case r := <-ch:
		return r.v, r.err
	case <-ctx.Done():
		if discard != nil {
			go func() {
				if r := <-ch; r.err == nil {
					discard(r.v)
				}
			}()
		}
		var zero T
		return zero, ctx.Err()
	}
}
