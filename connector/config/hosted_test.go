// The configuration of a source or a function that Pulsar hosts, in the forms that users
// give it.

package config

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/connector/relay"
)

func hosted(config string) relay.Settings {
	return relay.Settings{
		OutputTopic: "data-ks.t", Config: json.RawMessage(config),
		Pulsar: relay.Pulsar{ServiceURL: "pulsar+ssl://worker:6651", AuthPlugin: "token", AuthParams: "token:abc", TLSTrustCertsFile: "ca.pem", HostnameVerification: true},
	}
}

// Flat and nested names, numbers as Pulsar's libraries write them, a list as one text.
func TestHosted(t *testing.T) {
	want := Config{
		Keyspace: "ks", Table: "t", EventsTopic: "events-ks.t", DestinationTopic: "data-ks.t",
		ContactPoints: []string{"a", "b:9043"}, Port: 9142, CacheMaxDigest: 5, Username: "me", Password: "1e3", InFlightBytes: 20000000, JMX: "true",
		PulsarServiceURL: "pulsar+ssl://worker:6651", PulsarAuthPlugin: "token", PulsarAuthParams: "token:abc", TLSTrustCertsFile: "ca.pem", HostnameVerification: true,
	}
	for _, config := range []string{
		`{"keyspace":"ks","table":"t","events.topic":"events-ks.t","contactPoints":"a, b:9043","port":9142,"cache.max.digest":"5","auth.username":"me","auth.password":"1e3","inFlight.bytes":20000000,"jmx":true}`,
		`{"keyspace":"ks","table":"t","events":{"topic":"events-ks.t"},"contactPoints":["a","b:9043"],"port":9142.0,"cache":{"max":{"digest":5.0}},
			"auth":{"username":"me","password":"1e3"},"inFlight":{"bytes":2.0E7},"outputFormat":null,"jmx":"true"}`,
	} {
		got, err := Hosted(hosted(config))
		if err != nil {
			t.Errorf("%s: %v", config, err)
			continue
		}
		same(t, want, got)
		function := want
		function.DestinationTopic = ""
		got, err = Function([]byte(config), Pulsar{ServiceURL: "pulsar+ssl://worker:6651", AuthPlugin: "token", AuthParams: "token:abc", TLSTrustCertsFile: "ca.pem", HostnameVerification: true})
		if err != nil {
			t.Error(err)
		}
		same(t, function, got)
	}
	// What the source says of Pulsar goes before what the worker says.
	own, err := Hosted(hosted(`{"pulsarServiceUrl":"pulsar://other:6650","pulsarAuthPluginClassName":"tls","pulsarAuthParams":"x","destinationTopicName":"data-{keyspace}.{table}"}`))
	if err != nil {
		t.Fatal(err)
	}
	same(t, Config{DestinationTopic: "data-{keyspace}.{table}", PulsarServiceURL: "pulsar://other:6650", PulsarAuthPlugin: "tls", PulsarAuthParams: "x"}, own)
}

// Pulsar's worker has a port of its own for what the connector serves.
func TestHostedServesNothingByDefault(t *testing.T) {
	for config, want := range map[string]string{`{}`: "", `{"httpAddress":"127.0.0.1:9999"}`: "127.0.0.1:9999"} {
		c, err := Hosted(hosted(config))
		if got := c.StatusAddress(); err != nil || got != want {
			t.Errorf("%s: %q, %v", config, got, err)
		}
	}
	if got := good().StatusAddress(); got != "127.0.0.1:9843" {
		t.Errorf("on its own: %q", got)
	}
}

// The rows of a source are published by Pulsar, those of a function by ourselves.
func TestWhoPublishesWhereItIsHosted(t *testing.T) {
	const config = `{"loadBalancing.localDc":"dc1","pulsarServiceUrl":"pulsar://a:6650","pulsarBatching":"key"}`
	source, err := Hosted(hosted(config))
	if err != nil {
		t.Fatal(err)
	}
	if w := source.Warnings(); len(w) != 1 || !strings.Contains(w[0], "pulsarBatching has no effect: Pulsar publishes the rows") {
		t.Errorf("%q", w)
	}
	function, err := Function([]byte(config), Pulsar{})
	if err != nil {
		t.Fatal(err)
	}
	if w := function.Warnings(); len(w) != 0 {
		t.Errorf("%q", w)
	}
}

func TestHostedFaults(t *testing.T) {
	for name, c := range map[string]struct{ config, says string }{
		"unknown key":    {`{"auth":{"pasword":"` + secret + `"}}`, "auth.pasword"},
		"no number":      {`{"port":"` + secret + `"}`, "whole number"},
		"a fraction":     {`{"port":9042.5}`, "whole number"},
		"too large":      {`{"port":1e300}`, "whole number"},
		"no object":      {`["` + secret + `"]`, "no JSON object"},
		"two objects":    {`{}{"auth.password":"` + secret + `"}`, "no JSON object"},
		"nothing":        {``, "no JSON object"},
		"a list of text": {`{"auth.password":["` + secret + `"]}`, "auth.password"},
		"lists in lists": {`{"contactPoints":[["` + secret + `"]]}`, "contactPoints"},
		"twice":          {`{"auth.password":"` + secret + `","auth":{"password":"x"}}`, "twice"},
	} {
		_, err := Hosted(hosted(c.config))
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "the source's configuration: ") || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
