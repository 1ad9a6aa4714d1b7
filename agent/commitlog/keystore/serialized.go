// The part of Java's object serialization that keys in a JCEKS keystore use.

package keystore

import (
	"errors"
	"fmt"
)

// object is a serialized Java object. The values of fields are string, []byte, object,
// or nil; fields of primitive types are left out.
type object struct {
	class  string
	fields map[string]any
}

// Bytes of the stream (java.io.ObjectStreamConstants).
const (
	streamHeader = 0xACED0005

	tcNull         = 0x70
	tcReference    = 0x71
	tcClassDesc    = 0x72
	tcObject       = 0x73
	tcString       = 0x74
	tcArray        = 0x75
	tcEndBlockData = 0x78
	tcEnum         = 0x7E

	flagSerializable = 0x02
	flagEnum         = 0x10

	firstHandle = 0x7E0000
)

// A sealed key has a dozen handles, four fields and a depth of four.
const (
	maxHandles = 256
	maxFields  = 64
	maxDepth   = 16
)

// class is a class descriptor: its name and all fields, those of superclasses first.
type class struct {
	name   string
	fields []field
}

type field struct {
	kind byte // B C D F I J S Z for a primitive type, [ for an array, L for an object
	name string
}

// parseSerialized reads one stream that holds one object, and gives what follows it.
func parseSerialized(data []byte) (o object, rest []byte, err error) {
	p := parser{cursor: cursor{rest: data}}
	if p.uint32() != streamHeader {
		return object{}, nil, errors.New("no serialized Java object")
	}
	v := p.value()
	if p.err != nil {
		return object{}, nil, fmt.Errorf("serialized Java object: %w", p.err)
	}
	o, ok := v.(object)
	if !ok {
		return object{}, nil, errors.New("the serialized Java value is no object")
	}
	return o, p.rest, nil
}

type parser struct {
	cursor
	handles []any // what was read and may be referred to: string, []byte, object, *class
	depth   int
}

func (p *parser) fail(format string, args ...any) any {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	return nil
}

// newHandle keeps the place of a value that is about to be read.
func (p *parser) newHandle(v any) int {
	if len(p.handles) >= maxHandles {
		p.fail("more than %d parts", maxHandles)
	}
	p.handles = append(p.handles, v)
	return len(p.handles) - 1
}

// value reads the next value of any kind, a *class for a class descriptor.
func (p *parser) value() any {
	if p.depth++; p.depth > maxDepth {
		return p.fail("nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	if p.err != nil {
		return nil
	}
	switch code := p.uint8(); code {
	case tcNull:
		return nil
	case tcReference:
		at := int64(p.uint32()) - firstHandle
		if at < 0 || at >= int64(len(p.handles)) {
			return p.fail("a reference to something that was not there")
		}
		return p.handles[at]
	case tcString:
		s := p.utf()
		p.newHandle(s)
		return s
	case tcClassDesc:
		return p.class()
	case tcObject:
		return p.object()
	case tcArray:
		c := p.classOf()
		h := p.newHandle(nil)
		if c.name != "[B" {
			return p.fail("an array of the type %q", c.name)
		}
		b := p.bytes(int64(p.uint32()))
		p.handles[h] = b
		return b
	case tcEnum:
		p.classOf()
		h := p.newHandle(nil)
		name, _ := p.value().(string)
		p.handles[h] = name
		return name
	default:
		return p.fail("the code %#x, which is not known here", code)
	}
}

// classOf reads the class of an object or array, nameless when it is none.
func (p *parser) classOf() *class {
	if c, ok := p.value().(*class); ok {
		return c
	}
	p.fail("a class is missing")
	return &class{}
}

func (p *parser) class() any {
	c := &class{name: p.utf()}
	p.bytes(8) // serialVersionUID
	p.newHandle(c)
	if flags := p.uint8(); flags != flagSerializable && flags != flagSerializable|flagEnum {
		return p.fail("the class %q writes itself in a way of its own (flags %#x)", c.name, flags)
	}
	count := int(p.uint16())
	if count > maxFields {
		return p.fail("the class %q has %d fields", c.name, count)
	}
	var own []field
	for range count {
		f := field{kind: p.uint8(), name: p.utf()}
		if f.kind == 'L' || f.kind == '[' {
			p.value() // name of the type
		}
		own = append(own, f)
	}
	if p.uint8() != tcEndBlockData {
		return p.fail("the class %q is annotated", c.name)
	}
	if super, ok := p.value().(*class); ok {
		c.fields = append(c.fields, super.fields...)
	}
	if c.fields = append(c.fields, own...); len(c.fields) > maxFields {
		return p.fail("the class %q has %d fields", c.name, len(c.fields))
	}
	return c
}

func (p *parser) object() any {
	c := p.classOf()
	o := object{class: c.name, fields: map[string]any{}}
	p.newHandle(o)
	for _, f := range c.fields {
		switch f.kind {
		case 'B', 'Z':
			p.bytes(1)
		case 'C', 'S':
			p.bytes(2)
		case 'I', 'F':
			p.bytes(4)
		case 'J', 'D':
			p.bytes(8)
		case 'L', '[':
			o.fields[f.name] = p.value()
		default:
			return p.fail("a field of the type %q", f.kind)
		}
	}
	return o
}
