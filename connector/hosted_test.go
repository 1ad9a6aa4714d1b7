// The configuration of a source that Pulsar hosts, in the forms that users give it.

package connector

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/connector/relay"
)

func hosted(config string) relay.Settings {
	return relay.Settings{
		OutputTopic: "data-ks.t", Config: json.RawMessage(config),
		Pulsar: relay.Pulsar{ServiceURL: "pulsar+ssl://worker:6651", AuthPlugin: "token", AuthParams: "token:abc", TLSTrustCertsFile: "ca.pem", HostnameVerification: true},
	}
}

// Flat and nested names, numbers as Pulsar's libraries write them, a list as one text.
func TestHostedConfig(t *testing.T) {
	want := Config{
		Keyspace: "ks", Table: "t", EventsTopic: "events-ks.t", DestinationTopic: "data-ks.t",
		ContactPoints: []string{"a", "b:9043"}, Port: 9142, CacheMaxDigest: 5, Username: "me", Password: "1e3",
		PulsarServiceURL: "pulsar+ssl://worker:6651", PulsarAuthPlugin: "token", PulsarAuthParams: "token:abc", TLSTrustCertsFile: "ca.pem", HostnameVerification: true,
	}
	for _, config := range []string{
		`{"keyspace":"ks","table":"t","events.topic":"events-ks.t","contactPoints":"a, b:9043","port":9142,"cache.max.digest":"5","auth.username":"me","auth.password":"1e3"}`,
		`{"keyspace":"ks","table":"t","events":{"topic":"events-ks.t"},"contactPoints":["a","b:9043"],"port":9142.0,"cache":{"max":{"digest":5.0}},"auth":{"username":"me","password":"1e3"},"outputFormat":null}`,
	} {
		got, err := HostedConfig(hosted(config))
		if err != nil {
			t.Errorf("%s: %v", config, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", config, diff)
		}
	}
	// What the source says of Pulsar goes before what the worker says.
	own, err := HostedConfig(hosted(`{"pulsarServiceUrl":"pulsar://other:6650","pulsarAuthPluginClassName":"tls","pulsarAuthParams":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Config{DestinationTopic: "data-ks.t", PulsarServiceURL: "pulsar://other:6650", PulsarAuthPlugin: "tls", PulsarAuthParams: "x"}, own); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHostedConfigFaults(t *testing.T) {
	for name, c := range map[string]struct{ config, says string }{
		"unknown key":    {`{"auth":{"pasword":"` + secret + `"}}`, "auth.pasword"},
		"no number":      {`{"port":"` + secret + `"}`, "whole number"},
		"a fraction":     {`{"port":9042.5}`, "whole number"},
		"no object":      {`["` + secret + `"]`, "no JSON object"},
		"a list of text": {`{"auth.password":["` + secret + `"]}`, "the source's configuration"},
	} {
		_, err := HostedConfig(hosted(c.config))
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
