// The rule for names that Avro forbids: column, field, table and type names become Avro names, and back.

package avro

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Name is the Avro name of a name of Cassandra. Names that Java's Avro accepts are
// kept: a letter or underscore, then letters, digits, underscores, where letters and
// digits are those of Unicode within 16 bits (Schema.validateName looks at UTF-16
// units). Any other character becomes _xHHHH_ with its code point in at least four
// upper-case hexadecimal digits: "d-ash" is d_x002D_ash, "1st" is _x0031_st. So that
// Original can undo it, the underscore of a name that already has such a sequence
// is written as _x005F_; these are the only names that Java accepts and that are
// changed here.
func Name(name string) string {
	if !needsEscape(name) {
		return name
	}
	var b strings.Builder
	for i, r := range name {
		switch {
		case !allowed(r, i == 0), r == '_' && beginsEscape(name[i:]):
			writeEscape(&b, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Original is the name that Name made this one of.
func Original(name string) string {
	return escape.ReplaceAllStringFunc(name, func(e string) string {
		n, err := strconv.ParseUint(e[len("_x"):len(e)-1], 16, 32)
		if err != nil || n > unicode.MaxRune {
			return e
		}
		return string(rune(n))
	})
}

var escape = regexp.MustCompile(`_x[0-9A-F]{4,6}_`)

func writeEscape(b *strings.Builder, r rune) { fmt.Fprintf(b, "_x%04X_", r) }

func needsEscape(name string) bool {
	for i, r := range name {
		if !allowed(r, i == 0) || r == '_' && beginsEscape(name[i:]) {
			return true
		}
	}
	return false
}

func allowed(r rune, first bool) bool {
	return r <= 0xffff && (r == '_' || unicode.IsLetter(r) || !first && unicode.IsDigit(r))
}

// beginsEscape says whether a name that goes on like this would be taken for an
// escape: the underscore that ends one may itself be that of an escape that follows.
func beginsEscape(rest string) bool {
	digits, ok := strings.CutPrefix(rest, "_x")
	if !ok {
		return false
	}
	n := 0
	for n < len(digits) && (digits[n] >= '0' && digits[n] <= '9' || digits[n] >= 'A' && digits[n] <= 'F') {
		n++
	}
	if n < 4 || n > 6 || n == len(digits) {
		return false
	}
	for _, r := range digits[n:] {
		return r == '_' || !allowed(r, false)
	}
	return false
}

// namespace is the Avro namespace of a keyspace. Java does not look at namespaces:
// a keyspace that begins with a digit keeps it, though stricter readers of schemas
// refuse that.
func namespace(keyspace string) string {
	if keyspace == "" || keyspace[0] < '0' || keyspace[0] > '9' {
		return Name(keyspace)
	}
	return Name("a" + keyspace)[1:]
}
