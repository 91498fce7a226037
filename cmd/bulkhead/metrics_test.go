package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// scrape reads the metrics at a port: figures by series as written.
func scrape(port int) (map[string]float64, error) {
	resp, err := (&http.Client{Timeout: patience}).Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", port))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, errors.Join(err, fmt.Errorf("status %d: %s", resp.StatusCode, body))
	}
	figures := map[string]float64{}
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		if figures[line[:i]], err = strconv.ParseFloat(strings.TrimSpace(line[i:]), 64); err != nil {
			return nil, err
		}
	}
	return figures, nil
}

// whole is scrape of a node whose parts have all answered.
func whole(port int) (map[string]float64, error) {
	figures, err := scrape(port)
	if err != nil {
		return nil, err
	}
	parts := []string{"bus", "compartments", "blockchain", "mempool", "network"}
	for _, part := range parts {
		if failed, ok := figures[`bulkhead_scrape_error{part="`+part+`"}`]; !ok || failed != 0 {
			return nil, fmt.Errorf("%s: error %v, shown %v", part, failed, ok)
		}
	}
	return figures, nil
}

func mustScrape(t *testing.T, port int) (figures map[string]float64) {
	t.Helper()
	eventually(t, "a whole scrape", func() (err error) {
		figures, err = whole(port)
		return err
	})
	return figures
}

func TestMetricsFollowTheNode(t *testing.T) {
	for name, args := range map[string][]string{"processes": nil, "one process": {"-multiprocess=0"}} {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			n := startNode(t, "regtest", append(args, fmt.Sprintf("-metricsbind=127.0.0.1:%d", port))...)
			before := mustScrape(t, port)
			require.Equal(t, 0.0, before["bulkhead_chain_height"])
			const asked = 20
			for range asked {
				n.must("getblockcount")
			}
			n.must("generatetoaddress", 3, btcdMiningAddress)
			after := mustScrape(t, port)
			require.Equal(t, 3.0, after["bulkhead_chain_height"])
			require.Equal(t, 3.0, after["bulkhead_chain_headers"])
			require.Equal(t, 0.0, after["bulkhead_mempool_transactions"])
			count := `bulkhead_bus_call_duration_seconds_count{method="rpc.getblockcount"}`
			require.Equal(t, before[count]+asked, after[count])
			for _, series := range []string{
				`bulkhead_link_messages_total{direction="in",instance="node",role="node"}`,
				`bulkhead_link_bytes_total{direction="out",instance="gateway",role="gateway"}`,
			} {
				require.GreaterOrEqual(t, after[series], before[series]+asked, series)
			}
			require.Greater(t, after[`bulkhead_compartment_resident_bytes{instance="node",role="node"}`], 1e6)
			n.stop()
		})
	}
}

func TestARestartIsCounted(t *testing.T) {
	port := freePort(t)
	n := startNode(t, "regtest", fmt.Sprintf("-metricsbind=127.0.0.1:%d", port))
	series := `bulkhead_compartment_restarts_total{instance="notify",role="notify"}`
	require.Equal(t, 0.0, mustScrape(t, port)[series])
	kill(t, n.pids("notify")[0])
	n.eventually("the restart", func() error {
		figures, err := whole(port)
		if err == nil && figures[series] != 1 {
			err = fmt.Errorf("%v restarts", figures[series])
		}
		return err
	})
	n.stop()
}

// TestMetricsWithoutRPC: the gateway runs for the metrics alone.
func TestMetricsWithoutRPC(t *testing.T) {
	port := freePort(t)
	n := newNode(t, "regtest", "-server=0", fmt.Sprintf("-metricsbind=127.0.0.1:%d", port))
	n.launch()
	require.Equal(t, 0.0, mustScrape(t, port)["bulkhead_chain_height"])
	resp, err := http.Post(fmt.Sprintf("http://127.0.0.1:%d/", port), "application/json", strings.NewReader(`{"method":"stop"}`))
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	_, err = n.call("getblockcount")
	require.Error(t, err, "nobody serves JSON-RPC")
	require.NoError(t, n.cmd.Process.Signal(os.Interrupt))
	n.awaitEnd()
}

func TestMetricsAreOffByDefaultAndBadAddressesAreRefused(t *testing.T) {
	n := startNode(t, "regtest")
	raw, err := os.ReadFile(filepath.Join(n.net, "debug.log"))
	require.NoError(t, err)
	require.NotContains(t, string(raw), ":9332")
	for _, tc := range []struct{ arg, text string }{
		{"-metricsbind=nowhere", "Error: Cannot resolve -metricsbind address: 'nowhere'"},
		{"-metricsbind=127.0.0.1:0", "Error: Invalid port specified in -metricsbind: '127.0.0.1:0'"},
		{fmt.Sprintf("-metricsbind=127.0.0.1:%d", n.rpcPort), fmt.Sprintf("Error: Unable to bind to 127.0.0.1:%d on this computer.", n.rpcPort)},
	} {
		other := newNode(t, "regtest", tc.arg)
		other.launch()
		err := <-other.ended
		other.ended <- err
		require.Error(t, err)
		require.Contains(t, other.stderr.String(), tc.text)
	}
	n.stop()
}

