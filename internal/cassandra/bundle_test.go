// A cluster behind a proxy, as Astra DB has it: a service that tells the nodes, a proxy that
// goes by the name that TLS asks for, and a bundle that leads to them.

package cassandra

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// astra is what a bundle leads to. It ends with the test.
type astra struct {
	files   map[string][]byte // of the bundle
	server  tls.Certificate   // of the service and of the proxy
	proxy   int               // its port
	proxied func() []string   // the host ids that were asked for
}

// newAstra starts the service and the proxy of nodes, which are given by host id.
func newAstra(t *testing.T, localDC string, nodes map[string]string) *astra {
	t.Helper()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	server := identity(t, in("server.pem"), in("server.key"), "localhost")
	identity(t, in("client.pem"), in("client.key"), "client")
	file := func(name string) []byte {
		data, err := os.ReadFile(in(name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(file("client.pem"))
	secure := &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAnyClientCert, VerifyConnection: func(s tls.ConnectionState) error {
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: clients, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		return err
	}}

	var mu sync.Mutex
	var asked []string
	l, err := tls.Listen("tcp", "127.0.0.1:0", secure)
	if err != nil {
		t.Fatal(err)
	}
	accept(t, l, func(c net.Conn) {
		secured := c.(*tls.Conn)
		if secured.Handshake() != nil {
			return
		}
		id := secured.ConnectionState().ServerName
		mu.Lock()
		asked = append(asked, id)
		mu.Unlock()
		node, err := net.Dial("tcp", nodes[id])
		if err != nil {
			return
		}
		defer node.Close()
		var work sync.WaitGroup
		work.Go(func() { _, _ = io.Copy(node, c); node.Close() })
		_, _ = io.Copy(c, node)
		c.Close()
		work.Wait()
	})

	var ids []string
	for id := range nodes {
		ids = append(ids, id)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	service := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metadata" {
			http.NotFound(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"version": 1, "region": "here", "contact_info": map[string]any{
			"type": "sni_proxy", "local_dc": localDC, "contact_points": ids, "sni_proxy_address": "localhost:" + port,
		}})
	}))
	service.TLS = secure.Clone()
	service.StartTLS()
	t.Cleanup(service.Close)
	config, err := json.Marshal(map[string]any{"host": "localhost", "port": service.Listener.Addr().(*net.TCPAddr).Port, "keyStorePassword": "secret"})
	if err != nil {
		t.Fatal(err)
	}
	return &astra{
		server: server, proxy: l.Addr().(*net.TCPAddr).Port,
		files: map[string][]byte{"config.json": config, "ca.crt": file("server.pem"), "cert": file("client.pem"), "key": file("client.key"), "cqlshrc": []byte("[ui]")},
		proxied: func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(asked)
		},
	}
}

