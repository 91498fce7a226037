//go:build clients

package interop

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What npm installs for the test, into a folder that goes with it; the rest is Debian's.
var npmPackages = []string{"bitcoin-core@5.0.0", "bitcoin-json-rpc@1.4.2", "zeromq@6.8.0"}

// installNPM returns the environment in which node finds the packages.
func installNPM(t *testing.T) []string {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "npm", append([]string{"install", "--no-audit", "--no-fund", "--prefix", dir}, npmPackages...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return append(os.Environ(), "NODE_PATH="+filepath.Join(dir, "node_modules"))
}

// situation is what a script is told of the node and its chain, as JSON.
type situation struct {
	URL, Host, User, Password string
	Wallet                    string   // name
	Nobodys, Others           string   // addresses
	Blocks                    []string // hashes by height
	Mined, Waiting            string   // transaction ids
	Raw                       string   // of a transaction that was not sent
	ZMQ                       string   // endpoint
}

func (s situation) run(t *testing.T, env []string, interpreter, script string) *exec.Cmd {
	told, err := json.Marshal(s)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, interpreter, filepath.Join("testdata", script), string(told))
	cmd.Env = env
	return cmd
}

// newSituation makes a chain with a wallet, a transaction in a block and one that waits.
func newSituation(n *node) situation {
	s := situation{Wallet: "w", Nobodys: nobodys, Others: others, Host: n.host(), URL: "http://" + n.host()}
	s.User, s.Password = n.cookie()
	coins := mineCoins(n)
	signed := func() string {
		var raw bytes.Buffer
		require.NoError(n.t, coins.pay(n.t, nobodys).Serialize(&raw))
		return hex.EncodeToString(raw.Bytes())
	}
	get[any](n, "createwallet", s.Wallet)
	s.Mined = get[string](n, "sendrawtransaction", signed())
	get[[]string](n, "generatetoaddress", 101, get[string](n, "getnewaddress"))
	s.Waiting = get[string](n, "sendrawtransaction", signed())
	s.Raw = signed()
	for height := range get[int](n, "getblockcount") + 1 {
		s.Blocks = append(s.Blocks, get[string](n, "getblockhash", height))
	}
	return s
}

func TestClientsOfJSONRPC(t *testing.T) {
	env := installNPM(t)
	for script, interpreter := range map[string]string{
		"bitcoin-core.js": "node", "bitcoin-json-rpc.js": "node", "bitcoinlib_rpc.py": "/usr/bin/python3",
	} {
		t.Run(script, func(t *testing.T) {
			n := startNode(t, "-rest", "-txindex")
			out, err := newSituation(n).run(t, env, interpreter, script).CombinedOutput()
			require.NoError(t, err, "%s", out)
		})
	}
}

// wanted are the lines that a subscriber writes of a block: topic, then body in hex. That
// of sequence is the hash and a C.
func wanted(n *node, hash string) []string {
	raw := get[string](n, "getblock", hash, 0)
	block := get[struct{ Tx []struct{ TxID, Hex string } }](n, "getblock", hash, 2)
	lines := []string{"hashblock " + hash, "rawblock " + raw, "sequence " + hash + "43"}
	for _, tx := range block.Tx {
		lines = append(lines, "hashtx "+tx.TxID, "rawtx "+tx.Hex)
	}
	return lines
}

// requireHeard mines until the subscriber writes something, and then a block of which it
// has to write all.
func requireHeard(n *node, lines <-chan string) {
	n.until("it hears", func() bool {
		get[[]string](n, "generatetoaddress", 1, nobodys)
		select {
		case <-lines:
			return true
		case <-time.After(100 * time.Millisecond):
			return false
		}
	})
	missing := map[string]bool{}
	for _, line := range wanted(n, get[[]string](n, "generatetoaddress", 1, others)[0]) {
		missing[line] = true
	}
	for deadline := time.After(patience); len(missing) > 0; {
		select {
		case line, open := <-lines:
			require.True(n.t, open, "the subscriber ended")
			delete(missing, line)
		case <-deadline:
			require.Empty(n.t, missing)
		}
	}
}

// linesOf starts a subscriber and returns what it writes. The end of the test ends it; what
// it complains of until then is a failure.
func linesOf(t *testing.T, cmd *exec.Cmd) <-chan string {
	var faults bytes.Buffer
	cmd.Stderr = &faults
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := make(chan string)
	go func() {
		defer close(lines)
		in := bufio.NewScanner(out)
		in.Buffer(nil, 16<<20)
		for in.Scan() {
			lines <- in.Text()
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Kill())
		for range lines {
		}
		require.Error(t, cmd.Wait())
		require.Empty(t, faults.String())
	})
	return lines
}

func TestSubscribersOfZMQ(t *testing.T) {
	env := installNPM(t)
	for script, interpreter := range map[string]string{"zeromq.js": "node", "zmq_subscriber.py": "/usr/bin/python3"} {
		t.Run(script, func(t *testing.T) {
			at := fmt.Sprintf("tcp://127.0.0.1:%d", freePort(t))
			var args []string
			for _, topic := range strings.Fields("hashblock hashtx rawblock rawtx sequence") {
				args = append(args, "-zmqpub"+topic+"="+at)
			}
			n := startNode(t, args...)
			s := newSituation(n)
			s.ZMQ = at
			requireHeard(n, linesOf(t, s.run(t, env, interpreter, script)))
		})
	}
}
