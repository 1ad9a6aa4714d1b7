// Archives whose bytes depend on nothing but their files.

package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"io"
	"time"
)

const manifestName = "META-INF/MANIFEST.MF"

// file is a file of an archive.
type file struct {
	name string // with slashes
	data []byte
}

// epoch is the time of every file: the earliest that the format can hold.
var epoch = time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC)

// zipped packs the files in their order, each folder in front of its first file: by the
// folder META-INF/bundled-dependencies/ Pulsar knows a NAR.
func zipped(files []file) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	w.RegisterCompressor(zip.Deflate, func(to io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(to, flate.BestCompression)
	})
	folders := map[string]bool{}
	for _, f := range files {
		for i, c := range f.name {
			if folder := f.name[:i] + "/"; c == '/' && !folders[folder] {
				folders[folder] = true
				if _, err := w.CreateHeader(&zip.FileHeader{Name: folder, Modified: epoch}); err != nil {
					return nil, err
				}
			}
		}
		header := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		header.Modified = epoch
		to, err := w.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := to.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
