// Secure connect bundles, as Astra DB gives them: a zip file that says where a service
// tells the nodes, and holds the certificates. The nodes have no addresses of their own:
// all are reached through one proxy, which goes by the host id that TLS asks it for (SNI).

package cassandra

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/gocql/gocql"
)

// Bundle is a secure connect bundle.
type Bundle struct {
	Path string // of the zip file
	Data []byte // what would be in it, instead of Path. It holds a key, and is secret.
}

// Bounds of what a bundle and its service say, in bytes and in number, against what is none.
const (
	maxBundle       = 4 << 20
	maxInBundle     = 1 << 20
	maxMetadata     = 1 << 20
	maxContactHosts = 250
)

// Validate reads the bundle and says what is wrong with it. It connects to nothing.
func (b Bundle) Validate() error {
	_, err := b.read()
	return err
}

// bundleConfig is of a bundle's config.json what matters here.
type bundleConfig struct {
	Host string `json:"host"` // of the service that tells the nodes
	Port int    `json:"port"`

	tls *tls.Config
}

func (b Bundle) read() (c bundleConfig, err error) {
	defer func() {
		if err != nil {
			name := b.Path
			if b.Data != nil {
				name = "given by its contents"
			}
			err = fmt.Errorf("secure connect bundle %s: %w", name, err)
		}
	}()
	data, err := contents(b.Path, b.Data)
	if err != nil {
		return c, err
	}
	if len(data) > maxBundle {
		return c, fmt.Errorf("it has %d bytes, more than any", len(data))
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return c, errors.New("it is no zip file")
	}
	text, err := inZip(archive, "config.json")
	if err != nil {
		return c, err
	}
	if json.Unmarshal(text, &c) != nil || c.Host == "" || c.Port < 1 || c.Port > 65535 { // whose error may quote a password
		return c, errors.New("its config.json names no host and port")
	}
	var secure TLS
	for _, file := range []struct {
		name string
		into *[]byte
	}{{"ca.crt", &secure.TrustCerts}, {"cert", &secure.Certificate}, {"key", &secure.Key}} {
		if *file.into, err = inZip(archive, file.name); err != nil {
			return c, err
		}
	}
	c.tls, err = secure.config()
	return c, err
}

func inZip(archive *zip.Reader, name string) ([]byte, error) {
	f, err := archive.Open(name)
	if err != nil {
		return nil, fmt.Errorf("it has no %s", name)
	}
	defer f.Close() //nolint:errcheck // it was read only
	data, err := io.ReadAll(io.LimitReader(f, maxInBundle+1))
	if err != nil {
		return nil, fmt.Errorf("its %s: %w", name, err)
	}
	if len(data) > maxInBundle {
		return nil, fmt.Errorf("its %s has more than %d bytes", name, maxInBundle)
	}
	return data, nil
}

// metadata is what the service says of the cluster.
type metadata struct {
	ContactInfo struct {
		LocalDC         string   `json:"local_dc"`
		ContactPoints   []string `json:"contact_points"` // host ids
		SNIProxyAddress string   `json:"sni_proxy_address"`
	} `json:"contact_info"`
}

// throughProxy dials the nodes of a bundle's cluster.
type throughProxy struct {
	localDC  string
	proxy    string   // host:port
	contacts []string // host ids
	secure   *tls.Config
	name     string // that the proxy's certificate must have
	timeout  time.Duration
}

// open asks the bundle's service for the nodes.
func (b Bundle) open(ctx context.Context, timeout time.Duration) (*throughProxy, error) {
	c, err := b.read()
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
	m, err := c.ask(ctx, address, timeout)
	if err != nil {
		return nil, fmt.Errorf("ask %s, of the secure connect bundle, for the nodes: %w", address, err)
	}
	info := m.ContactInfo
	name, _, err := net.SplitHostPort(info.SNIProxyAddress)
	if err != nil || len(info.ContactPoints) == 0 || len(info.ContactPoints) > maxContactHosts {
		return nil, fmt.Errorf("ask %s, of the secure connect bundle, for the nodes: the answer names no proxy and nodes", address)
	}
	return &throughProxy{localDC: info.LocalDC, proxy: info.SNIProxyAddress, contacts: info.ContactPoints, secure: c.tls, name: name, timeout: timeout}, nil
}

func (c bundleConfig) ask(ctx context.Context, address string, timeout time.Duration) (m metadata, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/metadata", nil)
	if err != nil {
		return m, err
	}
	transport := &http.Transport{TLSClientConfig: c.tls.Clone(), DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return m, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return m, fmt.Errorf("it answers %s: is the database there and not asleep, and the bundle its present one?", response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxMetadata))
	if err != nil {
		return m, err
	}
	if json.Unmarshal(text, &m) != nil {
		return m, errors.New("the answer is not of the expected form")
	}
	return m, nil
}

// standIns are addresses for the contact points, as the driver knows hosts by addresses: the
// n-th is 0.0.0.n. Nobody dials them.
func (p *throughProxy) standIns() []string {
	var all []string
	for i := range p.contacts {
		all = append(all, net.IPv4(0, 0, 0, byte(i+1)).String())
	}
	return all
}

// DialHost connects to a node through the proxy.
func (p *throughProxy) DialHost(ctx context.Context, host *gocql.HostInfo) (*gocql.DialedHost, error) {
	id := host.HostID()
	if id == "" { // a contact point, of which the driver does not know the id yet
		ip := host.ConnectAddress().To4()
		if ip == nil || int(ip[3]) > len(p.contacts) || ip[3] == 0 {
			return nil, fmt.Errorf("node %s has no host id", host.ConnectAddress())
		}
		id = p.contacts[ip[3]-1]
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	secure := p.secure.Clone()
	// The name that is asked for is that of the node, the name of the certificate that of the proxy.
	secure.ServerName, secure.InsecureSkipVerify = id, true
	secure.VerifyConnection = func(s tls.ConnectionState) error { return trusted(s.PeerCertificates, secure.RootCAs, p.name) }
	dialer := tls.Dialer{Config: secure}
	conn, err := dialer.DialContext(ctx, "tcp", p.proxy)
	if err != nil {
		return nil, err
	}
	return &gocql.DialedHost{Conn: conn, DisableCoalesce: true}, nil
}
