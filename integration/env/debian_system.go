// This file boots a clean Debian system inside this one: a root directory of its own,
// systemd as its first process, in namespaces of its own, with this machine's network.
// It is what a package is installed into.

package env

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// Debian12 names the system for Check.
const Debian12 = "debian"

const (
	debianItem   = "debian-12"
	debianSuite  = "bookworm"
	debianRemedy = "run this on a Debian machine"
	// What is in it beyond Debian's essential packages and apt.
	debianPackages = "systemd,dbus"
)

// sigPowerOff is what systemd takes for the order to end the system: SIGRTMIN+4.
const sigPowerOff = syscall.Signal(34 + 4)

// DebianOptions says what system to start.
type DebianOptions struct {
	// Name is the name of its folder. Default: "debian", then "debian-2" and so on.
	Name string
	// Binds are directories of this machine that the system sees under another path,
	// from its own root. The path is made if needed.
	Binds map[string]string
}

// Debian is a Debian system, running or not.
type Debian struct {
	*server
	opts DebianOptions
}

// StartDebian fetches the system if needed, boots a fresh copy of it and returns when
// all its services are up. It takes root.
func (e *Env) StartDebian(ctx context.Context, opts DebianOptions) (*Debian, error) {
	if missing := debianPossible(); len(missing) > 0 {
		return nil, MissingError(missing)
	}
	archive, err := e.debianTar(ctx)
	if err != nil {
		return nil, err
	}
	s, err := e.newServer("debian", "12", opts.Name)
	if err != nil {
		return nil, err
	}
	group, err := processGroup()
	if err != nil {
		e.forget(s)
		return nil, err
	}
	s.end = sigPowerOff
	s.ended = func() { removeGroups(group) }
	d := &Debian{server: s, opts: opts}
	if err := d.bringUp(ctx, archive, group); err != nil {
		s.ended()
		e.forget(s)
		return nil, err
	}
	return d, nil
}

func (d *Debian) bringUp(ctx context.Context, archive, group string) error {
	if err := os.MkdirAll(d.Root(), 0o755); err != nil {
		return err
	}
	if out, err := runOutput(ctx, exec.Command("tar", "-C", d.Root(), "-xf", archive)); err != nil {
		return fmt.Errorf("start %s: unpack %s: %w: %s", d.label(), archive, err, strings.TrimSpace(out))
	}
	args := []string{"-c", debianBoot, "sh", d.Root(), group}
	for outside, inside := range d.opts.Binds {
		args = append(args, outside, filepath.Join(d.Root(), inside))
	}
	cmd := exec.Command("sh", args...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "container=cassandra-cdc"}
	cmd.SysProcAttr = ownNamespaces()
	return d.launch(ctx, cmd, func(ctx context.Context) error {
		out, err := d.Run(ctx, "systemctl", "is-system-running")
		if state := strings.TrimSpace(out); state != "running" && state != "degraded" {
			return fmt.Errorf("its state is %q: %w", state, err)
		}
		return nil
	})
}

// debianBoot gets the root directory, a cgroup and pairs of directories to bind. It
// mounts what a system needs, in its own namespace, and becomes systemd.
const debianBoot = `
set -e
root=$1 group=$2
shift 2
echo 0 > "$group/cgroup.procs"
mount --make-rprivate /
mount --bind "$root" "$root"
while [ $# -gt 0 ]; do
	mkdir -p "$2"
	mount --bind "$1" "$2"
	shift 2
done
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
	touch "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
echo debian > "$root/etc/hostname"
# The group that it is in now is the root of the cgroups it sees, and its root directory
# that of all mounts: services have namespaces of their own, which are made from there.
exec unshare --cgroup sh -ec '
	mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
	cd "$1"
	pivot_root . .
	umount -l .
	exec chroot . /lib/systemd/systemd systemd.unit=multi-user.target' sh "$root"
`

// Root is the system's root directory on this machine.
func (d *Debian) Root() string { return filepath.Join(d.dir, "root") }

