// Names to Avro names and back.

package avro_test

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
)

func TestName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"id":           "id",
		"_":            "_",
		"camelCase9":   "camelCase9",
		"é":            "é", // a letter for Java
		"int":          "int",
		"d-ash":        "d_x002D_ash",
		"with space":   "with_x0020_space",
		"a.b":          "a_x002E_b",
		"1st":          "_x0031_st",
		"😀":            "_x1F600_",
		"€":            "_x20AC_",
		"pos_x_12":     "pos_x_12",
		"a_x0020":      "a_x0020",
		"a_x0020_b":    "a_x005F_x0020_b",
		"_x0020 ":      "_x005F_x0020_x0020_",
		"_x0020_x0020": "_x005F_x0020_x0020",
		"_x002d_":      "_x002d_", // no escape: lower case
	} {
		if got := avro.Name(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
		if got := avro.Original(want); got != name {
			t.Errorf("%q comes back as %q, not %q", want, got, name)
		}
	}
}

// Whatever the name, the Avro name is one and leads back to it.
func TestNameIsReversible(t *testing.T) {
	t.Parallel()
	valid := regexp.MustCompile(`^[\pL_][\pL\p{Nd}_]*$`)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.StringN(1, 20, -1), rapid.StringMatching(`([_x0-9A-F -]|_x00[0-9A-F]{2}|_x0020_|_x005F){1,8}`)).Draw(t, "name")
		got := avro.Name(name)
		if !valid.MatchString(got) {
			t.Fatalf("%q became %q, which is no Avro name", name, got)
		}
		if back := avro.Original(got); back != name {
			t.Fatalf("%q became %q, which comes back as %q", name, got, back)
		}
	})
}
