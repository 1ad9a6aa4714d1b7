// `cassandra-cdc agent --check` against a real node and a real broker that asks who we
// are: what is fine, and what a wrong or a powerless token leads to.

package live_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/check"
	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/agent/doctor"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
)

// token is a JSON web token of a role (RFC 7519, HS256).
func token(key []byte, role string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"`+role+`"}`))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func get(ctx context.Context, t *testing.T, url, token string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s %v", url, resp.Status, body, err)
	}
	return string(body)
}

func TestCheckOfTheAgent(t *testing.T) {
	servers := envtest.ForTest(t)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	node, err := servers.StartCassandra(ctx, env.CassandraOptions{})
	if err != nil {
		t.Fatal(err)
	}
	session, err := cassandra.Connect(ctx, cassandra.Config{ContactPoints: []string{node.Address()}, OnlyContactPoints: true})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	for _, cql := range []string{
		"CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
		"CREATE TABLE shop.customer (id text PRIMARY KEY, v text) WITH cdc = true",
		"CREATE TABLE shop.tmp (id text PRIMARY KEY, v text) WITH cdc = true",
		"CREATE TABLE shop.silent (id text PRIMARY KEY, v text)",
	} {
		if err := session.Exec(ctx, cql); err != nil {
			t.Fatal(err)
		}
	}
	key := []byte(strings.Repeat("k", 32))
	keyFile := filepath.Join(t.TempDir(), "token.key")
	if err := os.WriteFile(keyFile, key, 0o600); err != nil {
		t.Fatal(err)
	}
	admin := token(key, "admin")
	broker, err := servers.StartPulsar(ctx, env.PulsarOptions{
		WithoutFunctions: true, AdminToken: admin,
		Conf: map[string]string{
			"allowAutoTopicCreationType": "partitioned", // then a mere question can make a topic
			"authenticationEnabled":      "true", "authorizationEnabled": "true", "superUserRoles": "admin", "tokenSecretKey": "file://" + keyFile,
			"authenticationProviders":              "org.apache.pulsar.broker.authentication.AuthenticationProviderToken",
			"brokerClientAuthenticationPlugin":     "org.apache.pulsar.client.impl.auth.AuthenticationToken",
			"brokerClientAuthenticationParameters": "token:" + admin,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	run := func(set ...string) (faults int, text string) {
		cfg, err := config.Load(settings.Sources{Set: append([]string{
			"cassandraYaml=" + node.YAML(), "pulsarServiceUrl=" + broker.ServiceURL(), "pulsarAuthPluginClassName=org.apache.pulsar.client.impl.auth.AuthenticationToken",
		}, set...)})
		var out bytes.Buffer
		faults, werr := check.Run(ctx, &out, doctor.Checks(cfg, err))
		if werr != nil {
			t.Fatal(werr)
		}
		return faults, out.String()
	}
	stranger, powerless := token([]byte(strings.Repeat("x", 32)), "admin"), token(key, "powerless")
	storage := filepath.Dir(node.CDCRawDir())
	for name, c := range map[string]struct {
		set    []string
		faults int
		want   []string
	}{
		"all is well": {[]string{"pulsarAuthParams=token:" + admin, "excludeTables=*.tmp"}, 0, []string{
			// The process of the node tells the storage directory.
			"ok        working directory  " + storage + "/cdc will be made", "ok        tables             shop.customer\n", "ok        events topics      1, ", node.Address() + " without TLS",
		}},
		"a token that another key has signed": {[]string{"pulsarAuthParams=token:" + stranger}, 1, []string{"FAULT     Pulsar ", "credentials refused", "left out  events topics"}},
		"a role that may nothing":             {[]string{"pulsarAuthParams=token:" + powerless}, 2, []string{"FAULT     events topics", "events-shop.customer", "events-shop.tmp", "grant this role"}},
		"a pattern without a table":           {[]string{"pulsarAuthParams=token:" + admin, "tables=shop.*,shp.*"}, 0, []string{"advice    tables             tables, excludeTables: shp.* matches no table"}},
		"everything left out":                 {[]string{"pulsarAuthParams=token:" + admin, "excludeTables=*.*"}, 0, []string{"advice    tables             no table is to be published"}},
		"TLS where there is none":             {[]string{"pulsarAuthParams=token:" + admin, "cassandraTls=true"}, 1, []string{"FAULT     Cassandra", "does not speak TLS", "left out  tables", "left out  events topics"}},
	} {
		t.Run(name, func(t *testing.T) {
			faults, text := run(c.set...)
			if faults != c.faults {
				t.Errorf("%d faults, want %d:\n%s", faults, c.faults, text)
			}
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("no %q:\n%s", want, text)
				}
			}
			for _, secret := range []string{admin, stranger, powerless} {
				if strings.Contains(text, secret) {
					t.Errorf("a token is told:\n%s", text)
				}
			}
		})
	}
	if _, err := os.Stat(filepath.Join(storage, "cdc")); err == nil {
		t.Error("the check made the working directory")
	}
	for _, kind := range []string{"", "/partitioned"} {
		if topics := get(ctx, t, broker.AdminURL()+"/admin/v2/persistent/public/default"+kind, admin); strings.Contains(topics, "shop") {
			t.Errorf("the check made topics: %s", topics)
		}
	}
}
