// What the functions worker tells an instance: -instance-conf and the JSON behind it.

package function

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// Instance is one instance of a function, as the worker describes it.
type Instance struct {
	Tenant, Namespace, Name string
	ID                      int    // 0 to parallelism-1
	Cluster                 string // of Pulsar

	Port        int // for InstanceControl
	MetricsPort int // for Prometheus' text; 0 for none
	// CheckInterval is how often the worker looks after the instance; 0 when it does not say.
	CheckInterval time.Duration

	Inputs   []string // topics, as they were given
	Patterns []string // those of them that are regular expressions
	Output   string   // topic, "" for none
	LogTopic string   // "" for none

	Subscription string // "" where the function was created without --subs-name
	Ordered      bool   // --retain-ordering

	UserConfig json.RawMessage // a JSON object; its whole numbers may have the form 3.0
	Pulsar     Pulsar

	// Ignored says what was asked of the function and does not happen, for people.
	Ignored []string

	secrets map[string]json.RawMessage
}

// Pulsar is how the worker reaches the cluster. AuthParams is secret.
type Pulsar struct {
	ServiceURL           string
	WebServiceURL        string // "" unless the worker lets functions administer the cluster
	AuthPlugin           string
	AuthParams           string
	TLSTrustCertsFile    string
	AllowInsecure        bool
	HostnameVerification bool
}

// Configuration finds what the worker hands over in the arguments of a process:
// -instance-conf and the text, or -instance-conf-path and a file. given is false for any
// other command line.
func Configuration(args []string) (text []byte, given bool, err error) {
	if len(args) == 0 {
		return nil, false, nil
	}
	name, value, joined := strings.Cut(args[0], "=")
	name = "-" + strings.TrimLeft(name, "-")
	if name != "-instance-conf" && name != "-instance-conf-path" || !strings.HasPrefix(args[0], "-") {
		return nil, false, nil
	}
	switch {
	case joined:
	case len(args) > 1:
		value = args[1]
	default:
		return nil, true, fmt.Errorf("%s has no value: Pulsar's functions worker starts this program", name)
	}
	if name == "-instance-conf" {
		return []byte(value), true, nil
	}
	text, err = os.ReadFile(value)
	if err != nil {
		err = fmt.Errorf("read the instance's configuration: %w", err)
	}
	return text, true, err
}

// conf is the JSON of org.apache.pulsar.functions.instance.go.GoInstanceConfig. Much of it
// is never filled in: FunctionDetails is what counts.
type conf struct {
	PulsarServiceURL     string `json:"pulsarServiceURL"`
	PulsarWebServiceURL  string `json:"pulsarWebServiceUrl"`
	InstanceID           int    `json:"instanceID"`
	Port                 int    `json:"port"`
	MetricsPort          int    `json:"metricsPort"`
	ClusterName          string `json:"clusterName"`
	CheckInterval        int    `json:"expectedHealthCheckInterval"` // seconds
	AuthPlugin           string `json:"clientAuthenticationPlugin"`
	AuthParams           string `json:"clientAuthenticationParameters"`
	TLSTrustCertsFile    string `json:"tlsTrustCertsFilePath"`
	AllowInsecure        bool   `json:"tlsAllowInsecureConnection"`
	HostnameVerification bool   `json:"tlsHostnameVerificationEnable"`
	FunctionDetails      string `json:"functionDetails"`
}

// details is proto.FunctionDetails in protobuf's JSON, which leaves out what has its
// default.
type details struct {
	Tenant               string `json:"tenant"`
	Namespace            string `json:"namespace"`
	Name                 string `json:"name"`
	LogTopic             string `json:"logTopic"`
	ProcessingGuarantees string `json:"processingGuarantees"` // ATLEAST_ONCE is left out
	UserConfig           string `json:"userConfig"`           // JSON in its turn
	SecretsMap           string `json:"secretsMap"`           // JSON in its turn
	AutoAck              bool   `json:"autoAck"`
	Source               struct {
		SubscriptionType string `json:"subscriptionType"` // FAILOVER, or left out
		SubscriptionName string `json:"subscriptionName"`
		InputSpecs       map[string]struct {
			IsRegexPattern bool `json:"isRegexPattern"`
		} `json:"inputSpecs"`
	} `json:"source"`
	Sink struct {
		Topic        string          `json:"topic"`
		ProducerSpec json.RawMessage `json:"producerSpec"`
	} `json:"sink"`
}

