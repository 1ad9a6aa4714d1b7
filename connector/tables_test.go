// Which tables have a pipeline, as tables come, go and come back.

package connector

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

func TestTablesComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var running []string
		now := func() string {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			slices.Sort(running)
			return strings.Join(running, " ")
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		followed := &tables{running: map[tableName]context.CancelFunc{}, run: func(ctx context.Context, name tableName) {
			mu.Lock()
			running = append(running, name.String())
			mu.Unlock()
			<-ctx.Done()
			mu.Lock()
			defer mu.Unlock()
			running = slices.DeleteFunc(running, func(s string) bool { return s == name.String() })
		}}
		for i, look := range []struct{ present, want string }{
			{"a+ b", "ks.a"},
			{"a+ b", "ks.a"},      // nothing changed
			{"a b+", "ks.a ks.b"}, // CDC off: there may be events left
			{"b+", "ks.b"},        // dropped
			{"a b+", "ks.b"},      // made again without CDC
			{"a+ b+", "ks.a ks.b"},
			{"", ""},
		} {
			var all []*schema.Table
			for _, text := range strings.Fields(look.present) {
				name, cdc := strings.CutSuffix(text, "+")
				all = append(all, &schema.Table{Keyspace: "ks", Name: name, CDC: cdc})
			}
			followed.follow(ctx, all)
			if got := now(); got != look.want {
				t.Errorf("look %d: %q runs, want %q", i, got, look.want)
			}
		}
		followed.follow(ctx, []*schema.Table{{Keyspace: "ks", Name: "c", CDC: true}})
		cancel()
		followed.work.Wait()
		if got := now(); got != "" {
			t.Errorf("%q runs behind the end", got)
		}
	})
}
