// The parser of CQL type texts: text, frozen<map<text, int>>, "Quoted", vector<float, 3>, 'a.custom.Class'.

package cql

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a type text, so that damaged input ends in an
// error and not in an exhausted stack. Cassandra itself has no such limit.
const maxDepth = 64

// Resolver gives the user-defined type of that name in the keyspace of the table.
type Resolver func(name string) (*Type, bool)

// Parse reads a type as system_schema.columns.type and system_schema.types
// spell it. The names of user-defined types are looked up with udt.
func Parse(text string, udt Resolver) (*Type, error) {
	p := parser{in: text, udt: udt}
	t, err := p.parse(0)
	if p.peek(); err == nil && p.pos < len(p.in) {
		err = p.errorf("unexpected %q", p.in[p.pos:])
	}
	if err != nil {
		return nil, fmt.Errorf("CQL type %q: %w", text, err)
	}
	return t, nil
}

type parser struct {
	in  string
	pos int
	udt Resolver
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("at character %d: %s", p.pos, fmt.Sprintf(format, args...))
}

func (p *parser) peek() byte {
	for p.pos < len(p.in) && p.in[p.pos] == ' ' {
		p.pos++
	}
	if p.pos == len(p.in) {
		return 0
	}
	return p.in[p.pos]
}

func (p *parser) expect(c byte) error {
	if got := p.peek(); got != c {
		if got == 0 {
			return p.errorf("%q expected, the text ends", c)
		}
		return p.errorf("%q expected, found %q", c, got)
	}
	p.pos++
	return nil
}

func (p *parser) parse(depth int) (*Type, error) {
	if depth > maxDepth {
		return nil, p.errorf("nested deeper than %d", maxDepth)
	}
	switch p.peek() {
	case '\'':
		class, err := p.quoted('\'')
		if err != nil {
			return nil, err
		}
		return p.class(class, depth)
	case '"':
		name, err := p.quoted('"')
		if err != nil {
			return nil, err
		}
		return p.resolve(name)
	}
	word := p.word()
	if word == "" {
		return nil, p.errorf("a type name expected")
	}
	lower := strings.ToLower(word)
	if p.peek() != '<' {
		if k, ok := nativeNames[lower]; ok {
			return &Type{Kind: k}, nil
		}
		return p.resolve(lower)
	}
	p.pos++
	t, err := p.parameters(lower, depth+1)
	if err != nil {
		return nil, err
	}
	return t, p.expect('>')
}

func (p *parser) parameters(name string, depth int) (*Type, error) {
	first, err := p.parse(depth)
	if err != nil {
		return nil, err
	}
	switch name {
	case "frozen":
		frozen := *first
		frozen.Frozen = true
		return &frozen, nil
	case "list":
		return &Type{Kind: List, Elem: first}, nil
	case "set":
		return &Type{Kind: Set, Elem: first}, nil
	case "map":
		if err := p.expect(','); err != nil {
			return nil, err
		}
		value, err := p.parse(depth)
		if err != nil {
			return nil, err
		}
		return &Type{Kind: Map, Key: first, Elem: value}, nil
	case "vector":
		if err := p.expect(','); err != nil {
			return nil, err
		}
		p.peek()
		n, ok := dimension(p.word())
		if !ok {
			return nil, p.errorf(notADimension)
		}
		return &Type{Kind: Vector, Elem: first, Dimension: n}, nil
	case "tuple":
		t := &Type{Kind: Tuple, Frozen: true, Fields: []Field{{Type: first}}}
		for p.peek() == ',' {
			p.pos++
			f, err := p.parse(depth)
			if err != nil {
				return nil, err
			}
			t.Fields = append(t.Fields, Field{Type: f})
		}
		return t, nil
	}
	return nil, p.errorf("%q takes no parameters", name)
}

// class is the type that a quoted class stands for. Of those outside Cassandra's own
// package nothing is known but the name.
func (p *parser) class(name string, depth int) (*Type, error) {
	if !strings.HasPrefix(name, marshalPackage) {
		return &Type{Kind: Custom, Name: name}, nil
	}
	t, _, err := parseClass(name, depth)
	if err != nil {
		return nil, p.errorf("class %q: %v", name, err)
	}
	return t, nil
}

func (p *parser) resolve(name string) (*Type, error) {
	if p.udt != nil {
		if t, ok := p.udt(name); ok {
			return t, nil
		}
	}
	return nil, p.errorf("unknown type %s", Quote(name))
}

const notADimension = "a vector's dimension must be a positive number"

// dimension reads the dimension of a vector, which is an int for Cassandra.
func dimension(digits string) (int, bool) {
	n, err := strconv.Atoi(digits)
	return n, err == nil && n > 0 && n <= math.MaxInt32
}

func (p *parser) word() string {
	start := p.pos
	for p.pos < len(p.in) {
		c := p.in[p.pos]
		if c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			break
		}
		p.pos++
	}
	return p.in[start:p.pos]
}

func (p *parser) quoted(q byte) (string, error) {
	var b strings.Builder
	for p.pos++; p.pos < len(p.in); p.pos++ {
		if p.in[p.pos] != q {
			b.WriteByte(p.in[p.pos])
			continue
		}
		p.pos++
		if p.pos == len(p.in) || p.in[p.pos] != q {
			if !utf8.ValidString(b.String()) {
				return "", p.errorf("a name that is not UTF-8")
			}
			return b.String(), nil
		}
		b.WriteByte(q)
	}
	return "", p.errorf("a quoted name that does not end")
}
