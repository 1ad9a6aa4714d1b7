//go:build !linux

// This file stands where there are no namespaces; debianPossible says so before.

package env

import "syscall"

func ownNamespaces() *syscall.SysProcAttr { return nil }
