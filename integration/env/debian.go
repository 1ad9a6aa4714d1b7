// This file downloads packages of another Debian suite than the machine's, with
// the machine's own apt-get and mirror, but in private folders.

package env

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// fetchDebian returns the paths of the packages it downloaded into dir. The
// machine's apt configuration, lists and caches are read at most. otherwise is what
// a person without such a mirror can do.
func fetchDebian(ctx context.Context, dir, suite, otherwise string, packages []string) ([]string, error) {
	source, err := debianSource(suite)
	if err != nil {
		return nil, err
	}
	for _, sub := range []string{"state/lists/partial", "cache/archives/partial", "sources", "packages"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	conf := filepath.Join(dir, "apt.conf")
	for name, text := range map[string]string{
		filepath.Join(dir, "sources", "suite.sources"): source,
		filepath.Join(dir, "status"):                   "", // no package is installed
		conf:                                           aptConf(ctx, dir),
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	for _, args := range [][]string{{"update"}, append([]string{"download"}, packages...)} {
		cmd := exec.Command("apt-get", append([]string{"-q"}, args...)...)
		cmd.Dir = filepath.Join(dir, "packages")
		cmd.Env = append(os.Environ(), "APT_CONFIG="+conf, "LC_ALL=C")
		out, err := runOutput(ctx, cmd)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if strings.Contains(out, "No space left on device") {
			return nil, fmt.Errorf("apt-get %s: %w", args[0], syscall.ENOSPC)
		}
		return nil, problem(ErrNetwork, "see whether the network is there and the Debian mirror in apt's sources answers, or "+otherwise,
			"apt-get %s (suite %s) failed: %s", args[0], suite, aptLine(out, err))
	}
	debs, err := filepath.Glob(filepath.Join(dir, "packages", "*.deb"))
	if err != nil {
		return nil, err
	}
	if len(debs) != len(packages) {
		return nil, fmt.Errorf("apt-get download left %d packages, expected %d", len(debs), len(packages))
	}
	return debs, nil
}

// machineApt are the lines of the machine's apt configuration that say how to
// reach a mirror (proxies, certificates) and whether an old list is accepted,
// as behind a frozen mirror; not the hooks that other packages have put there,
// and nothing that would turn off the check of signatures.
func machineApt(ctx context.Context) (lines []string) {
	machine, err := runOutput(ctx, exec.Command("apt-config", "dump"))
	if err != nil {
		return nil
	}
	for line := range strings.SplitSeq(machine, "\n") {
		lower := strings.ToLower(line)
		for _, taken := range []string{"acquire::http", "acquire::retries", "acquire::forceip", "acquire::check-"} {
			if strings.HasPrefix(lower, taken) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// aptConf is a whole configuration of apt, with what machineApt takes from the
// machine's.
func aptConf(ctx context.Context, dir string) string {
	var b strings.Builder
	for _, line := range machineApt(ctx) {
		b.WriteString(line + "\n")
	}
	for _, kv := range [][2]string{
		{"Dir::Etc::Parts", "/dev/null"},
		{"Dir::Etc::Main", "/dev/null"},
		{"Dir::Etc::SourceList", "/dev/null"},
		{"Dir::Etc::SourceParts", filepath.Join(dir, "sources")},
		{"Dir::State", filepath.Join(dir, "state")},
		{"Dir::State::Status", filepath.Join(dir, "status")},
		{"Dir::Cache", filepath.Join(dir, "cache")},
		{"APT::Architecture", "amd64"},
		{"APT::Update::Error-Mode", "any"},
		{"Acquire::Languages", "none"},
	} {
		fmt.Fprintf(&b, "%s %q;\n", kv[0], kv[1])
	}
	b.WriteString("#clear APT::Architectures;\nAPT::Architectures { \"amd64\"; };\n")
	return b.String()
}

// aptLine is apt's first error, or else its last line.
func aptLine(out string, err error) string {
	last := err.Error()
	for line := range strings.SplitSeq(out, "\n") {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "E: "); ok {
			return rest
		}
		if line != "" {
			last = line
		}
	}
	return last
}

// debianSource is a source stanza for a suite of the Debian archive, made from
// the mirror and the key that the machine's own sources name.
func debianSource(suite string) (string, error) {
	files, _ := filepath.Glob("/etc/apt/sources.list.d/*.sources")
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			if s, ok := fromStanzas(string(b), suite); ok {
				return s, nil
			}
		}
	}
	files, _ = filepath.Glob("/etc/apt/sources.list.d/*.list")
	for _, f := range append([]string{"/etc/apt/sources.list"}, files...) {
		if b, err := os.ReadFile(f); err == nil {
			if s, ok := fromLines(string(b), suite); ok {
				return s, nil
			}
		}
	}
	return "", errors.New("apt's sources name no mirror of the Debian archive")
}

// debianArchive tells whether a source's address is the archive itself, and not
// its security part or somebody else's packages.
func debianArchive(address string) bool {
	u, err := url.Parse(address)
	return err == nil && path.Base(strings.TrimRight(u.Path, "/")) == "debian" &&
		(u.Scheme == "http" || u.Scheme == "https" || u.Scheme == "file" || strings.HasPrefix(u.Scheme, "mirror"))
}

// fromStanzas reads sources in the format of deb822: stanzas of "Field: value",
// where a value goes on in lines that begin with a space.
func fromStanzas(text, suite string) (string, bool) {
	for stanza := range strings.SplitSeq(strings.ReplaceAll(text, "\r", "")+"\n\n", "\n\n") {
		fields := make(map[string]string)
		field := ""
		for line := range strings.SplitSeq(stanza, "\n") {
			if strings.HasPrefix(line, "#") {
				continue
			}
			if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
				fields[field] += "\n" + line
				continue
			}
			if name, value, ok := strings.Cut(line, ":"); ok {
				field = strings.ToLower(strings.TrimSpace(name))
				fields[field] = strings.TrimSpace(value)
			}
		}
		if strings.EqualFold(fields["enabled"], "no") ||
			!slices.Contains(strings.Fields(fields["types"]), "deb") ||
			!slices.Contains(strings.Fields(fields["components"]), "main") {
			continue
		}
		for _, uri := range strings.Fields(fields["uris"]) {
			if debianArchive(uri) {
				return stanzaFor(uri, suite, fields["signed-by"]), true
			}
		}
	}
	return "", false
}

// fromLines reads sources in the format "deb [options] uri suite component...".
func fromLines(text, suite string) (string, bool) {
	for line := range strings.SplitSeq(text, "\n") {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb ")
		if !ok {
			continue
		}
		rest = strings.TrimSpace(rest)
		signedBy := ""
		if strings.HasPrefix(rest, "[") {
			options, after, ok := strings.Cut(rest[1:], "]")
			if !ok {
				continue
			}
			rest = after
			for _, option := range strings.Fields(options) {
				if v, ok := strings.CutPrefix(option, "signed-by="); ok {
					signedBy = v
				}
			}
		}
		words := strings.Fields(rest)
		if len(words) > 2 && slices.Contains(words[2:], "main") && debianArchive(words[0]) {
			return stanzaFor(words[0], suite, signedBy), true
		}
	}
	return "", false
}

func stanzaFor(uri, suite, signedBy string) string {
	s := fmt.Sprintf("Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n", uri, suite)
	if signedBy != "" {
		s += "Signed-By: " + signedBy + "\n"
	}
	return s
}
