// Package machine describes the machine that a benchmark ran on, so that its
// figures can be told from those of another.
package machine
