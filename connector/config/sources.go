// The ways settings come: files, the environment and the command line of a connector on
// its own, and what Pulsar gives a source or a function that it hosts.

package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/connector/relay"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
)

// driverPrefix begins the settings of DataStax's Java driver.
const driverPrefix = "datastax-java-driver."

// contentPrefix begins a value that is not the path of a file but, in base64, what would be
// in it.
const contentPrefix = "base64:"

// Load reads the settings of a connector on its own from everywhere. The error holds what
// could not be read, and then also what [Config.Validate] says of the others.
func Load(from settings.Sources) (c Config, err error) {
	from.Foreign = driverPrefix
	c.origins, c.warnings, err = settings.Load(&c, from)
	return c, c.withOthers(err)
}

// withOthers adds the faults of other settings to those of the ones that could not be read,
// so that a person is told all at once. Where a whole source is at fault there is nothing
// to add: what is missing may be in it.
func (c Config) withOthers(err error) error {
	faults := settings.FaultsOf(err)
	has := func(key string) bool {
		return slices.ContainsFunc(faults, func(f settings.Fault) bool { return f.Key == key })
	}
	if len(faults) == 0 || has("") {
		return err
	}
	for _, f := range settings.FaultsOf(c.Validate()) {
		if !has(f.Key) {
			faults = append(faults, f)
		}
	}
	return faults
}

// Pulsar is how the host of the connector reaches its cluster. AuthParams is secret.
type Pulsar struct {
	ServiceURL           string
	WebServiceURL        string
	AuthPlugin           string
	AuthParams           string
	TLSTrustCertsFile    string
	AllowInsecure        bool
	HostnameVerification bool
}

// Hosted is the configuration of a source that Pulsar hosts: what it was created with, the
// destination topic, and how Pulsar's worker reaches the cluster, which is the default for
// the source's own connection.
func Hosted(s relay.Settings) (Config, error) {
	c, err := parse("the source's configuration", s.Config, Pulsar{
		ServiceURL: s.Pulsar.ServiceURL, AuthPlugin: s.Pulsar.AuthPlugin, AuthParams: s.Pulsar.AuthParams,
		TLSTrustCertsFile: s.Pulsar.TLSTrustCertsFile, AllowInsecure: s.Pulsar.AllowInsecure, HostnameVerification: s.Pulsar.HostnameVerification,
	})
	c.relayed = true
	if c.DestinationTopic == "" {
		c.DestinationTopic = s.OutputTopic
	}
	return c, err
}

// Function is the configuration of a function that Pulsar hosts: the user configuration
// that it was created with, a JSON object, and how the worker reaches the cluster, which is
// the default for the function's own connection.
func Function(userConfig []byte, defaults Pulsar) (Config, error) {
	return parse("the function's user configuration", userConfig, defaults)
}

func parse(name string, config []byte, defaults Pulsar) (Config, error) {
	given, err := flatten(config)
	if err != nil {
		return Config{}, settings.Fault{Origin: name, Problem: err.Error()}
	}
	c := Config{hosted: true}
	c.origins, c.warnings, err = settings.Load(&c, settings.Sources{Given: given, GivenBy: name, Foreign: driverPrefix})
	if c.PulsarServiceURL == "" {
		c.PulsarServiceURL = defaults.ServiceURL
		if c.PulsarWebServiceURL == "" {
			c.PulsarWebServiceURL = defaults.WebServiceURL
		}
		if c.TLSTrustCertsFile == "" {
			c.TLSTrustCertsFile = defaults.TLSTrustCertsFile
		}
		c.AllowInsecure = c.AllowInsecure || defaults.AllowInsecure
		c.HostnameVerification = c.HostnameVerification || defaults.HostnameVerification
	}
	if c.PulsarAuthPlugin == "" {
		c.PulsarAuthPlugin, c.PulsarAuthParams = defaults.AuthPlugin, defaults.AuthParams
	}
	return c, c.withOthers(err)
}

// flatten joins the names of nested objects with dots, as DataStax's connector does:
// {"cache":{"max":{"digest":3}}} is {"cache.max.digest":"3"}. A value becomes the text, or
// the list of texts, that a person would have written.
func flatten(config []byte) (map[string]any, error) {
	var nested map[string]any
	d := json.NewDecoder(bytes.NewReader(config))
	d.UseNumber()
	if err := d.Decode(&nested); err != nil || d.More() {
		return nil, errors.New("it is no JSON object") // err may repeat a secret
	}
	flat := map[string]any{}
	var walk func(prefix string, object map[string]any) error
	walk = func(prefix string, object map[string]any) error {
		for key, value := range object {
			key = prefix + key
			switch v := value.(type) {
			case nil:
				continue
			case map[string]any:
				if err := walk(key+".", v); err != nil {
					return err
				}
				continue
			case []any:
				list := []string{}
				for _, item := range v {
					text, ok := scalar(item)
					if !ok {
						return errors.New("an item of the list " + key + " is no text")
					}
					list = append(list, text)
				}
				value = list
			default:
				value, _ = scalar(v)
			}
			if _, again := flat[key]; again {
				return errors.New(key + " is in it twice")
			}
			flat[key] = value
		}
		return nil
	}
	return flat, walk("", nested)
}

func scalar(value any) (text string, ok bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case json.Number:
		return number(v.String()), true
	}
	return "", false
}

// number is a number as a person writes it. Pulsar's libraries for JSON make a fraction of
// every number: 3 is 3.0 and ten million is 1.0E7.
func number(text string) string {
	if !strings.ContainsAny(text, ".eE") {
		return text
	}
	const exact = 1 << 53 // whole numbers of more have lost digits
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > exact {
		return text
	}
	return strconv.FormatInt(int64(f), 10)
}
