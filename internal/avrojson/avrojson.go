// Package avrojson shows Avro records to people: as JSON, with the fields in the
// schema's order. In come a schema and bytes of any writer; the package encodes nothing.
package avrojson

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hamba/avro/v2"
)

// ParseRecord reads the schema of a record.
func ParseRecord(text string) (*avro.RecordSchema, error) {
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

// Render decodes a record.
func Render(s *avro.RecordSchema, data []byte) (string, error) { return render(s, data, true) }

// RenderWithoutNulls leaves out the fields that are null.
func RenderWithoutNulls(s *avro.RecordSchema, data []byte) (string, error) {
	return render(s, data, false)
}

func render(s *avro.RecordSchema, data []byte, nulls bool) (string, error) {
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
