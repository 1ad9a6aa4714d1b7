// This file makes a keystore for nodes that encrypt their commit log.

package oracle

import (
	"context"
	"fmt"
	"os"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
)

// What opens the keystore that Keystore makes. Nothing is secret about a corpus.
const (
	KeystorePassword = "cassandra"
	KeystoreAlias    = "testing:1"
)

// Keystore makes a JCEKS keystore with one random AES key, and returns the key in hex.
func (o *Oracle) Keystore(ctx context.Context, file string) (key string, err error) {
	work, err := os.MkdirTemp(o.work, "keystore-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	err = o.tool.Run(ctx, env.ToolRun{
		Dir: work, Classes: o.classes, Main: "Keystore", Args: []string{file, KeystorePassword, KeystoreAlias},
		Line: func(line string) { key = line },
	})
	if err != nil {
		return "", fmt.Errorf("make the keystore %s: %w", file, err)
	}
	return key, nil
}
