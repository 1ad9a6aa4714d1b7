// What a function's user asked for, as the connector understands it. The files in testdata
// are what Pulsar 4.0.8 wrote behind -instance-conf for functions that were created so:
//
//	full   --inputs persistent://public/default/events-ks.t --output data-ks.t --log-topic log-t --subs-name mine --retain-ordering
//	       --user-config, --secrets, --producer-config; instance 1 of 2
//	plain  --inputs events-ks.t --output x
//	most   --inputs a,b --processing-guarantees ATMOST_ONCE
//	noack  --inputs a --auto-ack false
//	regex  --topics-pattern persistent://public/default/events-.* --output x

package function

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "hunter2secret"

func instance(t *testing.T, name string) *Instance {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	in, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func nothing(string) string { return "" }

func TestParse(t *testing.T) {
	got := instance(t, "full")
	want := &Instance{
		Tenant: "public", Namespace: "default", Name: "full", ID: 1, Cluster: "standalone", Port: 36049, MetricsPort: 36705,
		Inputs: []string{"persistent://public/default/events-ks.t"}, Output: "data-ks.t", LogTopic: "log-t", Subscription: "mine", Ordered: true,
		UserConfig: got.UserConfig, Pulsar: Pulsar{ServiceURL: "pulsar://127.0.0.1:21561"}, Ignored: got.Ignored,
		secrets: map[string]json.RawMessage{"auth.password": json.RawMessage(`"plain"`), "obj": json.RawMessage(`{"path":"p","key":"k"}`)},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Instance{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var settings map[string]any
	if err := json.Unmarshal(got.UserConfig, &settings); err != nil || settings["keyspace"] != "ks" {
		t.Errorf("the user configuration: %v, %v", settings, err)
	}
	plain := instance(t, "plain")
	if plain.Subscription != "" || plain.Ordered || plain.LogTopic != "" || plain.Ignored != nil || plain.FQFN() != "public/default/specs" {
		t.Errorf("a plain function: %+v", plain)
	}
}

// What is not done as it was asked for is said, and nothing else.
func TestIgnored(t *testing.T) {
	for name, says := range map[string]string{"full": "producer configuration", "most": "ATMOST_ONCE", "noack": "auto-ack"} {
		in := instance(t, name)
		if len(in.Ignored) != 1 || !strings.Contains(in.Ignored[0], says) {
			t.Errorf("%s: %q", name, in.Ignored)
		}
	}
}

// The worker's connection, with everything in it that a secured cluster has.
func TestParsePulsar(t *testing.T) {
	in, err := Parse([]byte(`{"pulsarServiceURL":"pulsar+ssl://b:6651","pulsarWebServiceUrl":"https://b:8443","clientAuthenticationPlugin":"p","clientAuthenticationParameters":"token:` + secret + `",
		"tlsTrustCertsFilePath":"ca.pem","tlsHostnameVerificationEnable":true,"tlsAllowInsecureConnection":true,"metricsPort":-1,"expectedHealthCheckInterval":30,"functionDetails":"{}"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Pulsar{ServiceURL: "pulsar+ssl://b:6651", WebServiceURL: "https://b:8443", AuthPlugin: "p", AuthParams: "token:" + secret, TLSTrustCertsFile: "ca.pem", AllowInsecure: true, HostnameVerification: true}
	if diff := cmp.Diff(want, in.Pulsar); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if in.MetricsPort != 0 || in.CheckInterval.Seconds() != 30 {
		t.Errorf("metrics port %d, health check interval %s", in.MetricsPort, in.CheckInterval)
	}
}

// Nothing of the text is repeated.
func TestParseFaults(t *testing.T) {
	for says, text := range map[string]string{
		"the instance's configuration is no JSON": `{"clientAuthenticationParameters":"` + secret,
		"functionDetails":                         `{"functionDetails":"` + secret + `"}`,
		"secretsMap":                              `{"functionDetails":"{\"secretsMap\":\"` + secret + `\"}"}`,
	} {
		_, err := Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

func TestConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conf.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-instance-conf", "{}"}, {"--instance-conf", "{}"}, {"-instance-conf={}"}, {"-instance-conf-path", file}} {
		if text, given, err := Configuration(args); err != nil || !given || string(text) != "{}" {
			t.Errorf("%q: %q, %v, %v", args, text, given, err)
		}
	}
	for _, args := range [][]string{nil, {"run", "--config", "x"}, {"hosted"}, {"instance-conf", "{}"}, {"--help"}} {
		if _, given, err := Configuration(args); given || err != nil {
			t.Errorf("%q: %v, %v", args, given, err)
		}
	}
	for _, args := range [][]string{{"-instance-conf"}, {"-instance-conf-path", filepath.Join(t.TempDir(), "nowhere")}} {
		if _, given, err := Configuration(args); !given || err == nil {
			t.Errorf("%q: %v, %v", args, given, err)
		}
	}
}

// A secret is a setting. Its text comes from the environment where the worker puts it
// there, and from the worker's text otherwise.
func TestSettings(t *testing.T) {
	with := func(config, secrets string) *Instance {
		details, err := json.Marshal(map[string]string{"userConfig": config, "secretsMap": secrets})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(map[string]string{"functionDetails": string(details)})
		if err != nil {
			t.Fatal(err)
		}
		in, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	environment := map[string]string{"auth.password": "of the cluster", "auth_password": "of the cluster"}
	for _, c := range []struct{ config, secrets, want string }{
		{``, ``, `{}`},
		{`{"port":3.0,"cache":{"max":{"digest":3}}}`, ``, `{"port":3.0,"cache":{"max":{"digest":3}}}`},
		{`{"keyspace":"ks"}`, `{"auth.username":"me"}`, `{"keyspace":"ks","auth.username":"me"}`},
		{``, `{"auth.password":{"path":"p","key":"k"}}`, `{"auth.password":"of the cluster"}`},
		{`{"auth":{"username":"me"}}`, `{"auth_password":{"path":"p","key":"k"}}`, `{"auth":{"username":"me"},"auth.password":"of the cluster"}`},
	} {
		got, err := with(c.config, c.secrets).Settings(func(name string) string { return environment[name] })
		var a, b any
		if err != nil || json.Unmarshal(got, &a) != nil || json.Unmarshal([]byte(c.want), &b) != nil || !cmp.Equal(a, b) {
			t.Errorf("%s with %s: %s, %v", c.config, c.secrets, got, err)
		}
	}
	for _, c := range []struct{ config, secrets, says string }{
		{``, `{"auth.password":{"path":"` + secret + `","key":"k"}}`, "the secret auth.password is not in the environment"},
		{``, `{"auth.password":3}`, "auth.password"},
		{`{"auth.password":"` + secret + `"}`, `{"auth_password":"x"}`, "auth.password is both"},
		{`["` + secret + `"]`, ``, "no JSON object"},
	} {
		_, err := with(c.config, c.secrets).Settings(nothing)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s with %s: %v", c.config, c.secrets, err)
		}
	}
}

// The function's own options fill in what the user configuration leaves out, and never
// contradict it.
func TestEnds(t *testing.T) {
	const long = "persistent://public/default/events-ks.t"
	for _, c := range []struct {
		name         string
		config, want Ends
		many         bool
	}{
		{name: "plain", want: Ends{"events-ks.t", "public/default/specs", "", "x"}},
		{name: "plain", config: Ends{long, "sub", "Exclusive", "public/default/x"}, want: Ends{"events-ks.t", "sub", "Exclusive", "public/default/x"}},
		{name: "full", want: Ends{long, "mine", "Failover", "data-ks.t"}},
		{name: "full", config: Ends{"events-ks.t", "mine", "Key_Shared", ""}, want: Ends{long, "mine", "Key_Shared", "data-ks.t"}},
		{name: "noack", config: Ends{Output: "data-ks.t"}, want: Ends{"a", "public/default/noack", "", "data-ks.t"}},
		{name: "regex", config: Ends{Events: "events-{keyspace}.{table}"}, many: true, want: Ends{"events-{keyspace}.{table}", "public/default/regex", "", "x"}},
		{name: "most", many: true, want: Ends{"", "public/default/most", "", ""}},
	} {
		got, err := instance(t, c.name).Ends(c.config, c.many)
		if err != nil {
			t.Errorf("%s with %+v: %v", c.name, c.config, err)
		} else if got != c.want {
			t.Errorf("%s with %+v: %+v, want %+v", c.name, c.config, got, c.want)
		}
	}
	for _, c := range []struct {
		name   string
		config Ends
		says   []string
	}{
		{"plain", Ends{Events: "events-ks.u", Output: "y"}, []string{"events-ks.u, and --inputs is events-ks.t", "destinationTopicName in the user configuration is y, and --output is x"}},
		{"full", Ends{Subscription: "sub"}, []string{"is sub, and --subs-name is mine"}},
		{"most", Ends{}, []string{"2 input topics", "no output topic"}},
		{"regex", Ends{}, []string{"pattern"}},
	} {
		_, err := instance(t, c.name).Ends(c.config, false)
		for _, says := range c.says {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s with %+v: %v says nothing of %q", c.name, c.config, err, says)
			}
		}
	}
}
