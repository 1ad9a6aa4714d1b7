// The forms of a value, and the bounds that tags give it.

package settings

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

var duration = reflect.TypeFor[time.Duration]()

// Kind is the form of the setting's value as a person calls it.
func (f Field) Kind() string {
	switch {
	case f.value.Type() == duration:
		return "a duration, as 500ms or 10s"
	case f.value.Kind() == reflect.Bool:
		return "true or false"
	case f.value.Kind() == reflect.String:
		return "a text"
	case f.value.Kind() == reflect.Slice:
		return "a list of texts"
	default:
		return "a whole number"
	}
}

// Text is the value as Go prints it. It may be a secret.
func (f Field) Text() string { return fmt.Sprint(f.value.Interface()) }

// Zero says whether the value means the default.
func (f Field) Zero() bool { return f.value.IsZero() }

// parse sets the field; it returns what would be right when the text is wrong.
func (f Field) parse(text string) (hint string) {
	hint = "it must be " + f.Kind()
	switch v := f.value; {
	case v.Type() == duration:
		d, err := time.ParseDuration(strings.TrimSpace(text))
		if err != nil {
			return hint
		}
		v.SetInt(int64(d))
	case v.Kind() == reflect.Bool:
		switch strings.ToLower(strings.TrimSpace(text)) {
		case "true":
			v.SetBool(true)
		case "false":
			v.SetBool(false)
		default:
			return hint
		}
	case v.Kind() == reflect.Int || v.Kind() == reflect.Int64:
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, v.Type().Bits())
		if err != nil {
			return hint
		}
		v.SetInt(n)
	case v.Kind() == reflect.String:
		v.SetString(text)
	case v.Kind() == reflect.Slice:
		list := []string{}
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		v.Set(reflect.ValueOf(list))
	default:
		panic("settings: " + f.Key + " has a type that is not supported")
	}
	return ""
}

// setList sets a field that is a list.
func (f Field) setList(list []string) error {
	if f.value.Kind() != reflect.Slice {
		return errForm
	}
	f.value.Set(reflect.ValueOf(list))
	return nil
}

// Check says which values are out of the bounds that the tags give. A zero value stands
// for the default and is never wrong.
func Check(of any, origins Origins) error {
	var faults Faults
	for _, f := range Fields(of) {
		if f.value.IsZero() {
			continue
		}
		fault := Fault{Key: f.Key, Origin: origins[f.Key].Place}
		switch {
		case f.OneOf != nil && !slices.Contains(f.OneOf, f.value.String()):
			fault.Problem, fault.Hint = "the value is not one of those that there are", "use "+strings.Join(f.OneOf, ", ")
		case f.Min != "" && f.value.Int() < f.bound(f.Min):
			fault.Problem, fault.Hint = "the value is too small", "it must be "+f.Min+" or more"
		case f.Max != "" && f.value.Int() > f.bound(f.Max):
			fault.Problem, fault.Hint = "the value is too large", "it must be "+f.Max+" or less"
		case f.File:
			if err := readable(f.value.String()); err != nil {
				fault = unreadable(f.Key, fault.Origin, err)
			}
		}
		if fault.Problem != "" {
			faults = append(faults, fault)
		}
	}
	return faults.err()
}

// bound is a bound of the field as its value has it.
func (f Field) bound(text string) int64 {
	if f.value.Type() == duration {
		d, err := time.ParseDuration(text)
		if err != nil {
			panic("settings: a bound of " + f.Key + ": " + err.Error())
		}
		return int64(d)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic("settings: a bound of " + f.Key + ": " + err.Error())
	}
	return n
}

func readable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Read(make([]byte, 1)) // a directory opens, and does not read
	return err
}