// Run runs a command in the system, as its root, and returns what it printed. The
// error has the end of it.
func (d *Debian) Run(ctx context.Context, args ...string) (string, error) {
	pid := d.PID()
	if pid == 0 {
		return "", fmt.Errorf("%s does not run", d.label())
	}
	cmd := exec.Command("nsenter", append([]string{"--target", strconv.Itoa(pid), "--mount", "--pid", "--uts", "--ipc", "--cgroup",
		"--root", "--wd", "--"}, args...)...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/root", "DEBIAN_FRONTEND=noninteractive"}
	out, err := runOutput(ctx, cmd)
	if err != nil {
		return out, fmt.Errorf("%s: %s: %w: %s", d.label(), strings.Join(args, " "), err, strings.TrimSpace(out))
	}
	return out, nil
}

// debianTar returns the path of a tar file with the system's root directory. It is
// made by mmdebstrap, which comes from the same mirror.
func (e *Env) debianTar(ctx context.Context) (string, error) {
	const name = "root.tar"
	dir, err := e.cache.item(ctx, debianItem, roomDebian, func(ctx context.Context, part, _ string) error {
		work := filepath.Join(part, "work")
		packages, err := fetchDebian(ctx, filepath.Join(work, "apt"), debianSuite, debianRemedy, []string{"mmdebstrap"})
		if err != nil {
			return err
		}
		if out, err := runOutput(ctx, exec.Command("dpkg-deb", "-x", packages[0], work)); err != nil {
			return fmt.Errorf("unpack mmdebstrap: %w: %s", err, strings.TrimSpace(out))
		}
		args := []string{filepath.Join(work, "usr/bin/mmdebstrap"), "--mode=root", "--variant=minbase", "--format=tar", "--include=" + debianPackages}
		for _, line := range machineApt(ctx) {
			args = append(args, "--aptopt="+strings.TrimSuffix(line, ";"))
		}
		args = append(args, debianSuite, filepath.Join(part, name), filepath.Join(work, "apt", "sources", "suite.sources"))
		if out, err := runOutput(ctx, exec.Command("perl", args...)); err != nil {
			return problem(ErrNetwork, "see whether the network is there and the Debian mirror in apt's sources answers", "mmdebstrap: %v: %s", err, aptLine(out, err))
		}
		return os.RemoveAll(work)
	})
	return filepath.Join(dir, name), err
}

// debianPossible says all that keeps this machine from booting a Debian system.
func debianPossible() (missing []error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return []error{problem(ErrPlatform, "use Linux on amd64", "a Debian system is fetched for linux/amd64 only, this is %s/%s", runtime.GOOS, runtime.GOARCH)}
	}
	if os.Geteuid() != 0 {
		missing = append(missing, problem(ErrPlatform, "run it as root, or in a virtual machine as root", "only root can boot a Debian system in namespaces"))
	}
	for _, tool := range []string{"apt-get", "apt-config", "dpkg-deb", "perl", "tar", "mount", "unshare", "nsenter", "pivot_root", "chroot"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, problem(ErrNoTool, debianRemedy, "%s is not on PATH and is needed to boot a Debian system", tool))
		}
	}
	if _, err := debianSource(debianSuite); err != nil {
		missing = append(missing, problem(ErrPlatform, debianRemedy, "a Debian system is made from Debian's packages, and %v", err))
	}
	if _, err := groupsRoot(); err != nil {
		missing = append(missing, err)
	}
	return missing
}

// groupsRoot is where the second version of cgroups is mounted.
func groupsRoot() (string, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			return f[1], nil
		}
	}
	return "", problem(ErrPlatform, "mount it: mount -t cgroup2 none /sys/fs/cgroup/unified", "systemd needs cgroup2, which is not mounted")
}

// processGroup makes a cgroup for one system, and removes those of dead runs.
func processGroup() (string, error) {
	root, err := groupsRoot()
	if err != nil {
		return "", err
	}
	const prefix = "cassandra-cdc-debian-"
	old, err := filepath.Glob(filepath.Join(root, prefix+"*"))
	if err != nil {
		return "", err
	}
	for _, group := range old {
		removeGroups(group) // fails for one that is in use
	}
	group, err := os.MkdirTemp(root, prefix)
	if err != nil {
		return "", fmt.Errorf("make a cgroup for a Debian system: %w", err)
	}
	return group, nil
}

// removeGroups removes a cgroup and those in it, the innermost first, as far as nothing
// runs in them.
func removeGroups(group string) {
	entries, err := os.ReadDir(group)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	for _, e := range entries {
		if e.IsDir() {
			removeGroups(filepath.Join(group, e.Name()))
		}
	}
	_ = syscall.Rmdir(group)
}
