package main_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// What is set about connections holds until the node stops, whatever happens to the
// process that manages them: above all, a network that was switched off stays off.
func TestWhatIsSetOutlivesTheManager(t *testing.T) {
	n := startNode(t, "regtest", "-disablewallet")
	n.must("setthrottle", "total", 1_000_000, 2_000_000)
	n.must("setthrottle", "blocks", 500_000)
	n.must("setconnlimit", "total", 17)
	n.must("addnode", "127.0.0.1:1", "add")
	n.must("setnetworkactive", false)
	set := n.must("getthrottle")
	for range 2 { // what was restored is kept as well
		before := n.pids("peers")
		kill(t, before[0])
		n.eventually("a new manager", func() error {
			if now := n.pids("peers"); len(now) != 1 || now[0] == before[0] {
				return fmt.Errorf("the managers are %v", now)
			}
			_, err := n.call("getthrottle")
			return err
		})
		require.Equal(t, set, n.must("getthrottle"))
		info := n.must("getnetworkinfo").(map[string]any)
		require.Equal(t, false, info["networkactive"])
		require.Equal(t, "127.0.0.1:1", n.must("getaddednodeinfo").([]any)[0].(map[string]any)["addednode"])
	}
	limits := n.must("setconnlimit", "manual", 5).(map[string]any)
	require.EqualValues(t, 17, limits["total"])
	n.stop()
}

// So does what is known of connections that have ended.
func TestHistoryOutlivesTheManager(t *testing.T) {
	n := startNode(t, "regtest", "-disablewallet", "-debug=ipc")
	ended := 0
	for range 2 { // what was recalled is kept as well
		dialBlockPeer(n, map[chainhash.Hash]*wire.MsgBlock{}).leave()
		ended++
		n.eventually("the end is remembered", func() error {
			if list := n.must("getpeerhistory").([]any); len(list) != ended {
				return fmt.Errorf("the history is %v", list)
			}
			log, err := os.ReadFile(filepath.Join(n.net, "debug.log"))
			if kept := bytes.Count(log, []byte("from=supervisor to=peers method=ship.peers.remember")); err == nil && kept < ended {
				err = fmt.Errorf("handed over %d times", kept)
			}
			return err
		})
		known := n.must("getpeerhistory")
		before := n.pids("peers")
		kill(t, before[0])
		n.eventually("a new manager", func() error {
			if now := n.pids("peers"); len(now) != 1 || now[0] == before[0] {
				return fmt.Errorf("the managers are %v", now)
			}
			_, err := n.call("getpeerhistory")
			return err
		})
		require.Equal(t, known, n.must("getpeerhistory"))
	}
	list := n.must("getpeerhistory").([]any)
	require.NotEqual(t, list[0].(map[string]any)["id"], list[1].(map[string]any)["id"])
	n.stop()
}
