// This file asks Pulsar's web service (its REST interface) for what the binary
// protocol of the library does not tell: schemas by version, and the rules for new ones.

package pulsar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/apache/pulsar-client-go/pulsar/auth"

	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// Ports of the web service where the service URL does not lead to it.
const (
	webPort    = "8080"
	webTLSPort = "8443"
)

const (
	webTimeout   = 10 * time.Second // of one request to one host
	largestReply = 16 << 20
)

// webURLs are the roots of the web service, one for each host, without a slash at the
// end: those of WebServiceURL, or derived from ServiceURL.
func (c Config) webURLs() ([]string, error) {
	text, given := c.WebServiceURL, c.WebServiceURL != ""
	if !given {
		text = c.ServiceURL
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return nil, errors.New("no URL")
	}
	port := ""
	switch {
	case scheme == "http", scheme == "https":
	case scheme == "pulsar" && !given:
		scheme, port = "http", webPort
	case scheme == "pulsar+ssl" && !given:
		scheme, port = "https", webTLSPort
	default:
		return nil, fmt.Errorf("scheme %q", scheme)
	}
	hosts, path, _ := strings.Cut(rest, "/")
	if path = strings.TrimRight(path, "/"); path != "" {
		path = "/" + path
	}
	var urls []string
	for host := range strings.SplitSeq(hosts, ",") {
		if port != "" {
			u, err := url.Parse("//" + host)
			if err != nil {
				return nil, errors.New("no host and port")
			}
			host, path = net.JoinHostPort(u.Hostname(), port), ""
		}
		u, err := url.Parse(scheme + "://" + host + path)
		if err != nil || u.Host == "" || u.User != nil {
			return nil, errors.New("no URL of hosts alone")
		}
		urls = append(urls, u.String())
	}
	return urls, nil
}

// web is the way to the web service, with the client's authentication and TLS.
type web struct {
	urls  []string
	creds credentials

	setUp  sync.Once
	client *http.Client
	fault  error // why there is no client
	cfg    Config
}

func newWeb(cfg Config, creds credentials) (*web, error) {
	urls, err := cfg.webURLs()
	if err != nil {
		return nil, err
	}
	return &web{urls: urls, creds: creds, cfg: cfg}, nil
}

// connect makes the client at the first request: most processes never make one.
func (w *web) connect() (*http.Client, error) {
	w.setUp.Do(func() { w.client, w.fault = w.newClient() })
	return w.client, w.fault
}

func (w *web) newClient() (*http.Client, error) {
	conf, err := w.cfg.tlsConfig(w.creds)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{ // and no proxy: the broker is near
		TLSClientConfig: conf, MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second,
		DialContext: (&net.Dialer{Timeout: w.cfg.ConnectTimeout}).DialContext,
	}
	client := &http.Client{Transport: transport, Timeout: webTimeout}
	// A provider of its own: it remembers the transport, and the library has its own too.
	provider, err := w.creds.authentication(w.cfg)
	if err != nil || provider == nil {
		return client, err
	}
	authenticated, ok := provider.(auth.Provider)
	if !ok {
		return nil, fmt.Errorf("authentication plugin %s has no HTTP form", w.creds.name)
	}
	if err := authenticated.Init(); err != nil {
		return nil, w.creds.redact(err)
	}
	if err := authenticated.WithTransport(transport); err != nil {
		return nil, w.creds.redact(err)
	}
	client.Transport = authenticated
	return client, nil
}

// close lets idle connections go.
func (w *web) close() {
	w.setUp.Do(func() { w.fault = errors.New("closed") })
	if w.client != nil {
		w.client.CloseIdleConnections()
	}
}

// answerError is an answer that is not the one that was asked for.
type answerError struct {
	status int
	reason string // the web service's own words; "" where it is another program's answer
}

func (e *answerError) Error() string {
	if e.reason == "" {
		return fmt.Sprintf("HTTP status %d", e.status)
	}
	return fmt.Sprintf("HTTP status %d: %s", e.status, e.reason)
}