// Parse reads the worker's text. Its errors do not repeat any of it, since much is secret.
func Parse(text []byte) (*Instance, error) {
	var c conf
	if json.Unmarshal(text, &c) != nil {
		return nil, errors.New("the instance's configuration is no JSON object of the expected form")
	}
	var d details
	if json.Unmarshal([]byte(c.FunctionDetails), &d) != nil {
		return nil, errors.New("functionDetails in the instance's configuration is no JSON object of the expected form")
	}
	in := &Instance{
		Tenant: d.Tenant, Namespace: d.Namespace, Name: d.Name, ID: c.InstanceID, Cluster: c.ClusterName,
		Port: c.Port, MetricsPort: max(c.MetricsPort, 0), CheckInterval: time.Duration(max(c.CheckInterval, 0)) * time.Second,
		Inputs: slices.Sorted(maps.Keys(d.Source.InputSpecs)), Output: d.Sink.Topic, LogTopic: d.LogTopic,
		Subscription: d.Source.SubscriptionName, Ordered: d.Source.SubscriptionType == "FAILOVER",
		UserConfig: json.RawMessage(d.UserConfig),
		Pulsar: Pulsar{
			ServiceURL: c.PulsarServiceURL, WebServiceURL: c.PulsarWebServiceURL, AuthPlugin: c.AuthPlugin, AuthParams: c.AuthParams,
			TLSTrustCertsFile: c.TLSTrustCertsFile, AllowInsecure: c.AllowInsecure, HostnameVerification: c.HostnameVerification,
		},
	}
	for _, topic := range in.Inputs {
		if d.Source.InputSpecs[topic].IsRegexPattern {
			in.Patterns = append(in.Patterns, topic)
		}
	}
	if len(in.UserConfig) == 0 {
		in.UserConfig = json.RawMessage("{}")
	}
	if d.SecretsMap != "" && json.Unmarshal([]byte(d.SecretsMap), &in.secrets) != nil {
		return nil, errors.New("secretsMap in the instance's configuration is no JSON object")
	}
	if g := d.ProcessingGuarantees; g != "" && g != "ATLEAST_ONCE" {
		in.Ignored = append(in.Ignored, "processing guarantees "+g+": an event is always acknowledged after its row is persisted, which is ATLEAST_ONCE")
	}
	if !d.AutoAck {
		in.Ignored = append(in.Ignored, "auto-ack false: an event is always acknowledged after its row is persisted")
	}
	if len(d.Sink.ProducerSpec) > 0 && string(d.Sink.ProducerSpec) != "{}" {
		in.Ignored = append(in.Ignored, "the producer configuration: the connector's own settings say how rows are published")
	}
	return in, nil
}

// FQFN is the function's full name, tenant/namespace/name.
func (in *Instance) FQFN() string { return in.Tenant + "/" + in.Namespace + "/" + in.Name }

// Settings is the user configuration together with the secrets, as a JSON object. getenv
// is os.Getenv.
//
// A secret's name is the setting's, auth.password or, since a variable of the environment
// is no friend of dots, auth_password. Its value is, by what the worker is configured
// with: an object that says where the secret is kept, which a worker in Kubernetes turns
// into an environment variable of the secret's name; or, by default, the secret itself.
func (in *Instance) Settings(getenv func(string) string) (json.RawMessage, error) {
	settings := map[string]json.RawMessage{}
	if json.Unmarshal(in.UserConfig, &settings) != nil {
		return nil, errors.New("the user configuration is no JSON object")
	}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(in.secrets)) {
		key := strings.ReplaceAll(name, "_", ".")
		if _, both := settings[key]; both {
			faults = append(faults, fmt.Errorf("%s is both in the user configuration and a secret: leave it out of the user configuration", key))
			continue
		}
		value := getenv(name)
		if value == "" && json.Unmarshal(in.secrets[name], &value) != nil {
			faults = append(faults, fmt.Errorf("the secret %s is not in the environment: the worker's secrets provider does not hand it over; give the text of the secret, or put it into a file and name that in the user configuration", name))
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		settings[key] = text
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return json.Marshal(settings)
}

// Ends are where the events come from and where the rows go.
type Ends struct {
	Events       string // topic
	Subscription string
	Type         string // of the subscription: Key_Shared, Failover, Exclusive; "" for the connector's default
	Output       string // topic
}

// Ends brings together what the function was created with and what its user configuration
// says, which is empty where it says nothing. A function of many tables has its inputs for
// the worker alone: the configuration says which topic each table has.
//
// The subscription is the function's own by default, tenant/namespace/name, as that of
// every function: two functions on a topic do not share its events, and Pulsar removes it
// with the function. (A source's is named sub, as in DataStax's connector.)
func (in *Instance) Ends(config Ends, manyTables bool) (Ends, error) {
	var faults []error
	differ := func(key, says, option, asks string) {
		faults = append(faults, fmt.Errorf("%s in the user configuration is %s, and %s is %s: leave one of them out", key, says, option, asks))
	}
	switch {
	case manyTables:
	case len(in.Patterns) > 0:
		faults = append(faults, errors.New("the function's input is a pattern: name the events topic of the table with --inputs"))
	case len(in.Inputs) != 1:
		faults = append(faults, fmt.Errorf("the function has %d input topics: name one with --inputs, the events topic of the table", len(in.Inputs)))
	case config.Events != "" && fullName(config.Events) != fullName(in.Inputs[0]):
		differ("events.topic", config.Events, "--inputs", in.Inputs[0])
	default:
		config.Events = in.Inputs[0]
	}
	switch {
	case config.Output != "" && in.Output != "" && fullName(config.Output) != fullName(in.Output):
		differ("destinationTopicName", config.Output, "--output", in.Output)
	case config.Output == "":
		config.Output = in.Output
	}
	if config.Output == "" && !manyTables {
		faults = append(faults, errors.New("the function has no output topic: name the data topic with --output"))
	}
	switch {
	case config.Subscription != "" && in.Subscription != "" && config.Subscription != in.Subscription:
		differ("events.subscription.name", config.Subscription, "--subs-name", in.Subscription)
	case config.Subscription == "":
		config.Subscription = cmp.Or(in.Subscription, in.FQFN())
	}
	// The worker knows of Shared and Failover alone for a Go function. Shared would lose
	// the order of a key's events, so that it is taken for no choice at all.
	if config.Type == "" && in.Ordered {
		config.Type = "Failover"
	}
	return config, errors.Join(faults...)
}

// fullName is a topic's name with domain, tenant and namespace.
func fullName(topic string) string {
	switch {
	case strings.Contains(topic, "://"):
		return topic
	case strings.Contains(topic, "/"):
		return "persistent://" + topic
	default:
		return "persistent://public/default/" + topic
	}
}
