// Decoding as any consumer could: the schema from the registry's REST interface, the
// bytes with an Avro library.

package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hamba/avro/v2"

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
		made.key, err = parseRecord(key.Schema)
	}
	if err == nil {
		made.value, err = parseRecord(value.Schema)
	}
	if err != nil {
		return made, fmt.Errorf("schema version %d of topic %s: %w", version, topic, err)
	}
	s.known[url] = made
	return made, nil
}

func parseRecord(text string) (*avro.RecordSchema, error) {
	// Each version stands for itself: no cache that knows a record by its name.
	s, err := avro.ParseWithCache(text, "", &avro.SchemaCache{})
	if err != nil {
		return nil, err
	}
	record, ok := s.(*avro.RecordSchema)
	if !ok {
		return nil, fmt.Errorf("a record expected, found %s", s.Type())
	}
	return record, nil
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

// render decodes a record to JSON with its fields in the schema's order.
func render(s *avro.RecordSchema, data []byte) (string, error) { return renderRecord(s, data, true) }

// renderWithoutNulls leaves out the fields that are null.
func renderWithoutNulls(s *avro.RecordSchema, data []byte) (string, error) {
	return renderRecord(s, data, false)
}

func renderRecord(s *avro.RecordSchema, data []byte, nulls bool) (string, error) {
	var v any
	if err := avro.Unmarshal(s, data, &v); err != nil {
		return "", err
	}
	var b strings.Builder
	if err := write(&b, s, v, nulls); err != nil {
		return "", err
	}
	return b.String(), nil
}

func write(b *strings.Builder, s avro.Schema, v any, nulls bool) error {
	if union, ok := s.(*avro.UnionSchema); ok {
		if v == nil {
			b.WriteString("null")
			return nil
		}
		s = union.Types()[1]
		// A value of a type that is not primitive comes as {name of the type: value}.
		name := string(s.Type())
		if named, ok := s.(avro.NamedSchema); ok {
			name = named.FullName()
		}
		if wrapped, ok := v.(map[string]any); ok && len(wrapped) == 1 && wrapped[name] != nil {
			v = wrapped[name]
		}
	}
	switch s := s.(type) {
	case *avro.RecordSchema:
		fields, ok := v.(map[string]any)
		if !ok {
			return fmt.Errorf("record %s decoded as %T", s.FullName(), v)
		}
		b.WriteByte('{')
		first := true
		for _, f := range s.Fields() {
			if fields[f.Name()] == nil && !nulls {
				continue
			}
			if !first {
				b.WriteByte(',')
			}
			first = false
			b.WriteString(strconv.Quote(f.Name()) + ":")
			if err := write(b, f.Type(), fields[f.Name()], nulls); err != nil {
				return err
			}
		}
		b.WriteByte('}')
		return nil
	case *avro.ArraySchema:
		items, ok := v.([]any)
		if !ok {
			return fmt.Errorf("array decoded as %T", v)
		}
		b.WriteByte('[')
		for i, item := range items {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := write(b, s.Items(), item, nulls); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	}
	if t, ok := v.(time.Time); ok {
		v = t.UnixMilli()
	}
	text, err := json.Marshal(v)
	b.Write(text)
	return err
}
