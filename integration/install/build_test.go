// The packages, as `make packages` builds them.

package install_test

import (
	"os/exec"
	"path/filepath"
	"testing"
)

const repository = "../.."

// makePackages builds the packages of a release into a directory.
func makePackages(t *testing.T, dir, release, archs string) {
	t.Helper()
	cmd := exec.Command("make", "-C", repository, "packages", "DIST="+dir, "RELEASE="+release, "ARCHS="+archs)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

// build builds a release for one architecture and returns the path of the deb.
func build(t *testing.T, release, arch string) string {
	t.Helper()
	dir := t.TempDir()
	makePackages(t, dir, release, arch)
	return filepath.Join(dir, "cassandra-cdc_"+release+"-1_"+arch+".deb")
}
