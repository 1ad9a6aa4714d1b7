// This file says why the broker refuses a schema, and what a person can do about it.

package pulsar

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// SchemaError says that the broker does not take a schema for a topic: it is
// not compatible with the versions there, or new versions are not allowed. That lasts
// until a person changes the rule or the table.
type SchemaError struct {
	Topic  string
	Schema *registry.Schema // nil where the client library does not say which
	Reason string           // the broker's words

	refusal *refusal // after Explain
}

// refusal is what the web service tells about a refused schema.
type refusal struct {
	topic   topicName
	rule    string // SchemaCompatibilityStrategy in force; "" for unknown
	ofTopic bool   // the rule is the topic's own
	noAuto  bool   // producers may not register new versions
	version int64  // that the schema was compared with; -1 for none
	changes []registry.Difference
	unknown error // why the registry could not be asked
}

// Error is one line: topic, table, what differs, rule, the broker's reason, what to do.
func (e *SchemaError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "pulsar: schema of %s refused by the broker", e.Topic)
	if e.Schema != nil && e.Schema.Table() != "" {
		fmt.Fprintf(&b, " for table %s", e.Schema.Table())
	}
	r := e.refusal
	if r == nil {
		return b.String() + ": " + e.Reason
	}
	if r.version >= 0 {
		fmt.Fprintf(&b, ": compared with version %d: %s", r.version, r.differences())
	}
	switch {
	case r.noAuto:
		b.WriteString("; the namespace does not let producers register new versions (isAllowAutoUpdateSchema is false)")
	case r.rule != "":
		fmt.Fprintf(&b, "; the rule is %s", r.rule)
	}
	if r.unknown != nil {
		fmt.Fprintf(&b, "; what differs is not known: %s", oneLine(r.unknown.Error()))
	}
	fmt.Fprintf(&b, "; the broker said: %s", firstWords(e.Reason))
	return b.String() + " (" + r.remedy() + ")"
}

var exceptionName = regexp.MustCompile(`^(?:\w+\.)+\w*Exception: `)

// firstWords is the broker's reason without the whole schemas that it quotes, the names of
// its classes, and its repetition.
func firstWords(reason string) string {
	for _, rest := range []string{" caused by ", ": org.apache.avro."} {
		reason, _, _ = strings.Cut(reason, rest)
	}
	return exceptionName.ReplaceAllString(reason, "")
}

func (r *refusal) differences() string {
	if len(r.changes) == 0 {
		return "no column differs"
	}
	texts := make([]string, len(r.changes))
	for i, c := range r.changes {
		texts[i] = c.String()
	}
	return strings.Join(texts, ", ")
}

// remedy is what a person can run.
func (r *refusal) remedy() string {
	if r.noAuto {
		return fmt.Sprintf("allow new versions: pulsar-admin namespaces set-is-allow-auto-update-schema --enable %s; or register this one by pulsar-admin schemas upload", r.topic.namespaceName())
	}
	allow := "ALWAYS_COMPATIBLE"
	if len(r.changes) > 0 {
		backward, forward := false, false
		for _, c := range r.changes {
			backward, forward = backward || c.Backward, forward || c.Forward
		}
		switch {
		case !backward && !forward:
			allow = "FULL"
		case !backward:
			allow = "BACKWARD"
		case !forward:
			allow = "FORWARD"
		}
	}
	command := fmt.Sprintf("pulsar-admin namespaces set-schema-compatibility-strategy --compatibility %s %s", allow, r.topic.namespaceName())
	if r.ofTopic {
		command = fmt.Sprintf("pulsar-admin topicPolicies set-schema-compatibility-strategy --strategy %s %s", allow, r.topic)
	}
	return fmt.Sprintf("a rule that takes it: %s; or begin anew, where nobody needs the topic's older messages: pulsar-admin schemas delete %s; or alter the table back", command, r.topic)
}

const (
	explainTimeout = 10 * time.Second // how long Explain looks for reasons
	explainAgain   = 5 * time.Second  // how long an explanation serves other messages of the schema
)

// Explain completes a *[SchemaError] in err with what the web service knows: the columns
// that differ from the registered schema, the rule in force, and what to do. Any other
// error is returned as it is.
func (c *Client) Explain(ctx context.Context, err error) error {
	var refused *SchemaError
	if !errors.As(err, &refused) || refused.refusal != nil || refused.Schema == nil {
		return err
	}
	topic, parseErr := parseTopic(refused.Topic)
	if parseErr != nil {
		return err
	}
	explained := *refused
	c.explaining.Lock()
	defer c.explaining.Unlock()
	if last := c.explained; last != nil && time.Since(c.explainedAt) < explainAgain &&
		last.Topic == refused.Topic && last.Schema == refused.Schema && last.Reason == refused.Reason {
		explained.refusal = last.refusal
		return &explained
	}
	ctx, cancel := context.WithTimeout(ctx, explainTimeout)
	defer cancel()
	explained.refusal = c.examine(ctx, topic, &explained)
	c.explained, c.explainedAt = &explained, time.Now()
	return &explained
}

var strategyWords = regexp.MustCompile(`strategy ([A-Z_]+)`)

func (c *Client) examine(ctx context.Context, topic topicName, e *SchemaError) *refusal {
	const op = "look into the schemas of"
	r := &refusal{topic: topic, version: -1, noAuto: strings.Contains(e.Reason, "auto updating is disabled")}
	if m := strategyWords.FindStringSubmatch(e.Reason); m != nil {
		r.rule = m[1]
	}
	r.unknown = c.compare(ctx, op, topic, e.Schema, r)
	// The broker's words name the rule in force; whose it is they do not say.
	var own string
	if c.web.get(ctx, op, e.Topic, "/"+topic.domain+"/"+topic.path()+"/schemaCompatibilityStrategy", &own) == nil {
		r.ofTopic = own != "" && own != "UNDEFINED"
	}
	if r.rule == "" && !r.noAuto {
		if r.rule = own; !r.ofTopic {
			r.rule = c.namespaceRule(ctx, op, topic)
		}
	}
	return r
}

// compare finds what differs from the registered versions: the latest, or where that is
// the same and the rule looks at all of them, an older one.
func (c *Client) compare(ctx context.Context, op string, topic topicName, s *registry.Schema, r *refusal) error {
	var all struct {
		Versions []restSchema `json:"getSchemaResponses"`
	}
	if err := c.web.get(ctx, op, topic.String(), "/schemas/"+topic.path()+"/schemas", &all); err != nil {
		return err
	}
	for i := len(all.Versions) - 1; i >= 0; i-- {
		before, err := all.Versions[i].schema(topic)
		if err != nil {
			return err
		}
		changes, err := registry.Compare(before, s)
		if err != nil {
			return err
		}
		if r.version < 0 || len(changes) > 0 {
			r.version, r.changes = all.Versions[i].Version, changes
		}
		if len(changes) > 0 || !strings.HasSuffix(r.rule, "_TRANSITIVE") {
			return nil
		}
	}
	return nil
}

// namespaceRule is the namespace's rule, "" where it is not known.
func (c *Client) namespaceRule(ctx context.Context, op string, topic topicName) string {
	var rule string
	if c.web.get(ctx, op, topic.String(), "/namespaces/"+topic.namespaceName()+"/schemaCompatibilityStrategy", &rule) != nil {
		return ""
	}
	if rule == "UNDEFINED" {
		return "that of the broker (schemaCompatibilityStrategy, FULL by default)"
	}
	return rule
}