// get reads the JSON at a path below /admin/v2. The error is an *Error; it is an
// *answerError inside when there was an answer.
func (w *web) get(ctx context.Context, op, topic, path string, to any) error {
	client, err := w.connect()
	if err != nil {
		return &Error{Op: op, Topic: topic, Err: err}
	}
	for _, base := range w.urls {
		err = fetch(ctx, client, base+"/admin/v2"+path, to)
		var answered *answerError
		if err == nil || errors.As(err, &answered) || ctx.Err() != nil {
			break
		}
	}
	if err == nil {
		return nil
	}
	e := &Error{Op: op, Topic: topic, Kind: ErrUnreachable, Err: w.creds.redact(err), Hint: "the web service is asked at " + strings.Join(w.urls, ", ")}
	var answered *answerError
	if errors.As(err, &answered) {
		switch answered.status {
		case http.StatusUnauthorized:
			e.Kind = ErrAuthentication
		case http.StatusForbidden:
			e.Kind = ErrAuthorization
		default:
			if e.Kind = nil; answered.status < http.StatusInternalServerError {
				e.Kind = ErrNoRegistry
			}
		}
	}
	return e
}

func fetch(ctx context.Context, client *http.Client, url string, to any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, largestReply))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		var said struct {
			Reason string `json:"reason"`
		}
		if json.Unmarshal(body, &said) != nil {
			said.Reason = ""
		}
		said.Reason, _, _ = strings.Cut(strings.TrimSpace(said.Reason), "\n")
		return &answerError{resp.StatusCode, said.Reason}
	}
	if err := json.Unmarshal(body, to); err != nil {
		return &answerError{resp.StatusCode, "not what Pulsar's web service answers"}
	}
	return nil
}

// restSchema is a schema as the web service shows it.
type restSchema struct {
	Version    int64             `json:"version"`
	Type       registry.Type     `json:"type"`
	Data       string            `json:"data"`
	Properties map[string]string `json:"properties"`
}

func (s restSchema) schema(topic topicName) (*registry.Schema, error) {
	return registry.FromREST(topic.local, s.Type, s.Data, s.Properties)
}

// topicName is a topic, in parts. Schemas belong to a topic with all its partitions.
type topicName struct{ domain, tenant, namespace, local string }

func parseTopic(topic string) (topicName, error) {
	t := topicName{domain: "persistent", tenant: "public", namespace: "default", local: topic}
	if domain, rest, ok := strings.Cut(topic, "://"); ok {
		t.domain, t.local = domain, rest
	}
	if strings.Contains(t.local, "/") {
		parts := strings.SplitN(t.local, "/", 3)
		if len(parts) < 3 {
			return t, fmt.Errorf("topic %q is neither tenant/namespace/topic nor a name alone", topic)
		}
		t.tenant, t.namespace, t.local = parts[0], parts[1], parts[2]
	}
	t.local = partitionSuffix.ReplaceAllString(t.local, "")
	return t, nil
}

var partitionSuffix = regexp.MustCompile(`-partition-\d+$`)

func (t topicName) namespaceName() string { return t.tenant + "/" + t.namespace }

func (t topicName) String() string {
	return t.domain + "://" + t.namespaceName() + "/" + t.local
}

// path is the topic in a path of the web service.
func (t topicName) path() string {
	return url.PathEscape(t.tenant) + "/" + url.PathEscape(t.namespace) + "/" + url.PathEscape(t.local)
}

// Kinds of failure of SchemaAt, besides those of a request.
var (
	// ErrNoSchema: the topic's registry has schemas, but not this version. It never
	// will have.
	ErrNoSchema = errors.New("no such schema version")
	// ErrNoRegistry: what answers has no schema of the topic at all. It may be another
	// cluster, or no Pulsar.
	ErrNoRegistry = errors.New("not the topic's schema registry")
)

// SchemaAt looks a version of the topic's schema up, by the number that [Delivery] has.
// Errors are *Error; one of the kind ErrNoSchema is final, any other may pass. Each call asks the web service.
func (c *Client) SchemaAt(ctx context.Context, topic string, version int64) (*registry.Schema, error) {
	op := fmt.Sprintf("look up schema version %d of", version)
	name, err := parseTopic(topic)
	if err != nil {
		return nil, &Error{Op: op, Topic: topic, Err: err}
	}
	var found restSchema
	err = c.web.get(ctx, op, topic, fmt.Sprintf("/schemas/%s/schema/%d", name.path(), version), &found)
	var answered *answerError
	if errors.As(err, &answered) && answered.status == http.StatusNotFound {
		// Final only if this is the registry of the topic: what answered may be
		// another cluster, or no Pulsar at all.
		if c.web.get(ctx, op, topic, "/schemas/"+name.path()+"/schema", &restSchema{}) == nil {
			err = &Error{Op: op, Topic: topic, Kind: ErrNoSchema, Err: answered}
		}
	}
	if err != nil {
		return nil, err
	}
	s, err := found.schema(name)
	if err != nil {
		return nil, &Error{Op: op, Topic: topic, Err: err}
	}
	return s, nil
}
