package main_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// btcd is a real btcd on regtest: an independent implementation.
type btcd struct {
	t       testing.TB
	rpc     string
	p2p     string
	process *exec.Cmd
}

// An address of nobody's for btcd's coinbases.
const btcdMiningAddress = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"

func startBtcd(t testing.TB, args ...string) *btcd {
	t.Helper()
	b := &btcd{
		t: t, rpc: fmt.Sprintf("127.0.0.1:%d", freePort(t)), p2p: fmt.Sprintf("127.0.0.1:%d", freePort(t)),
	}
	dir := t.TempDir()
	b.process = exec.Command(btcdBinary, append([]string{
		"--regtest", "--datadir=" + filepath.Join(dir, "data"), "--logdir=" + filepath.Join(dir, "log"), "--configfile=" + filepath.Join(dir, "none.conf"),
		"--listen=" + b.p2p, "--rpclisten=" + b.rpc, "--rpcuser=u", "--rpcpass=p", "--notls", "--nodnsseed",
		"--miningaddr=" + btcdMiningAddress, "--minrelaytxfee=0.00001", "--trickleinterval=100ms",
	}, args...)...)
	b.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, b.process.Start())
	t.Cleanup(func() {
		_ = b.process.Process.Kill()
		_ = b.process.Wait()
	})
	eventually(t, "btcd", func() error {
		_, err := b.call("getblockcount")
		return err
	})
	return b
}

func (b *btcd) call(method string, params ...any) (json.RawMessage, error) {
	body, err := json.Marshal(map[string]any{"jsonrpc": "1.0", "id": 1, "method": method, "params": append([]any{}, params...)})
	if err != nil {
		return nil, err
	}
	return postRPC("http://"+b.rpc, "u", "p", body)
}

func (b *btcd) must(method string, params ...any) any {
	b.t.Helper()
	raw, err := b.call(method, params...)
	require.NoError(b.t, err, "btcd %s %v", method, params)
	var v any
	require.NoError(b.t, json.Unmarshal(raw, &v))
	return v
}

// eventuallyTip waits until btcd's tip is the given one.
func (b *btcd) eventuallyTip(tip string) {
	b.t.Helper()
	eventually(b.t, "btcd's tip", func() error {
		if got := b.must("getbestblockhash"); got != tip {
			return fmt.Errorf("btcd's tip is %v, not %s", got, tip)
		}
		return nil
	})
}
