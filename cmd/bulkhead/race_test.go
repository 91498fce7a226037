//go:build race

package main_test

// The programs that the tests run have the race detector if the tests have it.
func init() { buildFlags = append(buildFlags, "-race") }
