// Command image packs programs that are built already into a container image, an archive in
// the layout of the OCI image specification, without a container engine: `make image`. Docker,
// Podman, skopeo and Kubernetes' containerd take it.
//
// The image is that of deploy/Dockerfile: the programs, the certificates of public
// authorities, nothing else. The same input makes the same bytes.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

type options struct {
	Out          string   `help:"The archive to write." required:"" placeholder:"FILE"`
	Release      string   `help:"Version of the programs, and the image's tag." required:""`
	Time         int64    `help:"Unix time that everything bears, in s." env:"SOURCE_DATE_EPOCH"`
	Certificates string   `help:"Certificates (PEM) of the authorities that programs trust by default." default:"/etc/ssl/certs/ca-certificates.crt" type:"existingfile"`
	Programs     []string `arg:"" help:"Directories of programs, one for each architecture: amd64=DIR." placeholder:"ARCH=DIR"`
}

func main() {
	var o options
	parsed := kong.Parse(&o, kong.Name("image"))
	parsed.FatalIfErrorf(o.pack())
}

// Media types and shapes of the OCI image specification, 1.0.
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        *descriptor  `json:"config,omitempty"`
	Layers        []descriptor `json:"layers,omitempty"`
	Manifests     []descriptor `json:"manifests,omitempty"` // of an index
}

// archive is an image layout under way.
type archive struct {
	*tar.Writer
	time time.Time
}

func (o *options) pack() error {
	f, err := os.Create(o.Out)
	if err != nil {
		return err
	}
	defer f.Close()
	a := archive{tar.NewWriter(f), time.Unix(o.Time, 0).UTC()}
	if err := a.file("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644); err != nil {
		return err
	}
	index := manifest{SchemaVersion: 2, MediaType: typeIndex}
	for _, p := range o.Programs {
		arch, dir, ok := strings.Cut(p, "=")
		if !ok {
			return fmt.Errorf("%q is not ARCH=DIR", p)
		}
		image, err := a.image(o, arch, dir)
		if err != nil {
			return fmt.Errorf("image for %s: %w", arch, err)
		}
		index.Manifests = append(index.Manifests, image)
	}
	images, err := a.blob(typeIndex, index)
	if err != nil {
		return err
	}
	images.Annotations = map[string]string{
		"org.opencontainers.image.ref.name": o.Release,
		"io.containerd.image.name":          "cassandra-cdc:" + o.Release,
	}
	text, err := json.Marshal(manifest{SchemaVersion: 2, MediaType: typeIndex, Manifests: []descriptor{images}})
	if err != nil {
		return err
	}
	if err := a.file("index.json", text, 0o644); err != nil {
		return err
	}
	if err := a.Close(); err != nil {
		return err
	}
	return f.Close()
}

// image writes the blobs of one architecture and returns what names its manifest.
func (a archive) image(o *options, arch, dir string) (descriptor, error) {
	var layer bytes.Buffer
	content := archive{tar.NewWriter(&layer), a.time}
	certificates, err := os.ReadFile(o.Certificates)
	if err != nil {
		return descriptor{}, err
	}
	if err := content.file("etc/ssl/certs/ca-certificates.crt", certificates, 0o644); err != nil {
		return descriptor{}, err
	}
	for _, program := range []string{"cassandra-cdc", "cassandra-source"} {
		data, err := os.ReadFile(filepath.Join(dir, program))
		if err != nil {
			return descriptor{}, err
		}
		if err := content.file("usr/bin/"+program, data, 0o755); err != nil {
			return descriptor{}, err
		}
	}
	if err := content.Close(); err != nil {
		return descriptor{}, err
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := io.Copy(zip, bytes.NewReader(layer.Bytes())); err != nil {
		return descriptor{}, err
	}
	if err := zip.Close(); err != nil {
		return descriptor{}, err
	}
	layerBlob, err := a.bytes(typeLayer, packed.Bytes())
	if err != nil {
		return descriptor{}, err
	}
	config, err := a.blob(typeConfig, map[string]any{
		"architecture": arch, "os": "linux", "created": a.time.Format(time.RFC3339),
		"config": map[string]any{
			"User": "999:999", "Entrypoint": []string{"/usr/bin/cassandra-cdc"}, "Cmd": []string{"agent"},
			"ExposedPorts": map[string]any{"9842/tcp": struct{}{}},
			"Labels":       map[string]string{"org.opencontainers.image.version": o.Release, "org.opencontainers.image.licenses": "Apache-2.0"},
		},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digest(layer.Bytes())}},
	})
	if err != nil {
		return descriptor{}, err
	}
	image, err := a.blob(typeManifest, manifest{SchemaVersion: 2, MediaType: typeManifest, Config: &config, Layers: []descriptor{layerBlob}})
	image.Platform = &platform{Architecture: arch, OS: "linux"}
	return image, err
}

func (a archive) blob(mediaType string, value any) (descriptor, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return descriptor{}, err
	}
	return a.bytes(mediaType, text)
}

func (a archive) bytes(mediaType string, data []byte) (descriptor, error) {
	d := descriptor{MediaType: mediaType, Digest: digest(data), Size: len(data)}
	return d, a.file("blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:"), data, 0o644)
}

func (a archive) file(name string, data []byte, mode int64) error {
	if err := a.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: mode, ModTime: a.time, Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err := a.Write(data)
	return err
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
