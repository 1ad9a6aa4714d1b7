// The parser of marshal class texts: how Cassandra's AbstractType spells itself inside Cassandra.

package cql

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

// marshalPackage is where Cassandra's own types are; a class name without a dot is
// looked for there.
const marshalPackage = "org.apache.cassandra.db.marshal."

// nativeClasses are the classes that are native CQL types (AbstractType.asCQL3Type).
// Two of them are what timestamp and timeuuid were before: same values, other order.
var nativeClasses = map[string]Kind{
	"AsciiType": ASCII, "BooleanType": Boolean, "ByteType": TinyInt, "BytesType": Blob, "CounterColumnType": Counter,
	"DateType": Timestamp, "DecimalType": Decimal, "DoubleType": Double, "DurationType": Duration, "EmptyType": Empty,
	"FloatType": Float, "InetAddressType": Inet, "Int32Type": Int, "IntegerType": VarInt, "LegacyTimeUUIDType": TimeUUID,
	"LongType": BigInt, "ShortType": SmallInt, "SimpleDateType": Date, "TimeType": Time, "TimeUUIDType": TimeUUID,
	"TimestampType": Timestamp, "UTF8Type": Text, "UUIDType": UUID,
}

// lexicalUUID is the only class without a CQL name whose values are plain: a UUID
// that is ordered as text.
const lexicalUUID = "LexicalUUIDType"

// ParseClass reads a type as Cassandra spells it in its own files and messages
// (AbstractType.toString, read by TypeParser): the name of a class with its
// parameters, the package of Cassandra's own types in front or not. It gives the
// type that CQL has for it: Custom, with the class text as its name, for a class
// that is none (CompositeType, DynamicCompositeType, classes of others).
//
// reversed says that values are kept in descending order (ReversedType, around the
// type as a whole); inside another type it means nothing and is passed over.
//
// What Cassandra does is done here: a list, set, map or user-defined type that is
// not inside FrozenType is multi-cell, except as part of another collection, a
// tuple or a vector, where it is frozen without being said so. The field types of a
// user-defined type stay as they are spelled.
func ParseClass(text string) (t *Type, reversed bool, err error) {
	t, reversed, err = parseClass(text, 0)
	if err != nil {
		return nil, false, fmt.Errorf("marshal class %q: %w", text, err)
	}
	return t, reversed, nil
}

func parseClass(text string, depth int) (t *Type, reversed bool, err error) {
	p := classParser{in: text}
	if !utf8.ValidString(text) {
		return nil, false, p.errorf("a text that is not UTF-8")
	}
	t, reversed, err = p.parse(depth)
	if p.peek(); err == nil && p.pos < len(p.in) {
		err = p.errorf("unexpected %q", p.in[p.pos:])
	}
	return t, reversed, err
}

type classParser struct {
	in  string
	pos int
}

func (p *classParser) errorf(format string, args ...any) error {
	return fmt.Errorf("at character %d: %s", p.pos, fmt.Sprintf(format, args...))
}

// peek is the next character behind blanks, 0 at the end.
func (p *classParser) peek() byte {
	for p.pos < len(p.in) && strings.IndexByte(" \t\n", p.in[p.pos]) >= 0 {
		p.pos++
	}
	if p.pos == len(p.in) {
		return 0
	}
	return p.in[p.pos]
}

func (p *classParser) expect(c byte) error {
	if got := p.peek(); got != c {
		if got == 0 {
			return p.errorf("%q expected, the text ends", c)
		}
		return p.errorf("%q expected, found %q", c, got)
	}
	p.pos++
	return nil
}

// more says whether another parameter follows, and takes the comma in front of it
// or the parenthesis behind the last one. TypeParser takes blanks for commas too.
func (p *classParser) more() (bool, error) {
	c := p.peek()
	if c == ',' {
		p.pos++
		c = p.peek()
	}
	switch c {
	case 0:
		return false, p.errorf("')' expected, the text ends")
	case ')':
		p.pos++
		return false, nil
	}
	return true, nil
}

// identifier is a class name, a keyspace, a number or hex digits.
func (p *classParser) identifier() string {
	p.peek()
	start := p.pos
	for p.pos < len(p.in) {
		c := p.in[p.pos]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && strings.IndexByte("-+._&", c) < 0 {
			break
		}
		p.pos++
	}
	return p.in[start:p.pos]
}

