//go:build !linux

// Other systems have no I/O priority that a process could give itself in the same way.

package kindness

func idleIO() error { return nil }
