// This file turns the authentication settings of Java's client, which our users
// have, into those of the Go client.

package pulsar

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	client "github.com/apache/pulsar-client-go/pulsar"
)

const javaAuth = "org.apache.pulsar.client.impl.auth."

// Plugins by the class name of Java's client; the short names are accepted too.
var plugins = map[string]string{
	javaAuth + "AuthenticationToken":         "token",
	javaAuth + "AuthenticationTls":           "tls",
	javaAuth + "AuthenticationKeyStoreTls":   "tls",
	javaAuth + "AuthenticationBasic":         "basic",
	javaAuth + "AuthenticationAthenz":        "athenz",
	javaAuth + "oauth2.AuthenticationOAuth2": "oauth2",
	javaAuth + "AuthenticationDisabled":      "",
}

// credentials are the settings in the terms of the Go client. name is empty for
// a connection without authentication.
type credentials struct {
	name   string
	params map[string]string
}

// parseCredentials reads a plugin (class name or short name) and its parameters
// in any form that Java's client takes: one JSON object, "name:value" pairs
// joined by commas, and for a token also "token:…", "file:…" and the bare token.
// Its errors do not repeat the parameters.
func parseCredentials(plugin, params string) (credentials, error) {
	plugin, params = strings.TrimSpace(plugin), strings.TrimSpace(params)
	name, ok := plugins[plugin]
	if !ok {
		switch plugin {
		case "token", "tls", "basic", "athenz", "oauth2", "":
			name = plugin
		default:
			return credentials{}, fmt.Errorf("authentication plugin %q is not supported: use token, tls, basic, oauth2 or athenz, or the Java class name of one", plugin)
		}
	}
	if name == "" {
		if params != "" && plugin == "" {
			return credentials{}, errors.New("authentication parameters are set, but no plugin")
		}
		return credentials{}, nil
	}
	m, err := parseParams(name, params)
	if err != nil {
		return credentials{}, fmt.Errorf("parameters of the authentication plugin %s: %w", name, err)
	}
	var missing []string
	for _, k := range required[name] {
		if m[k] == "" {
			missing = append(missing, k)
		}
	}
	switch {
	case name == "token" && m["token"] == "" && m["file"] == "":
		missing = append(missing, "token")
	case name == "tls" && m["keyStorePath"] == "":
		for _, k := range []string{"tlsCertFile", "tlsKeyFile"} {
			if m[k] == "" {
				missing = append(missing, k)
			}
		}
	}
	if missing != nil {
		return credentials{}, fmt.Errorf("parameters of the authentication plugin %s: %s missing", name, strings.Join(missing, ", "))
	}
	return credentials{name, m}, nil
}

var required = map[string][]string{
	"basic":  {"username", "password"},
	"oauth2": {"issuerUrl", "privateKey"},
	"athenz": {"tenantDomain", "tenantService", "providerDomain", "privateKey"},
}

func parseParams(name, params string) (map[string]string, error) {
	m := map[string]string{}
	switch {
	case strings.HasPrefix(params, "{"):
		var values map[string]any
		if json.Unmarshal([]byte(params), &values) != nil {
			return nil, errors.New("not a JSON object")
		}
		for k, v := range values {
			m[k] = fmt.Sprint(v)
		}
	case name == "token":
		if t, ok := strings.CutPrefix(params, "token:"); ok {
			m["token"] = t
		} else if strings.HasPrefix(params, "file:") {
			m["file"] = params
		} else if params != "" {
			m["token"] = params
		}
	case params != "":
		for pair := range strings.SplitSeq(params, ",") {
			k, v, ok := strings.Cut(pair, ":")
			if !ok {
				return nil, errors.New("neither a JSON object nor name:value pairs")
			}
			m[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	switch name {
	case "token":
		// In JSON, "token" may itself be a reference.
		if t, ok := strings.CutPrefix(m["token"], "token:"); ok {
			m["token"] = t
		}
		if f := m["file"]; f != "" {
			path, err := filePath(f)
			if err != nil {
				return nil, err
			}
			m["file"] = path
		}
	case "basic":
		if m["username"] == "" { // Java's name for it
			m["username"] = m["userId"]
		}
	case "oauth2":
		if m["type"] == "" { // the only one, and Java's default
			m["type"] = "client_credentials"
		}
	}
	return m, nil
}

// filePath is the path of file:///path, file:/path or a plain path.
func filePath(s string) (string, error) {
	if !strings.HasPrefix(s, "file:") {
		return s, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host != "" && u.Host != "localhost" {
		return "", errors.New("not a file URL on this machine")
	}
	if u.Path != "" {
		return u.Path, nil
	}
	return u.Opaque, nil // file:relative
}

// authentication is the client's provider, nil without authentication.
func (c credentials) authentication(cfg Config) (client.Authentication, error) {
	switch {
	case c.name == "":
		return nil, nil
	case c.name == "tls":
		return client.NewAuthenticationFromTLSCertSupplier(cfg.clientCertificate(c)), nil
	}
	params, err := json.Marshal(c.params)
	if err != nil {
		return nil, err
	}
	a, err := client.NewAuthentication(c.name, string(params))
	if err != nil {
		return nil, c.redact(err)
	}
	return a, nil
}

// redact takes secrets out of an error's text.
func (c credentials) redact(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, k := range []string{"token", "password", "privateKey", "keyStorePassword"} {
		if v := c.params[k]; len(v) > 3 && !strings.HasPrefix(v, "file:") {
			text = strings.ReplaceAll(text, v, "[secret]")
		}
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}
