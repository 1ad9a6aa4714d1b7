// Decoding as any consumer could: the schema from the registry's REST interface, the
// bytes with an Avro library.

package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/hamba/avro/v2"

	"github.com/cassandra-cdc/cassandra-cdc/internal/avrojson"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// keyValueSchema is one version of a topic's schema.
type keyValueSchema struct{ key, value *avro.RecordSchema }

// schemas asks Pulsar's registry, once for each version.
type schemas struct {
	adminURL string
	client   http.Client

	mu    sync.Mutex
	known map[string]keyValueSchema
}

func newSchemas(adminURL string) *schemas {
	return &schemas{adminURL: adminURL, client: http.Client{Timeout: 10 * time.Second}, known: map[string]keyValueSchema{}}
}

func (s *schemas) version(ctx context.Context, topic string, version int64) (keyValueSchema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	url := fmt.Sprintf("%s/admin/v2/schemas/public/default/%s/schema/%d", s.adminURL, topic, version)
	if have, ok := s.known[url]; ok {
		return have, nil
	}
	var made keyValueSchema
	var answer struct {
		Type       registry.Type     `json:"type"`
		Data       string            `json:"data"`
		Properties map[string]string `json:"properties"`
	}
	body, err := s.get(ctx, url)
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	var described *registry.Schema
	if err == nil {
		described, err = registry.FromREST(topic, answer.Type, answer.Data, answer.Properties)
	}
	var key, value registry.Part
	if err == nil {
		key, value, err = described.Split()
	}
	if err == nil {
		made.key, err = avrojson.ParseRecord(key.Schema)
	}
	if err == nil {
		made.value, err = avrojson.ParseRecord(value.Schema)
	}
	if err != nil {
		return made, fmt.Errorf("schema version %d of topic %s: %w", version, topic, err)
	}
	s.known[url] = made
	return made, nil
}

func (s *schemas) get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, resp.Status)
	}
	return body, err
}

// hasField says whether a record has a field of that name.
func hasField(s *avro.RecordSchema, name string) bool {
	for _, f := range s.Fields() {
		if f.Name() == name {
			return true
		}
	}
	return false
}
