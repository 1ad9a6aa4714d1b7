// One connector for several tables: those that are there, and those that come later.

package demo

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	source "github.com/cassandra-cdc/cassandra-cdc/connector/config"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

func severalTables(ctx context.Context, t *testing.T, s *Stage) {
	exec := func(statements ...string) {
		t.Helper()
		for _, statement := range statements {
			if err := s.session.Exec(ctx, statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
	}
	exec(
		"CREATE KEYSPACE several WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
		"CREATE TABLE several.first (id int PRIMARY KEY, v text) WITH cdc = true",
		`CREATE TABLE several."Second" (id int PRIMARY KEY, v text) WITH cdc = true`,
		"CREATE TABLE several.tmp_1 (id int PRIMARY KEY, v text) WITH cdc = true",
		"CREATE TABLE several.silent (id int PRIMARY KEY, v text)",
	)
	startSource(ctx, t, s, source.Config{
		Tables: []string{"several.*"}, TablesExclude: []string{"*.tmp_*"}, TablesRefreshMS: 200,
	})
	arrives := func(topic, value string) {
		t.Helper()
		if got := nextOf(ctx, t, s, topic); got.value != value {
			t.Errorf("%s: %s, want %s", topic, got.value, value)
		}
	}
	exec("INSERT INTO several.first (id, v) VALUES (1, 'a')", `INSERT INTO several."Second" (id, v) VALUES (1, 'b')`, "INSERT INTO several.tmp_1 (id, v) VALUES (1, 'c')")
	arrives("data-several.first", `{"v":"a"}`)
	arrives("data-several.Second", `{"v":"b"}`)
	exec("CREATE TABLE several.third (id int PRIMARY KEY, v text) WITH cdc = true", "ALTER TABLE several.silent WITH cdc = true",
		"INSERT INTO several.third (id, v) VALUES (1, 'd')", "INSERT INTO several.silent (id, v) VALUES (1, 'e')")
	arrives("data-several.third", `{"v":"d"}`)
	arrives("data-several.silent", `{"v":"e"}`)
	// A table that is made again is another one with the same topics.
	exec("DROP TABLE several.first", "CREATE TABLE several.first (id int PRIMARY KEY, v text, w int) WITH cdc = true",
		"INSERT INTO several.first (id, v, w) VALUES (2, 'f', 1)")
	arrives("data-several.first", `{"v":"f","w":1}`)
	exec(`DELETE FROM several."Second" WHERE id = 1`)
	arrives("data-several.Second", "null")
}

// startSource starts a connector of its own until the test ends, with the settings that
// every one of the stage's has.
func startSource(ctx context.Context, t *testing.T, s *Stage, c source.Config) (log func() string) {
	t.Helper()
	c.PulsarServiceURL, c.PulsarWebServiceURL, c.ContactPoints = s.Pulsar.ServiceURL(), s.Pulsar.AdminURL(), []string{s.Cassandra.Address()}
	c.HTTPAddress = "off"
	path := filepath.Join(t.TempDir(), "connector.yaml")
	if err := writeYAML(path, c); err != nil {
		t.Fatal(err)
	}
	output, err := os.Create(filepath.Join(t.TempDir(), "connector.log"))
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	program := exec.CommandContext(running, s.Connector.Path(), "run", "--config", path)
	program.Stdout, program.Stderr = output, output
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = program.Wait() // killed
		output.Close()
		if t.Failed() {
			text, _ := os.ReadFile(output.Name())
			t.Logf("the connector's log:\n%s", text)
		}
	})
	return func() string {
		text, _ := os.ReadFile(output.Name())
		return string(text)
	}
}

// nextOf is the next message of a data topic that nobody has seen.
func nextOf(ctx context.Context, t *testing.T, s *Stage, topic string) arrival {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	consumer, err := s.client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: topic, Subscription: "next", Name: "next"})
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	d, err := consumer.Receive(ctx)
	if err != nil {
		t.Fatalf("%s: %v", topic, err)
	}
	if err := consumer.Ack(d); err != nil {
		t.Fatal(err)
	}
	a, err := s.watch.decode(ctx, topic, d)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
