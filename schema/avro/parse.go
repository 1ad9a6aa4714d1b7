// A schema's text back to what it describes: for schemas that others may have written.

package avro

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Type is a type of a parsed schema. Types are not modified once they are parsed.
type Type struct {
	Kind     string  // "null", "int", … "record", "enum", "fixed", "array", "map", "union"
	Name     string  // full name of a record, enum or fixed
	Logical  string  // logicalType, "" for none
	Fields   []Field // of a record
	Items    *Type   // of an array, or the values of a map
	Branches []*Type // of a union
	Size     int     // of a fixed, in bytes

	parts int // how many types it is made of, itself included
}

// Field is a field of a record.
type Field struct {
	Name    string // as in the schema; Original is the column's
	Type    *Type
	Default string // JSON; "" for none
}

// maxParts bounds a parsed schema, in which a few names can stand for very much.
const maxParts = 1 << 16

// Parse reads the text of a schema. Types that contain themselves, which no schema of
// a table has, are refused.
func Parse(text string) (*Type, error) {
	d := json.NewDecoder(strings.NewReader(text))
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return nil, fmt.Errorf("avro schema: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("avro schema: text behind it")
	}
	t, err := (&parser{named: map[string]*Type{}}).parse(raw, "")
	if err != nil {
		return nil, fmt.Errorf("avro schema: %w", err)
	}
	return t, nil
}

var primitives = []string{"null", "boolean", "int", "long", "float", "double", "bytes", "string"}

type parser struct {
	named map[string]*Type // nil while the type is being parsed
}

// declaration is a type in the form of a JSON object.
type declaration struct {
	Type      json.RawMessage   `json:"type"`
	Name      string            `json:"name"`
	Namespace *string           `json:"namespace"`
	Logical   string            `json:"logicalType"`
	Fields    []json.RawMessage `json:"fields"`
	Items     json.RawMessage   `json:"items"`
	Values    json.RawMessage   `json:"values"`
	Size      int               `json:"size"`
}

func (p *parser) parse(raw json.RawMessage, namespace string) (*Type, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return nil, errors.New("a type is missing")
	}
	switch raw[0] {
	case '"':
		var name string
		if err := json.Unmarshal(raw, &name); err != nil {
			return nil, err
		}
		return p.byName(name, namespace)
	case '[':
		return p.union(raw, namespace)
	case '{':
	default:
		return nil, fmt.Errorf("%.40s is no type", raw)
	}
	var d declaration
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, err
	}
	var kind string
	if json.Unmarshal(d.Type, &kind) != nil { // a type within the type
		return p.parse(d.Type, namespace)
	}
	t := &Type{Kind: kind, Logical: d.Logical, Size: d.Size, parts: 1}
	switch kind {
	case "record", "enum", "fixed":
		return t, p.declare(t, d, namespace)
	case "array", "map":
		items := d.Items
		if kind == "map" {
			items = d.Values
		}
		var err error
		if t.Items, err = p.parse(items, namespace); err != nil {
			return nil, err
		}
		return t, t.add(t.Items)
	}
	if slices.Contains(primitives, kind) {
		return t, nil
	}
	return p.byName(kind, namespace)
}

// byName is a primitive type, or one that was declared before. A name without
// namespace is looked for in the enclosing one and then outside of all, as Java does.
func (p *parser) byName(name, namespace string) (*Type, error) {
	if slices.Contains(primitives, name) {
		return &Type{Kind: name, parts: 1}, nil
	}
	for _, full := range []string{fullName(name, namespace), name} {
		if t, ok := p.named[full]; t != nil {
			return t, nil
		} else if ok {
			return nil, fmt.Errorf("type %s contains itself", full)
		}
	}
	return nil, fmt.Errorf("type %s is not declared", name)
}

func fullName(name, namespace string) string {
	if namespace == "" || strings.Contains(name, ".") {
		return name
	}
	return namespace + "." + name
}

func (p *parser) union(raw json.RawMessage, namespace string) (*Type, error) {
	var branches []json.RawMessage
	if err := json.Unmarshal(raw, &branches); err != nil {
		return nil, err
	}
	if len(branches) == 0 {
		return nil, errors.New("a union of nothing")
	}
	t := &Type{Kind: "union", parts: 1}
	for _, b := range branches {
		branch, err := p.parse(b, namespace)
		if err != nil {
			return nil, err
		}
		t.Branches = append(t.Branches, branch)
		if err := t.add(branch); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// declare completes a type that has a name.
func (p *parser) declare(t *Type, d declaration, namespace string) error {
	if d.Name == "" {
		return fmt.Errorf("a %s without name", t.Kind)
	}
	if d.Namespace != nil {
		namespace = *d.Namespace
	}
	t.Name = fullName(d.Name, namespace)
	if i := strings.LastIndexByte(t.Name, '.'); i >= 0 {
		namespace = t.Name[:i]
	}
	p.named[t.Name] = nil
	for _, raw := range d.Fields {
		var f struct {
			Name    string          `json:"name"`
			Type    json.RawMessage `json:"type"`
			Default json.RawMessage `json:"default"`
		}
		if err := json.Unmarshal(raw, &f); err != nil {
			return err
		}
		typ, err := p.parse(f.Type, namespace)
		if err != nil {
			return fmt.Errorf("field %s of %s: %w", f.Name, t.Name, err)
		}
		t.Fields = append(t.Fields, Field{f.Name, typ, string(f.Default)})
		if err := t.add(typ); err != nil {
			return err
		}
	}
	p.named[t.Name] = t
	return nil
}

func (t *Type) add(part *Type) error {
	if t.parts += part.parts; t.parts > maxParts {
		return fmt.Errorf("more than %d types", maxParts)
	}
	return nil
}

// String is the type in a few words, for people: "int or null", "array of ks.address".
func (t *Type) String() string {
	text := t.Kind
	switch t.Kind {
	case "union":
		// null is said last, whichever branch it is.
		var values []string
		null := ""
		for _, b := range t.Branches {
			if b.Kind == "null" {
				null = "null"
			} else {
				values = append(values, b.String())
			}
		}
		if null != "" {
			values = append(values, null)
		}
		return strings.Join(values, " or ")
	case "array", "map":
		return t.Kind + " of " + t.Items.String()
	case "record", "enum", "fixed":
		text = t.Kind + " " + t.Name
	}
	if t.Logical != "" && t.Logical != t.Name {
		text += " (" + t.Logical + ")"
	}
	return text
}
