package imports

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/bulkheadnode/bulkhead/"

// pkg is what go list tells of a package.
type pkg struct {
	ImportPath   string
	Name         string
	Imports      []string
	TestImports  []string
	XTestImports []string
	GoFiles      []string
}

func (p pkg) path() string { return strings.TrimPrefix(p.ImportPath, module) }

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Name,Imports,TestImports,XTestImports,GoFiles", module+"...").Output()
	require.NoError(t, err)
	var list []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		list = append(list, p)
	}
	require.Greater(t, len(list), 20)
	return list
}

// within reports whether a path is one of the folders or below one.
func within(path string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return path == f || strings.HasPrefix(path, f+"/") })
}

var parts = []string{"node", "p2pworker", "wallet", "notify"}

// shells may use the bus and the system; what is not listed below a part is a
// pure core.
var shells = []string{
	"node", "node/chainstate", "node/feed", "node/fees", "node/indexer", "node/poolfile", "node/relay", "node/rpc", "node/snapshot", "node/tipwatch", "node/watch",
	"p2pworker", "p2pworker/dialler", "p2pworker/manager", "wallet", "notify",
}

// doors are the only packages that may import a foreign library.
var doors = map[string][]string{
	"github.com/go-zeromq/zmq4":       {"internal/zmtp/null"},
	"github.com/fxamacker/cbor":       {"bus/codec"},
	"github.com/consensys/":           {"node/signature/gnark"},
	"github.com/dgraph-io/badger":     {"node/store", "wallet/store"},
	"github.com/btcsuite/btcd/peer":   {},
	"github.com/stretchr/testify":     {"bus/bustest", "node/chaintest", "node/script/vectors"},
	"github.com/rogpeppe/go-internal": {},
	"github.com/prometheus/":          {"bus/gateway"},
	"github.com/elastic/":             {"cmd/internal/sandbox"},
	"github.com/landlock-lsm/":        {"cmd/internal/sandbox"},
}

// ownsFiles are cores whose purpose is a file or a socket.
var ownsFiles = []string{
	"node/store", "node/blockfile", "wallet/store", "p2pworker/transport", "p2pworker/socks5", "p2pworker/peertest", "notify/zmqpub", "node/chaintest", "node/script/vectors",
}

func TestNothingOnTheBusImportsAPart(t *testing.T) {
	for _, p := range packages(t) {
		if !within(p.path(), "bus") {
			continue
		}
		for _, imported := range p.Imports {
			require.False(t, within(strings.TrimPrefix(imported, module), append(parts, "cmd")...), "%s imports %s", p.path(), imported)
		}
	}
}

func TestPartsDoNotImportEachOther(t *testing.T) {
	for _, p := range packages(t) {
		own, _, _ := strings.Cut(p.path(), "/")
		if !slices.Contains(parts, own) {
			continue
		}
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			rest, ours := strings.CutPrefix(imported, module)
			if !ours || within(rest, own, "internal") {
				continue
			}
			require.True(t, within(rest, "bus"), "%s imports %s", p.path(), imported)
			require.False(t, within(rest, "bus/broker", "bus/link", "bus/codec", "bus/gateway", "bus/secure", "bus/endpoint") && slices.Contains(p.Imports, imported),
				"%s imports the bus's inside: %s", p.path(), imported)
		}
	}
}

// What is known of Bitcoin serves every part, so it is pure like their cores and
// knows neither a part nor the bus.
func TestWhatIsKnownOfBitcoinIsPure(t *testing.T) {
	found := 0
	for _, p := range packages(t) {
		if !within(p.path(), "internal/bitcoin") {
			continue
		}
		found++
		for _, imported := range p.Imports {
			rest, ours := strings.CutPrefix(imported, module)
			require.False(t, ours && !within(rest, "internal"), "%s imports %s", p.path(), imported)
			require.NotContains(t, impure, imported, p.path())
		}
	}
	require.Greater(t, found, 1)
}

