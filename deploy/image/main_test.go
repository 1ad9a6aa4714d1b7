// An image as other tools read it: by digests from index.json down to the files, which are
// then run where there is nothing else.

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestImage(t *testing.T) {
	dir := t.TempDir()
	for _, program := range []string{"cassandra-cdc", "cassandra-source"} {
		build := exec.Command("go", "build", "-o", dir, "./deploy/image/testdata/hello")
		build.Dir, build.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if err := os.Rename(filepath.Join(dir, "hello"), filepath.Join(dir, program)); err != nil {
			t.Fatal(err)
		}
	}
	certificates := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(certificates, []byte("authorities"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := options{Out: filepath.Join(dir, "image.tar"), Release: "1.2.3", Time: 1e9, Certificates: certificates, Programs: []string{"amd64=" + dir, "arm64=" + dir}}
	if err := o.pack(); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.pack(); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(o.Out); err != nil || !bytes.Equal(first, again) {
		t.Errorf("the same input makes another image: %v", err)
	}

	files := untar(t, first)
	read := func(d descriptor, into any) {
		t.Helper()
		data := files["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")]
		if digest(data) != d.Digest || len(data) != d.Size {
			t.Fatalf("no blob %s of %d bytes", d.Digest, d.Size)
		}
		if err := json.Unmarshal(data, into); err != nil {
			t.Fatal(err)
		}
	}
	var top, images manifest
	if err := json.Unmarshal(files["index.json"], &top); err != nil || len(top.Manifests) != 1 {
		t.Fatalf("index.json: %v, %v", top, err)
	}
	read(top.Manifests[0], &images)
	if len(images.Manifests) != 2 {
		t.Fatalf("%d images", len(images.Manifests))
	}
	for i, arch := range []string{"amd64", "arm64"} {
		var m manifest
		var config struct {
			Architecture, OS string
			Config           struct {
				User            string
				Entrypoint, Cmd []string
			}
			RootFS struct {
				DiffIDs []string `json:"diff_ids"`
			}
		}
		read(images.Manifests[i], &m)
		read(*m.Config, &config)
		if images.Manifests[i].Platform.Architecture != arch || config.Architecture != arch || config.OS != "linux" {
			t.Errorf("image %d is for %s, %s", i, images.Manifests[i].Platform.Architecture, config.Architecture)
		}
		layer := gunzip(t, files["blobs/sha256/"+strings.TrimPrefix(m.Layers[0].Digest, "sha256:")])
		if len(config.RootFS.DiffIDs) != 1 || config.RootFS.DiffIDs[0] != digest(layer) {
			t.Errorf("the layer is not what the configuration names")
		}
		run(t, untar(t, layer), config.Config.User, append(config.Config.Entrypoint, config.Config.Cmd...))
	}
}

// run runs a command where there is nothing but the image's files, as the image's user.
func run(t *testing.T, files map[string][]byte, user string, command []string) {
	t.Helper()
	if string(files["etc/ssl/certs/ca-certificates.crt"]) != "authorities" {
		t.Error("no certificates where Go looks for them")
	}
	if user != "999:999" {
		t.Errorf("it runs as %q", user)
	}
	if os.Geteuid() != 0 {
		t.Log("NOT RUN: only root can change the root directory; the files were looked at")
		return
	}
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Cmd{Path: command[0], Args: command, Dir: "/", Env: []string{}, SysProcAttr: &syscall.SysProcAttr{
		Chroot: root, Credential: &syscall.Credential{Uid: 999, Gid: 999},
	}}
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "hello as 999\n" {
		t.Errorf("%v prints %q: %v", command, out, err)
	}
}

func gunzip(t *testing.T, data []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func untar(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}
