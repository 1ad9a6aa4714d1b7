// The limit of cdc_raw, said by cassandra.yaml and not.

package node

import "testing"

func TestCDCLimit(t *testing.T) {
	for _, c := range []struct {
		node Node
		want int64
	}{
		{Node{CDCTotalSpace: "4096MiB"}, 4 << 30}, {Node{CDCTotalSpace: "4MiB"}, 4 << 20}, {Node{CDCTotalSpace: "2GiB"}, 2 << 30},
		{Node{CDCTotalSpace: "1024KiB"}, 1 << 20}, {Node{CDCTotalSpaceInMB: 100}, 100 << 20}, {Node{CDCRawDirectory: "/no/such/directory"}, 0},
	} {
		if got := c.node.CDCLimit(); got != c.want {
			t.Errorf("%+v: %d, want %d", c.node, got, c.want)
		}
	}
	for volume, want := range map[int64]int64{1 << 40: 4096 << 20, 8 << 30: 1 << 30, 8<<30 + 5: 1 << 30, 3 << 20: 0} {
		if got := defaultCDCLimit(volume); got != want {
			t.Errorf("a volume of %d: %d, want %d", volume, got, want)
		}
	}
	if got := (Node{CDCRawDirectory: t.TempDir()}).CDCLimit(); got <= 0 || got > 4096<<20 {
		t.Errorf("the volume of this machine: %d", got)
	}
}