func TestGetcompartmentsShowsLatencies(t *testing.T) {
	n := startNode(t, "regtest")
	const asked = 50
	for range asked {
		n.must("getblockcount")
	}
	type entry struct {
		Instance string
		PID      int
		Waiting  *int
		Silent   *int64 `json:"silent_ms"`
		Latency  map[string]struct {
			Calls, Errors uint64
			P50           uint64 `json:"p50_us"`
			P99           uint64 `json:"p99_us"`
			Histogram     map[string]uint64
		}
	}
	raw, err := n.call("getcompartments")
	require.NoError(t, err)
	var list []entry
	require.NoError(t, json.Unmarshal(raw, &list))
	by := map[string]entry{}
	for _, e := range list {
		require.NotNil(t, e.Waiting, e.Instance)
		require.NotNil(t, e.Silent, e.Instance)
		require.NotNil(t, e.Latency, e.Instance)
		by[e.Instance] = e
	}
	l, ok := by["node"].Latency["rpc.getblockcount"]
	require.True(t, ok, "%s", raw)
	require.GreaterOrEqual(t, l.Calls, uint64(asked))
	var sum uint64
	for _, count := range l.Histogram {
		sum += count
	}
	require.Equal(t, l.Calls, sum)
	require.Positive(t, l.P50)
	require.LessOrEqual(t, l.P50, l.P99)
	require.Equal(t, 1, *by["supervisor"].Waiting, "the question itself")
	require.NotContains(t, by["node"].Latency, "rpc.stop", "nobody has called it, nor does the node offer it")
	n.stop()
}

// TestATraceFollowsARequestThroughItsHops pays with a wallet: the request goes
// from the gateway to the wallet, and from there to the node.
func TestATraceFollowsARequestThroughItsHops(t *testing.T) {
	n := startNode(t, "regtest", "-debug=ipc")
	n.must("createwallet", "purse")
	address := n.must("getnewaddress").(string)
	n.must("generatetoaddress", 101, address)
	n.eventually("the money", func() error {
		if balance := n.must("getbalance").(float64); balance != 50 {
			return fmt.Errorf("balance is %v", balance)
		}
		return nil
	})
	n.must("sendtoaddress", address, 1)
	n.stop()
	raw, err := os.ReadFile(filepath.Join(n.net, "debug.log"))
	require.NoError(t, err)
	request := regexp.MustCompile(`\[ipc\] RPC trace=([0-9a-f]{16}) method=sendtoaddress user=__cookie__`).FindStringSubmatch(string(raw))
	require.NotNil(t, request, "the gateway logs the request")
	var hops []string
	hop := regexp.MustCompile(`\[ipc\] (request|reply) id=\d+ trace=` + request[1] + ` from=(\S+) to=(\S+) method=(\S+) `)
	for _, m := range hop.FindAllStringSubmatch(string(raw), -1) {
		hops = append(hops, strings.Join(m[1:], " "))
	}
	require.Subset(t, hops, []string{
		"request gateway wallet.purse. rpc.sendtoaddress",
		"request wallet.purse. node node.tx.broadcast",
		"reply node wallet.purse. node.tx.broadcast",
		"reply wallet.purse. gateway rpc.sendtoaddress",
	})
	require.NotRegexp(t, `RPC trace=0{16} `, string(raw))
}

// TestAGatewayElsewhereServesMetricsAndIsListed: it has a link but no process
// of the node's.
func TestAGatewayElsewhereServesMetricsAndIsListed(t *testing.T) {
	n := startNode(t, "regtest", "-ipcbind=unix:bus.sock")
	port := freePort(t)
	args := append(attachArgs("unix:"+filepath.Join(n.net, "bus.sock"), n.keygen("gateway", "far")),
		fmt.Sprintf("-rpcport=%d", freePort(t)), fmt.Sprintf("-metricsbind=127.0.0.1:%d", port))
	part := startPart(t, host{}, "gateway", args...)
	figures := mustScrape(t, port)
	require.Contains(t, figures, `bulkhead_link_bytes_total{direction="in",instance="gateway.far",role="gateway"}`)
	require.NotContains(t, figures, `bulkhead_compartment_resident_bytes{instance="gateway.far",role="gateway"}`)
	list, err := n.compartments()
	require.NoError(t, err)
	require.Contains(t, list, compartment{Instance: "gateway.far", Role: "gateway"})
	part.stop(os.Interrupt)
	n.eventually("the far gateway to leave the list", func() error {
		list, err := n.compartments()
		for _, c := range list {
			if c.Instance == "gateway.far" {
				err = fmt.Errorf("it is still there")
			}
		}
		return err
	})
	n.stop()
}
