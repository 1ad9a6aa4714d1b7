// Command nar packs the connector into the archive that `pulsar-admin sources create`
// takes: the launcher, compiled with javac, and the program for each processor.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"
)

// architectures are the processors that the archive has a program for, as Go and
// Debian call them. Pulsar's images are Linux.
var architectures = []string{"amd64", "arm64"}

type options struct {
	Version string `help:"Version in the archive's name." required:""`
	Out     string `help:"Folder of the archive." default:"dist" type:"path"`
	Source  string `help:"Folder of the project's sources." default:"." type:"existingdir"`
}

func main() {
	var o options
	kong.Parse(&o, kong.Name("nar"), kong.Description("Pack the Pulsar source into a NAR. Needs Go, a JDK 17 and Maven."))
	path, err := pack(context.Background(), o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "nar:", err)
		os.Exit(1)
	}
	fmt.Println(path)
}

// pack makes the archive. The same sources, version and tools give the same bytes.
func pack(ctx context.Context, o options) (path string, err error) {
	work, err := os.MkdirTemp("", "cassandra-source-nar-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	files := []file{
		{name: manifestName, data: fmt.Appendf(nil,
			"Manifest-Version: 1.0\r\nNar-Id: cassandra-source\r\nNar-Group: io.github.cassandracdc\r\nNar-Version: %s\r\n\r\n", o.Version)},
		{name: "META-INF/services/pulsar-io.yaml", data: []byte(
			"name: cassandra-source\ndescription: Change data capture from Apache Cassandra\nsourceClass: io.github.cassandracdc.CassandraSource\n")},
	}
	launcher, err := compileLauncher(ctx, filepath.Join(o.Source, "connector", "nar"), work)
	if err != nil {
		return "", err
	}
	files = append(files, file{name: "META-INF/bundled-dependencies/cassandra-source.jar", data: launcher})
	for _, arch := range architectures {
		program, err := buildProgram(ctx, o.Source, arch, o.Version, work)
		if err != nil {
			return "", err
		}
		files = append(files, file{name: "META-INF/bundled-dependencies/native/cassandra-source-linux-" + arch, data: program})
	}
	archive, err := zipped(files)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return "", err
	}
	path = filepath.Join(o.Out, "cassandra-source-"+o.Version+".nar")
	return path, os.WriteFile(path, archive, 0o644)
}
