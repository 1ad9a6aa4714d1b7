// The captures that come with the project match, and what does not match is told.

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const captures = "../../schema/capturetest/testdata"

func TestCapturesMatch(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(&out, captures); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, line := range []string{
		"alter events ok 6 messages\n",
		"alter json ok 6 messages\n",
		"all_types key-value-avro ok 23 messages\n",
		"udt key-value-json ok 5 messages (the Java connector failed: of 9 events it published 5)\n",
		"pk_frozen_clustering events ok 0 messages (the Java agent publishes none for this table)\n",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no line %q in\n%s", line, &out)
		}
	}
}

// One changed byte anywhere is a fault of the line it belongs to.
func TestDifferencesAreTold(t *testing.T) {
	t.Parallel()
	hex := func(text string) string { return fmt.Sprintf("%x", text) }
	for _, c := range []struct {
		name, file, from, to string
		want                 []string
	}{
		{"schema of events", "schemas.json", "Primary key schema", "Primary Key schema", []string{"static events FAILED", "schema of events-sc_static.t version 0: differs at byte "}},
		{"schema of json", "schemas.json", `"type": "JSON"`, `"type": "AVRO"`, []string{"static json FAILED", "type JSON, registered AVRO"}},
		{"property of the schema", "schemas.json", `"value.schema.name": "t"`, `"value.schema.name": "T"`, []string{"static key-value-avro FAILED", "static key-value-json FAILED", "value.schema.name:T"}},
		{"payload of an event", "events.jsonl", `"payload_hex":"00`, `"payload_hex":"0200`, []string{"static events FAILED"}},
		{"producer", "events.jsonl", `"producer_name":"cdc-producer-`, `"producer_name":"cdc-`, []string{"producer cdc-producer-"}},
		{"property of an event", "events.jsonl", `"token":`, `"tokens":`, []string{"static events FAILED 13 messages", "and 8 more"}},
		{"row in Avro", "data-key-value-avro.jsonl", hex("\x02\x06row"), hex("\x02\x8600row"), []string{"static key-value-avro FAILED"}},
		{"key in Avro", "data-key-value-avro.jsonl", `"key_hex":"0200"`, `"key_hex":"0202"`, []string{"static key-value-avro FAILED", "no event gives this key"}},
		{"key in JSON", "data-key-value-json.jsonl", hex(`"b":null`), hex(`"b":NULL`), []string{"static key-value-json FAILED", "no event gives this key"}},
		{"flag of a key", "data-json.jsonl", `"key_b64_flag":false`, `"key_b64_flag":true`, []string{"static json FAILED", "flagged false"}},
		{"row that is gone", "data-json.jsonl", `"payload_hex":"` + hex("{}"), `"payload_hex":"` + hex("null"), []string{"static json FAILED"}},
		{"order of fields", "data-json.jsonl", hex(`{"a":1,"b":1,`), hex(`{"b":1,"a":1,`), []string{"static json FAILED 13 messages, 1 fault", "payload "}},
		{"null of a static row", "data-key-value-json.jsonl", hex(`,"e":null`), "", []string{"static key-value-json FAILED"}},
		{"property of json", "data-json.jsonl", `"properties":{}`, `"properties":{"writetime":"1"}`, []string{"property writetime, which our messages do not have"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			scenario := filepath.Join(dir, "static")
			if err := os.CopyFS(scenario, os.DirFS(filepath.Join(captures, "static"))); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(scenario, c.file)
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			changed := bytes.ReplaceAll(text, []byte(c.from), []byte(c.to))
			if bytes.Equal(changed, text) {
				t.Fatalf("no %s in %s", c.from, c.file)
			}
			if err := os.WriteFile(file, changed, 0o600); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := run(&out, dir); err == nil {
				t.Errorf("no error; report:\n%s", &out)
			}
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in\n%s", want, &out)
				}
			}
		})
	}
}

func TestNoCaptures(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(&out, t.TempDir()); err == nil || !strings.Contains(err.Error(), "has no scenario") {
		t.Error(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := run(&out, dir); err == nil || !strings.Contains(err.Error(), "empty: open schema.cql") {
		t.Error(err)
	}
}
