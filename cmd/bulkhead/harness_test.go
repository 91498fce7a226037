package main_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	// The tests run the program as a process. These imports tell the go command
	// that their results depend on it.
	_ "github.com/bulkheadnode/bulkhead/cmd/internal/cli"
	_ "github.com/bulkheadnode/bulkhead/cmd/internal/ship"
	_ "github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
)

// Programs that the tests run, built once by TestMain with buildFlags.
var (
	bulkheadBinary, btcdBinary string
	buildFlags                 []string
)

// TestMain builds the programs. Started with the block server's variable set,
// the test binary is the block server instead.
func TestMain(m *testing.M) {
	if file := os.Getenv(blockServerFile); file != "" {
		if err := serveBlocks(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "bulkhead-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bulkheadBinary, btcdBinary = filepath.Join(dir, "bulkhead"), filepath.Join(dir, "btcd")
	if err := build(bulkheadBinary, ".", buildFlags...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := build(btcdBinary, "github.com/btcsuite/btcd"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return runWatchingForRaces(m, dir)
}

func build(binary, pkg string, flags ...string) error {
	args := append([]string{"build", "-o", binary}, flags...)
	if out, err := exec.Command("go", append(args, pkg)...).CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// runWatchingForRaces runs the tests. Races that the processes they start report
// are written to files, and are failures: what such a process says and how it ends
// is not looked at by every test, and some are killed.
func runWatchingForRaces(m *testing.M, dir string) int {
	os.Setenv("GORACE", "log_path="+filepath.Join(dir, "race"))
	code := m.Run()
	reports, _ := filepath.Glob(filepath.Join(dir, "race.*")) // the pattern is well formed
	for _, file := range reports {
		text, err := os.ReadFile(file)
		fmt.Fprintln(os.Stderr, string(text), err)
		code = 1
	}
	return code
}

// mainnetBlocks is the file with mainnet's blocks 0 to 14131 in btcd's module.
func mainnetBlocks(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/btcsuite/btcd").Output()
	require.NoError(t, err)
	file := filepath.Join(strings.TrimSpace(string(out)), "blockchain", "testdata", "blk_0_to_14131.dat")
	require.FileExists(t, file)
	return file
}

// Ports that the system does not give to outgoing connections: a node that is
// started again finds its own free.
const (
	lowestPort  = 10_000
	highestPort = 32_000
)

// givenPorts are those that freePort has returned: what was free may be taken by now.
var givenPorts sync.Map

// freePort returns a TCP port that was free a moment ago, each one once.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if _, given := givenPorts.LoadOrStore(port, true); given {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			defer l.Close()
			return port
		}
	}
	require.Fail(t, "no port is free")
	return 0
}
