// Package bustest runs a broker and its links in memory, for tests of parts.
//
// Everything it starts ends and is joined by the test's cleanup. No clock, no
// disk.
package bustest
