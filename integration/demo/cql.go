// The demo's answer to cqlsh: one statement, its rows as JSON.

package demo

import (
	"context"
	"fmt"
	"io"

	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
)

// CQL runs a statement on the node at address (host:port) and prints what it returns,
// a JSON object a row.
func CQL(ctx context.Context, out io.Writer, address, statement string) error {
	session, err := cassandra.Connect(ctx, cassandra.Config{ContactPoints: []string{address}, OnlyContactPoints: true})
	if err != nil {
		return err
	}
	defer session.Close()
	rows, err := session.SelectJSON(ctx, statement)
	if err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	for _, row := range rows {
		fmt.Fprintln(out, row)
	}
	return nil
}
