// The manual page says all that the command line knows, and is one that man can read.

package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestManualHasEveryCommandAndFlag(t *testing.T) {
	var c commands
	grammar, err := kong.New(&c, kong.Name(name), vars)
	if err != nil {
		t.Fatal(err)
	}
	page := manual(grammar.Model, "1.2.3")
	commands := 0
	for _, command := range grammar.Model.Leaves(true) {
		commands++
		words := strings.TrimPrefix(command.Path(), name+" ")
		from := strings.Index(page, `.SS "`+escape(words))
		if from < 0 {
			t.Errorf("no section for %q", words)
			continue
		}
		section, _, _ := strings.Cut(page[from+1:], "\n.SS")
		for _, f := range command.Flags {
			if !f.Hidden && (!strings.Contains(section, escape("--"+f.Name)) || !strings.Contains(section, escape(f.Help))) {
				t.Errorf("%s: flag --%s is missing", words, f.Name)
			}
		}
		for _, argument := range command.Positional {
			if !strings.Contains(section, escape(argument.Help)) {
				t.Errorf("%s: argument %s is missing", words, argument.Name)
			}
		}
	}
	if commands < 5 {
		t.Fatalf("only %d commands", commands)
	}
	for _, f := range grammar.Model.Flags {
		if !strings.Contains(page, escape("--"+f.Name)) {
			t.Errorf("flag --%s is missing", f.Name)
		}
	}
	formatter, err := exec.LookPath("groff")
	if err != nil {
		t.Log("NOT CHECKED on this machine: groff, which formats manual pages, is not on PATH")
		return
	}
	format := exec.Command(formatter, "-man", "-ww", "-Tutf8")
	format.Stdin = strings.NewReader(page)
	var faults bytes.Buffer
	format.Stderr = &faults
	if err := format.Run(); err != nil || faults.Len() > 0 {
		t.Errorf("groff: %v\n%s", err, faults.String())
	}
}
