// What the launcher tells before anything else.

package relay

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Settings are what Pulsar has configured of a source.
type Settings struct {
	Tenant    string `json:"tenant"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Instance  int    `json:"instance"`
	// OutputTopic is the destination: the data topic.
	OutputTopic string `json:"outputTopic"`
	// Config is the source's configuration as it was given, a JSON object.
	Config json.RawMessage `json:"config"`
	// Pulsar is how the worker itself reaches the cluster.
	Pulsar Pulsar `json:"pulsar"`
}

// Pulsar are the settings of the worker's client. AuthParams is secret.
type Pulsar struct {
	ServiceURL           string `json:"serviceUrl"`
	AuthPlugin           string `json:"authPluginClassName"`
	AuthParams           string `json:"authParams"`
	TLSTrustCertsFile    string `json:"tlsTrustCertsFilePath"`
	AllowInsecure        bool   `json:"tlsAllowInsecureConnection"`
	HostnameVerification bool   `json:"tlsHostnameVerificationEnable"`
}

// maxSettings bounds the settings, in bytes, against a stream that holds none.
const maxSettings = 16 << 20

// ReadSettings reads the settings off the front of the launcher's stream.
func ReadSettings(r io.Reader) (s Settings, err error) {
	var size int32
	if err := binary.Read(r, binary.BigEndian, &size); err != nil {
		return s, fmt.Errorf("read the launcher's settings: %w (this command is for Pulsar's launcher; use run to start the connector by hand)", err)
	}
	if size < 0 || size > maxSettings {
		return s, fmt.Errorf("read the launcher's settings: a length of %d bytes", size)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return s, fmt.Errorf("read the launcher's settings: %w", err)
	}
	if json.Unmarshal(text, &s) != nil { // whose error may quote a secret
		return s, errors.New("read the launcher's settings: they are no JSON object of the expected form")
	}
	return s, nil
}
