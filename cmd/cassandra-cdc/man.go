// cassandra-cdc man

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
)

type manCommand struct{}

func (manCommand) Run(out io.Writer, ctx *kong.Context) error {
	_, err := io.WriteString(out, manual(ctx.Model, program.Version()))
	return err
}

// manual is the manual page, in the man macros of roff: what the grammar of the command
// line holds, between a few words about the rest.
func manual(app *kong.Application, version string) string {
	m := &roff{}
	m.macro("TH", strings.ToUpper(app.Name), "1", "", app.Name+" "+version)
	m.macro("SH", "NAME")
	m.text(app.Name + " - change data capture from Apache Cassandra into Apache Pulsar")
	m.macro("SH", "SYNOPSIS")
	m.macro("B", app.Name)
	m.text("COMMAND [ARGUMENTS] [FLAGS]")
	m.macro("SH", "DESCRIPTION")
	m.text("The agent runs beside a Cassandra node, as Cassandra's user. It reads the commit log and publishes an event for every " +
		"changed row, deletes the segments it is done with, and goes on where it was after a restart. The other commands look " +
		"after it, or show what is in a commit log.")
	m.macro("SH", "COMMANDS")
	m.commands(app.Node, nil)
	m.macro("SH", "FLAGS OF EVERY COMMAND")
	m.flags(app.Flags)
	m.macro("SH", "EXIT STATUS")
	m.text("0 for success. Anything else is told on standard error, a line for each fault.")
	m.macro("SH", "FILES")
	for _, file := range [][2]string{
		{"/etc/cassandra-cdc/agent.yaml", "Settings of the agent. A key that is not known is refused."},
		{"/etc/cassandra/cassandra.yaml", "Read, never written: says where the commit log is and where the node listens."},
		{"/var/lib/cassandra-cdc", "The agent's working directory: checkpoints, the history of the schema, quarantine."},
		{"/usr/share/doc/cassandra-cdc/agent.md", "How to install and run the agent."},
	} {
		m.macro("TP")
		m.macro("I", file[0])
		m.text(file[1])
	}
	m.macro("SH", "SEE ALSO")
	m.text("systemctl(1), journalctl(1), nodetool(1)")
	return m.String()
}

type roff struct{ strings.Builder }

// commands describes every command that does something, with its arguments and flags.
func (m *roff) commands(node *kong.Node, above []string) {
	for _, c := range node.Children {
		if c.Hidden {
			continue
		}
		path := append(above[:len(above):len(above)], c.Name)
		if c.Leaf() {
			words := strings.Join(path, " ")
			for _, argument := range c.Positional {
				words += " " + argument.Summary()
			}
			m.macro("SS", words)
			m.text(c.Help)
			if c.Detail != "" {
				m.text(c.Detail)
			}
			for _, argument := range c.Positional {
				m.macro("TP")
				m.macro("B", argument.Summary())
				m.text(argument.Help)
			}
			m.flags(c.Flags)
		}
		m.commands(c, path)
	}
}

func (m *roff) flags(flags []*kong.Flag) {
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		m.macro("TP")
		name := "--" + f.Name
		if f.IsBool() && f.Tag.Negatable != "" {
			name = "--[no-]" + f.Name
		}
		if f.Short != 0 {
			name = fmt.Sprintf("-%c, %s", f.Short, name)
		}
		if !f.IsBool() && !f.IsCounter() {
			name += "=" + f.FormatPlaceHolder()
		}
		m.macro("B", name)
		m.text(f.Help)
		if len(f.Envs) > 0 {
			m.text("In the environment: " + strings.Join(f.Envs, ", ") + ".")
		}
	}
}

// macro writes a line that begins with a macro.
func (m *roff) macro(name string, arguments ...string) {
	m.WriteString("." + name)
	for _, a := range arguments {
		m.WriteString(` "` + strings.ReplaceAll(escape(a), `"`, `\(dq`) + `"`)
	}
	m.WriteString("\n")
}

// text writes a paragraph's text. A line must not begin as a macro does.
func (m *roff) text(text string) {
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		line = escape(line)
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			line = `\&` + line
		}
		m.WriteString(line + "\n")
	}
}

func escape(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "…", "...").Replace(text)
}
