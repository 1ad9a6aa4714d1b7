// This file shows a schema of package registry to the client library.

package pulsar

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	client "github.com/apache/pulsar-client-go/pulsar"

	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// schemas are the schemas of one producer. The library remembers the version
// that the broker gave a schema by the description alone, so two schemas that
// differ in name, type or properties only cannot share a producer.
type schemas struct {
	mu     sync.Mutex
	known  map[*registry.Schema]*client.SchemaInfo
	byData map[string]*registry.Schema
}

func newSchemas() *schemas {
	return &schemas{known: map[*registry.Schema]*client.SchemaInfo{}, byData: map[string]*registry.Schema{}}
}

func (s *schemas) info(r *registry.Schema) (*client.SchemaInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if info, ok := s.known[r]; ok {
		return info, nil
	}
	t, ok := schemaTypes[r.Type]
	if !ok {
		return nil, fmt.Errorf("schema type %q is not supported", r.Type)
	}
	if other, ok := s.byData[string(r.Data)]; ok {
		if other.Fingerprint() != r.Fingerprint() {
			return nil, errors.New("schema has the same description as another one of this producer, but other properties")
		}
		info := s.known[other]
		s.known[r] = info
		return info, nil
	}
	info := &client.SchemaInfo{Name: r.Name, Type: t, Schema: string(r.Data), Properties: maps.Clone(r.Properties)}
	s.known[r] = info
	s.byData[info.Schema] = r
	return info, nil
}

// Register has the broker take a schema for a topic, as a new version where it is not
// registered yet. Errors are those of making a producer with it.
func (c *Client) Register(ctx context.Context, topic string, s *registry.Schema) error {
	p, err := c.Producer(ctx, ProducerConfig{Topic: topic, Schema: s}) // the library has no other way
	if err != nil {
		return err
	}
	p.Close()
	return nil
}

var schemaTypes = map[registry.Type]client.SchemaType{
	registry.Avro:         client.AVRO,
	registry.JSON:         client.JSON,
	registry.KeyValueType: client.KeyValue,
}

// described is a schema of the library that only describes: values are encoded
// before they come here.
type described struct{ info *client.SchemaInfo }

func (d described) GetSchemaInfo() *client.SchemaInfo { return d.info }

var errDescribes = errors.New("schema only describes")

func (described) Encode(any) ([]byte, error) { return nil, errDescribes }
func (described) Decode([]byte, any) error   { return errDescribes }
func (described) Validate([]byte) error      { return errDescribes }
