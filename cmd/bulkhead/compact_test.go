package main_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A block whose transactions are known travels as a compact block: first asked
// for, then, as its bringer was the first, unasked.
func TestBlocksTravelAsCompactBlocks(t *testing.T) {
	port := freePort(t)
	a := startNode(t, "regtest", fmt.Sprintf("-bind=127.0.0.1:%d", port), "-fallbackfee=0.0002", "-whitelist=noban@127.0.0.1")
	a.must("createwallet", "w")
	address := a.must("getnewaddress")
	a.must("generatetoaddress", 110, address)
	b := startNode(t, "regtest", fmt.Sprintf("-connect=127.0.0.1:%d", port))
	b.connected(1)
	b.eventuallyTip(a.tip())
	peer := func() map[string]any { return b.must("getpeerinfo").([]any)[0].(map[string]any) }
	whole := peer()["bytesrecv_per_msg"].(map[string]any)["block"]
	for range 2 {
		txid := a.must("sendtoaddress", address, 1).(string)
		b.eventually("the transaction", func() error { return mempoolHas(b.must("getrawmempool"), txid) })
		a.must("generatetoaddress", 1, address)
		b.eventuallyTip(a.tip())
	}
	b.eventually("high bandwidth", func() error {
		if asked, heard := peer()["bip152_hb_to"], a.must("getpeerinfo").([]any)[0].(map[string]any)["bip152_hb_from"]; asked != true || heard != true {
			return fmt.Errorf("asked: %v, heard: %v", asked, heard)
		}
		return nil
	})
	info := peer()
	require.Equal(t, whole, info["bytesrecv_per_msg"].(map[string]any)["block"], "no block came whole")
	require.Contains(t, info["bytesrecv_per_msg"], "cmpctblock")
	require.NotContains(t, info["bytessent_per_msg"], "getblocktxn", "nothing was missing")
}
