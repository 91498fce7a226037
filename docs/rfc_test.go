package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	busName   = regexp.MustCompile(`^(?:node|peers|ship)\.[a-z0-9.]+$`)
	declared  = regexp.MustCompile(`"((?:node|peers|ship)\.[a-z0-9.]+)"`)
	ofWorkers = regexp.MustCompile(`^(?:node\.p2p|peers)\.`)
)

// The page about the calls of workers names what the bus has, and leaves out none of
// a worker's.
func TestTheCallsOfWorkersAreMapped(t *testing.T) {
	there := map[string]bool{}
	for _, path := range files(t, ".go") {
		if dir := filepath.Dir(path); dir != filepath.Join(root, "bus/msg") && dir != filepath.Join(root, "bus/msg/p2p") {
			continue
		}
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, m := range declared.FindAllStringSubmatch(string(raw), -1) {
			there[m[1]] = true
		}
	}
	raw, err := os.ReadFile("rfc-calls.md")
	require.NoError(t, err)
	named := map[string]bool{}
	for _, m := range quoted.FindAllStringSubmatch(string(raw), -1) {
		if busName.MatchString(m[1]) {
			named[m[1]] = true
			require.True(t, there[m[1]], m[1])
		}
	}
	for name := range there {
		if ofWorkers.MatchString(name) && name != "peers.unknown-worker" && name != "peers.unknown-dial" {
			require.True(t, named[name], "%s is not mapped", name)
		}
	}
	require.Greater(t, len(named), 25)
}
