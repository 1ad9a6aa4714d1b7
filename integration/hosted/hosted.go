// Package hosted is for tests and runs in which Pulsar's functions worker hosts the
// connector: it packs the archive, and finds and ends the processes that a worker starts.
package hosted

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
)

const module = "github.com/cassandra-cdc/cassandra-cdc"

// Pack packs the connector into an archive in a directory and returns its path.
func Pack(ctx context.Context, dir string) (string, error) {
	root, err := output(exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module))
	if err != nil {
		return "", fmt.Errorf("find the project's sources: %w", err)
	}
	path, err := output(exec.CommandContext(ctx, "go", "run", module+"/connector/nar", "--version", "test", "--source", root, "--out", dir))
	if err != nil {
		return "", fmt.Errorf("pack the connector: %w", err)
	}
	return path, nil
}

// output is what a command prints. The error has what it says on standard error.
func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}

// Outlive writes a program java into a directory and returns the environment of a
// functions worker that starts its instances with it. They are in process groups of
// their own then, as where nobody watches over the worker, and outlive a worker that is
// killed: it is for them to notice. Package env would end them with the worker.
func Outlive(dir string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	script := "#!/bin/sh\nexec setsid \"$JAVA_HOME/bin/java\" \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "java"), []byte(script), 0o755); err != nil {
		return nil, err
	}
	return []string{"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH")}, nil
}

// Instances are the Java instances of sources that this Pulsar has started, with their
// process ids.
func Instances(p *env.Pulsar) ([]int, error) {
	return processes(func(args []string) bool {
		line := strings.Join(args, " ")
		return strings.Contains(line, p.Home()) && strings.Contains(line, "JavaInstanceMain")
	})
}

// Programs are the processes of cassandra-source that those instances have started.
func Programs(p *env.Pulsar) ([]int, error) {
	return processes(func(args []string) bool {
		return strings.HasPrefix(args[0], p.Home()) && len(args) > 1 && args[1] == "hosted"
	})
}

// Functions are the processes of cassandra-source that run as functions of this Pulsar.
// Unlike instances of sources they never outlive the worker here.
func Functions(p *env.Pulsar) ([]int, error) {
	pids, err := processes(func(args []string) bool { return len(args) > 1 && args[1] == "-instance-conf" })
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(pids, func(pid int) bool {
		dir, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
		return err != nil || dir != p.Home() // of another Pulsar, or gone by now
	}), nil
}

// processes lists those that run and whose command line is the wanted one.
func processes(wanted func(args []string) bool) (pids []int, err error) {
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	for _, path := range all {
		line, _ := os.ReadFile(path) // a process may be gone by now
		args := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
		if !wanted(args) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// Kill ends processes at once. That one of them is gone already is no error.
func Kill(pids ...int) error {
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("kill process %d: %w", pid, err)
		}
	}
	return nil
}

// KillAll ends all instances and programs of a Pulsar, which must not start new ones.
func KillAll(p *env.Pulsar) error {
	instances, err1 := Instances(p)
	programs, err2 := Programs(p)
	return errors.Join(err1, err2, Kill(append(instances, programs...)...))
}