func (p *classParser) parse(depth int) (t *Type, reversed bool, err error) {
	if depth > maxDepth {
		return nil, false, p.errorf("nested deeper than %d", maxDepth)
	}
	p.peek()
	start := p.pos
	name := p.identifier()
	if name == "" {
		return nil, false, p.errorf("a class name expected")
	}
	class := strings.TrimPrefix(name, marshalPackage)
	if kind, ok := nativeClasses[class]; ok {
		reversed, err = p.nativeParameters()
		return &Type{Kind: kind}, reversed, err
	}
	switch class {
	case "FrozenType":
		parts, reversed, err := p.types(class, 1, depth)
		if err != nil {
			return nil, false, err
		}
		return frozen(parts[0]), reversed, nil
	case "ReversedType":
		parts, _, err := p.types(class, 1, depth)
		if err != nil {
			return nil, false, err
		}
		return frozen(parts[0]), true, nil // what has an order is stored whole
	case "ListType", "SetType":
		parts, _, err := p.types(class, 1, depth)
		if err != nil {
			return nil, false, err
		}
		kind := List
		if class == "SetType" {
			kind = Set
		}
		return &Type{Kind: kind, Elem: frozen(parts[0])}, false, nil
	case "MapType":
		parts, _, err := p.types(class, 2, depth)
		if err != nil {
			return nil, false, err
		}
		return &Type{Kind: Map, Key: frozen(parts[0]), Elem: frozen(parts[1])}, false, nil
	case "TupleType":
		parts, _, err := p.types(class, 0, depth)
		if err != nil {
			return nil, false, err
		}
		t = &Type{Kind: Tuple, Frozen: true}
		for _, part := range parts {
			t.Fields = append(t.Fields, Field{Type: frozen(part)})
		}
		return t, false, nil
	case "VectorType":
		t, err = p.vector(depth)
		return t, false, err
	case "UserType":
		t, err = p.userType(depth)
		return t, false, err
	}
	if err := p.skipParameters(); err != nil {
		return nil, false, err
	}
	return &Type{Kind: Custom, Name: p.in[start:p.pos]}, false, nil
}

// frozen is the type as part of another one (AbstractType.freeze).
func frozen(t *Type) *Type {
	if !t.MultiCell() {
		return t
	}
	f := *t
	f.Frozen = true
	return &f
}

// types reads parameters that are types: so many, or one at least where want is 0.
// reversed is that of the last one.
func (p *classParser) types(class string, want, depth int) (all []*Type, reversed bool, err error) {
	if err := p.expect('('); err != nil {
		return nil, false, err
	}
	for {
		more, err := p.more()
		if err != nil {
			return nil, false, err
		}
		if !more {
			break
		}
		var t *Type
		if t, reversed, err = p.parse(depth + 1); err != nil {
			return nil, false, err
		}
		all = append(all, t)
	}
	if want > 0 && len(all) != want {
		return nil, false, p.errorf("%s takes %d types, not %d", class, want, len(all))
	}
	if len(all) == 0 {
		return nil, false, p.errorf("%s without a type", class)
	}
	return all, reversed, nil
}

// nativeParameters reads (key=value,…) behind a native class, which may say
// reversed=true (AbstractType.parseDefaultParameters).
func (p *classParser) nativeParameters() (reversed bool, err error) {
	end := p.pos
	if p.peek() != '(' {
		p.pos = end
		return false, nil
	}
	p.pos++
	for {
		more, err := p.more()
		if err != nil || !more {
			return reversed, err
		}
		key, value := p.identifier(), ""
		if key == "" {
			return false, p.errorf("a parameter's name expected, found %q", p.peek())
		}
		if p.peek() == '=' {
			p.pos++
			value = p.identifier()
		}
		if key == "reversed" {
			reversed = value == "" || value == "true"
		}
	}
}

// skipParameters passes over the parameters of a class that is not known.
func (p *classParser) skipParameters() error {
	end := p.pos
	if p.peek() != '(' {
		p.pos = end
		return nil
	}
	for open := 0; p.pos < len(p.in); p.pos++ {
		switch p.in[p.pos] {
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				p.pos++
				return nil
			}
		}
	}
	return p.errorf("')' expected, the text ends")
}

// vector reads (element type , dimension).
func (p *classParser) vector(depth int) (*Type, error) {
	if err := p.expect('('); err != nil {
		return nil, err
	}
	elem, _, err := p.parse(depth + 1)
	if err != nil {
		return nil, err
	}
	if p.peek() == ',' {
		p.pos++
	}
	n, ok := dimension(p.identifier())
	if !ok {
		return nil, p.errorf(notADimension)
	}
	return &Type{Kind: Vector, Elem: frozen(elem), Dimension: n}, p.expect(')')
}

// userType reads (keyspace,name,field:type,…), the names in hex.
func (p *classParser) userType(depth int) (*Type, error) {
	if err := p.expect('('); err != nil {
		return nil, err
	}
	t := &Type{Kind: UDT, Keyspace: p.identifier()}
	if t.Keyspace == "" {
		return nil, p.errorf("a keyspace expected")
	}
	if err := p.expect(','); err != nil {
		return nil, err
	}
	var err error
	if t.Name, err = p.hexName(); err != nil {
		return nil, err
	}
	for {
		more, err := p.more()
		if err != nil || !more {
			return t, err
		}
		var f Field
		if f.Name, err = p.hexName(); err != nil {
			return nil, err
		}
		if err := p.expect(':'); err != nil {
			return nil, err
		}
		if f.Type, _, err = p.parse(depth + 1); err != nil {
			return nil, err
		}
		t.Fields = append(t.Fields, f)
	}
}

func (p *classParser) hexName() (string, error) {
	digits := p.identifier()
	name, err := hex.DecodeString(digits)
	if err != nil || !utf8.Valid(name) {
		return "", p.errorf("a name in hex expected, not %q", digits)
	}
	return string(name), nil
}
