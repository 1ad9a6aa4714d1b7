// A configuration in a log: without its secrets.

package config

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
)

const hidden = "(hidden)"

// Shown is what is set, without secrets and without what stands for a file.
func (c Config) Shown() map[string]string {
	all := map[string]string{}
	for _, f := range settings.Fields(&c) {
		text := f.Text()
		switch {
		case f.Zero():
			continue
		case f.Secret, strings.HasPrefix(text, contentPrefix):
			text = hidden
		}
		all[f.Key] = text
	}
	return all
}

// LogValue is that of [Config.Shown].
func (c Config) LogValue() slog.Value {
	var all []slog.Attr
	shown := c.Shown()
	for _, key := range slices.Sorted(maps.Keys(shown)) {
		all = append(all, slog.String(key, shown[key]))
	}
	return slog.GroupValue(all...)
}

// String is that of [Config.LogValue].
func (c Config) String() string { return c.LogValue().String() }

// GoString is that of [Config.LogValue].
func (c Config) GoString() string { return fmt.Sprintf("config.Config(%s)", c) }
