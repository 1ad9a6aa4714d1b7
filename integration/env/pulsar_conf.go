// This file lays out a broker's directory: its own bin and conf, links to the
// rest of the distribution, and the settings.

package env

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// writeFiles makes the broker's directory, or brings its configuration up to
// date. bin must be a copy: the scripts resolve links to find their home.
func (p *Pulsar) writeFiles() error {
	if err := os.MkdirAll(p.tmpDir(), 0o755); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(p.dir, "connectors"), 0o755); err != nil {
		return err
	}
	for _, sub := range []string{"bin", "conf"} {
		if err := copyTree(filepath.Join(p.dist, sub), filepath.Join(p.dir, sub)); err != nil {
			return err
		}
	}
	for _, sub := range []string{"lib", "instances"} {
		if err := relink(filepath.Join(p.dist, sub), filepath.Join(p.dir, sub)); err != nil {
			return err
		}
	}
	for _, nar := range p.opts.Connectors {
		nar, err := filepath.Abs(nar)
		if err != nil {
			return err
		}
		if err := relink(nar, filepath.Join(p.dir, "connectors", filepath.Base(nar))); err != nil {
			return err
		}
	}
	if err := editFile(filepath.Join(p.dir, "conf", "standalone.conf"), func(text string) (string, error) {
		return setProperties(setProperties(text, p.settings()), p.opts.Conf), nil
	}); err != nil {
		return err
	}
	if err := editFile(filepath.Join(p.dir, "conf", "client.conf"), func(text string) (string, error) {
		return setProperties(text, map[string]string{
			"webServiceUrl":    p.AdminURL() + "/",
			"brokerServiceUrl": p.ServiceURL() + "/",
		}), nil
	}); err != nil {
		return err
	}
	return editFile(filepath.Join(p.dir, "conf", "functions_worker.yml"), func(text string) (string, error) {
		return setYAML(text, map[string]any{
			"workerHostname":              p.host,
			"pulsarServiceUrl":            p.ServiceURL(),
			"pulsarWebServiceUrl":         p.AdminURL(),
			"narExtractionDirectory":      p.tmpDir(),
			"instanceLivenessCheckFreqMs": 5000, // the default notices a dead function after 30 s only
		}, p.opts.FunctionsConf)
	})
}

// settings are the broker's, before its caller's overrides.
func (p *Pulsar) settings() map[string]string {
	return map[string]string{
		"brokerServicePort": strconv.Itoa(p.ports.Broker),
		"webServicePort":    strconv.Itoa(p.ports.Web),
		"bindAddress":       p.host,
		"advertisedAddress": p.host,
		// The same for the bookie in the broker's process.
		"listeningInterface": loopbackInterface(),
		"allowLoopback":      "true",
		// By default a topic that nobody uses for a minute is deleted, with
		// its data and schema.
		"brokerDeleteInactiveTopicsEnabled": "false",
		// Off by default: a redelivered batch would bring back the messages of
		// it that were acknowledged.
		"acknowledgmentAtBatchIndexLevelEnabled": "true",
	}
}

// loopbackInterface is "lo" on Linux.
func loopbackInterface() string {
	all, err := net.Interfaces()
	if err == nil {
		for _, i := range all {
			if i.Flags&net.FlagLoopback != 0 {
				return i.Name
			}
		}
	}
	return "lo"
}

// setProperties sets keys in a file of key=value lines: in place where the key
// is, else at the end. The distribution's standalone.conf has no newline at its
// end, so that merely appending would spoil its last setting.
func setProperties(text string, set map[string]string) string {
	left := make(map[string]string, len(set))
	for k, v := range set {
		left[k] = v
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		key, _, ok := strings.Cut(line, "=")
		key = strings.TrimSpace(key)
		if value, wanted := set[key]; ok && wanted {
			lines[i] = key + "=" + value
			delete(left, key)
		}
	}
	added := make([]string, 0, len(left))
	for k, v := range left {
		added = append(added, k+"="+v)
	}
	sort.Strings(added)
	return strings.Join(append(lines, added...), "\n") + "\n"
}

// setYAML sets top-level keys of a YAML document, later maps last; nil removes.
func setYAML(text string, sets ...map[string]any) (string, error) {
	doc := make(map[string]any)
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return "", err
	}
	for _, set := range sets {
		for k, v := range set {
			if v == nil {
				delete(doc, k)
				continue
			}
			doc[k] = v
		}
	}
	out, err := yaml.Marshal(doc)
	return string(out), err
}

func editFile(path string, edit func(string) (string, error)) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, err := edit(string(b))
	if err != nil {
		return fmt.Errorf("set up %s: %w", path, err)
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// copyTree copies a folder's files, over what is there.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, info.Mode().Perm())
	})
}

// relink makes link point to target, whatever it pointed to before.
func relink(target, link string) error {
	if was, err := os.Readlink(link); err == nil && was == target {
		return nil
	}
	if err := os.RemoveAll(link); err != nil {
		return err
	}
	return os.Symlink(target, link)
}