// The wire format is bytes in memory. What strangers send before they have proven
// a key is read without go-zeromq.
func TestTheWireFormatIsPure(t *testing.T) {
	found := 0
	for _, p := range packages(t) {
		switch p.path() {
		case "internal/zmtp":
			found++
			for _, imported := range p.Imports {
				require.False(t, strings.HasPrefix(imported, module), "%s imports %s", p.path(), imported)
				require.NotContains(t, impure, imported, p.path())
			}
		case "bus/secure":
			found++
			require.NotContains(t, p.Imports, module+"internal/zmtp/null")
		}
	}
	require.Equal(t, 2, found)
}

// vocabulary are the packages of types that cores speak in.
var vocabulary = []string{module + "bus/msg/p2p"}

// What cores speak in knows nothing of the bus.
func TestTheVocabularyIsPure(t *testing.T) {
	for _, p := range packages(t) {
		if !slices.Contains(vocabulary, p.ImportPath) {
			continue
		}
		for _, imported := range p.Imports {
			require.False(t, within(strings.TrimPrefix(imported, module), "bus") && !slices.Contains(vocabulary, imported), "%s imports %s", p.path(), imported)
		}
	}
}

// impure are the packages of the standard library that a core may not import.
var impure = []string{"os", "net", "context", "log/slog", "crypto/rand", "math/rand", "math/rand/v2", "os/exec", "net/http"}

func TestCoresArePure(t *testing.T) {
	for _, p := range packages(t) {
		own, _, nested := strings.Cut(p.path(), "/")
		if !slices.Contains(parts, own) || !nested || slices.Contains(shells, p.path()) || within(p.path(), ownsFiles...) {
			continue
		}
		for _, imported := range p.Imports {
			onBus := within(strings.TrimPrefix(imported, module), "bus")
			require.False(t, onBus && !slices.Contains(vocabulary, imported), "core %s imports %s", p.path(), imported)
			require.NotContains(t, impure, imported, "core %s", p.path())
		}
	}
}

func TestForeignLibrariesHaveOneDoor(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			for library, allowed := range doors {
				if allowed != nil && strings.HasPrefix(imported, library) {
					require.Contains(t, allowed, p.path(), "%s imports %s", p.path(), imported)
				}
			}
			if rest, ok := strings.CutPrefix(imported, "github.com/btcsuite/btcd/"); ok {
				require.Contains(t, rest, "/v2", "%s imports %s: only the versioned modules are libraries", p.path(), imported)
			}
		}
	}
}

// The client of the command line is outside of a node: it gets the tables of the parts'
// commands, and knows no part.
func TestTheClientKnowsNoPart(t *testing.T) {
	found := 0
	for _, p := range packages(t) {
		if p.path() != "cmd/internal/cli" {
			continue
		}
		found++
		for _, imported := range p.Imports {
			rest, ours := strings.CutPrefix(imported, module)
			require.False(t, ours && !within(rest, "bus/rpc", "bus/clock", "cmd/internal/config", "internal/bitcoin"), "%s imports %s", p.path(), imported)
		}
	}
	require.Equal(t, 1, found)
}

// What the benchmarks compare the bus with is required by their module alone.
func TestTheProgramRequiresNoLibraryOfTheBenchmarks(t *testing.T) {
	out, err := exec.Command("go", "mod", "edit", "-json", "../../../go.mod").Output()
	require.NoError(t, err)
	var mod struct{ Require []struct{ Path string } }
	require.NoError(t, json.Unmarshal(out, &mod))
	require.Greater(t, len(mod.Require), 20)
	for _, required := range mod.Require {
		for _, library := range []string{"github.com/nats-io/", "google.golang.org/grpc", "github.com/pebbe/zmq4"} {
			require.False(t, strings.HasPrefix(required.Path, library), required.Path)
		}
	}
}

func TestOnlyCmdStartsProcessesAndReadsFlags(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			require.NotEqual(t, "flag", imported, p.path())
			if imported == "os/exec" {
				// chaintest, a package for tests, asks the go command for a module's folder;
				// background starts this program again.
				require.Contains(t, []string{"cmd/internal/background", "cmd/internal/ship", "node/chaintest", "node/script/vectors"}, p.path())
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range packages(t) {
		if p.Name != "main" && len(p.GoFiles) > 0 {
			require.Contains(t, p.GoFiles, "doc.go", p.path())
		}
	}
}