// zipped is a zip file.
func zipped(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var data bytes.Buffer
	w := zip.NewWriter(&data)
	for name, content := range files {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

// with is the files with some exchanged; one that becomes nil is left out.
func (a *astra) with(changes map[string][]byte) map[string][]byte {
	files := map[string][]byte{}
	for name, content := range a.files {
		files[name] = content
	}
	for name, content := range changes {
		if files[name] = content; content == nil {
			delete(files, name)
		}
	}
	return files
}

func TestBundle(t *testing.T) {
	answer := func(string, [][]byte) reply {
		return reply{columns: []column{{"v", typeInt}}, rows: [][][]byte{{{0, 0, 0, 1}}}}
	}
	one := &node{id: "11111111-1111-1111-1111-111111111111", dc: "here", answer: answer}
	two := &node{id: "22222222-2222-2222-2222-222222222222", dc: "here", answer: answer}
	far := &node{id: "33333333-3333-3333-3333-333333333333", dc: "far", answer: answer}
	_, port, _ := net.SplitHostPort(cluster(t, one, two, far))
	a := newAstra(t, "here", map[string]string{one.id: net.JoinHostPort(one.addr, port), two.id: net.JoinHostPort(two.addr, port)})
	path := filepath.Join(t.TempDir(), "secure-connect.zip")
	if err := os.WriteFile(path, zipped(t, a.files), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, bundle := range map[string]Bundle{"a file": {Path: path}, "its contents": {Data: zipped(t, a.files)}} {
		t.Run(name, func(t *testing.T) {
			s, err := Connect(t.Context(), Config{Bundle: &bundle, Timeout: 5 * time.Second, Connections: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for _, n := range []*node{one, two} {
				row, err := s.Select(t.Context(), Query{HostID: n.id, Statement: "SELECT v FROM ks.t WHERE id = 1"})
				if err != nil || row.Coordinator != n.id {
					t.Errorf("on %s: answered by %q, %v", n.id, row.Coordinator, err)
				}
				if len(n.executed()) == 0 {
					t.Errorf("node %s was asked nothing", n.id)
				}
			}
		})
	}
	asked := a.proxied()
	if !slices.Contains(asked, one.id) || !slices.Contains(asked, two.id) || slices.Contains(asked, far.id) {
		t.Errorf("the proxy was asked for %q", asked)
	}
	if len(far.executed()) > 0 {
		t.Error("a node of another data center was asked")
	}
}

func TestBundleFaults(t *testing.T) {
	n := &node{id: "11111111-1111-1111-1111-111111111111", dc: "here"}
	a := newAstra(t, "here", map[string]string{n.id: cluster(t, n)})
	other := newAstra(t, "here", map[string]string{n.id: "127.0.0.1:1"}) // has other certificates
	service := func(handler http.HandlerFunc) []byte {                   // the config.json of another service
		s := httptest.NewUnstartedServer(handler)
		s.TLS = &tls.Config{Certificates: []tls.Certificate{a.server}}
		s.StartTLS()
		t.Cleanup(s.Close)
		return []byte(`{"host":"localhost","port":` + strconv.Itoa(s.Listener.Addr().(*net.TCPAddr).Port) + `}`)
	}
	says := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	}
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"no zip file":           {[]byte("hunter2secret"), "it is no zip file"},
		"nothing":               {[]byte{}, "it is no zip file"},
		"cut off":               {zipped(t, a.files)[:200], "it is no zip file"},
		"too large":             {make([]byte, maxBundle+1), "more than any"},
		"no configuration":      {zipped(t, a.with(map[string][]byte{"config.json": nil})), "it has no config.json"},
		"another configuration": {zipped(t, a.with(map[string][]byte{"config.json": []byte(`{"password":hunter2secret}`)})), "names no host and port"},
		"no port":               {zipped(t, a.with(map[string][]byte{"config.json": []byte(`{"host":"localhost","port":0}`)})), "names no host and port"},
		"no certificate":        {zipped(t, a.with(map[string][]byte{"cert": nil})), "it has no cert"},
		"no key":                {zipped(t, a.with(map[string][]byte{"key": []byte("hunter2secret")})), "client certificate"},
		"no authority":          {zipped(t, a.with(map[string][]byte{"ca.crt": []byte("hunter2secret")})), "no certificate in PEM"},
		"a file that swells":    {zipped(t, a.with(map[string][]byte{"config.json": make([]byte, maxInBundle+1)})), "more than"},
		"another's authority":   {zipped(t, a.with(map[string][]byte{"ca.crt": other.files["ca.crt"]})), "unknown authority"},
		"another's certificate": {zipped(t, a.with(map[string][]byte{"cert": other.files["cert"], "key": other.files["key"]})), "for the nodes"},
		"an answer of no form":  {zipped(t, a.with(map[string][]byte{"config.json": service(says("asleep"))})), "not of the expected form"},
		"an answer of nothing":  {zipped(t, a.with(map[string][]byte{"config.json": service(says("{}"))})), "names no proxy and nodes"},
		"another's proxy": {zipped(t, a.with(map[string][]byte{"config.json": service(says(
			`{"contact_info":{"contact_points":["` + n.id + `"],"sni_proxy_address":"127.0.0.1:` + strconv.Itoa(a.proxy) + `"}}`))})), "download the bundle again"},
		"no such database": {zipped(t, a.with(map[string][]byte{"config.json": service(http.NotFound)})), "404"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Connect(t.Context(), Config{Bundle: &Bundle{Data: c.data}, Timeout: 3 * time.Second})
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2secret") {
				t.Errorf("a secret: %v", err)
			}
		})
	}
	if err := (Bundle{Path: "/no/such/bundle.zip"}).Validate(); err == nil || !strings.Contains(err.Error(), "/no/such/bundle.zip") {
		t.Errorf("no file: %v", err)
	}
	if err := (Bundle{Data: zipped(t, a.files)}).Validate(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Connect(ctx, Config{Bundle: &Bundle{Data: zipped(t, a.files)}}); err == nil {
		t.Error("connected although it was given up")
	}
}
