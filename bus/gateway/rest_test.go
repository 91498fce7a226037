package gateway

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// longBlock is more than one piece of a result.
const longBlock = 3 << 20

// startChain attaches a node with commands that REST is made of.
func (f *fixture) startChain(run func(context.Context, *rpc.Call) (any, error)) {
	mux := bus.NewMux()
	returning := func(result any) func(context.Context, *rpc.Call) (any, error) {
		return func(context.Context, *rpc.Call) (any, error) { return result, nil }
	}
	hash, detail := rpc.Param{Name: "hash"}, rpc.Param{Name: "detail", Optional: true}
	require.NoError(f.t, rpc.Table{
		{Name: "getblockcount", Run: returning(3)},
		{Name: "getblockchaininfo", Run: returning(map[string]string{"chain": "<test>"})},
		{Name: "getblock", Params: []rpc.Param{hash, detail}, Run: func(_ context.Context, call *rpc.Call) (any, error) {
			if level, err := call.Int(1, 0); err != nil || level > 0 {
				return longText(longBlock), err
			}
			return strings.Repeat("ab", longBlock), nil
		}},
		{Name: "rest_tx", Params: []rpc.Param{hash, detail}, Run: run},
	}.Announce(mux))
	_, f.stop = f.bus.Conn(roles.Node, "node", mux)
	require.Eventually(f.t, func() bool {
		status, _ := f.post("/", `{"method":"getblockcount","id":1}`)
		return status == 200
	}, 5*time.Second, time.Millisecond)
}

func noTx(context.Context, *rpc.Call) (any, error) {
	return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "nothing")
}

type restAnswer struct {
	status            int
	kind, cache, body string
	length            int64
}

func (f *fixture) fetch(method, target string) (restAnswer, error) {
	req, err := http.NewRequest(method, f.url+target, nil)
	require.NoError(f.t, err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return restAnswer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return restAnswer{resp.StatusCode, resp.Header.Get("Content-Type"), resp.Header.Get("Cache-Control"), string(body), resp.ContentLength}, err
}

func TestRESTIsServedWithoutAPassword(t *testing.T) {
	f := newFixture(t, Config{REST: true})
	f.startChain(noTx)
	hash := strings.Repeat("0", 64)
	for _, tc := range []struct {
		method, target string
		want           restAnswer
	}{
		{"GET", "/rest/chaininfo.json", restAnswer{200, "application/json", "no-store", "{\"chain\":\"<test>\"}\n", 19}},
		{"PUT", "/rest/chaininfo.json", restAnswer{200, "application/json", "no-store", "{\"chain\":\"<test>\"}\n", 19}},
		{"GET", "/rest/tx/" + hash + ".bin", restAnswer{404, "text/plain", "no-store", hash + " not found\r\n", 76}},
		{"GET", "/rest/tx/abc.bin", restAnswer{400, "text/plain", "no-store", "Invalid hash: abc\r\n", 19}},
		{"GET", "/rest/block/" + hash + ".txt", restAnswer{400, "text/plain", "no-store", "Invalid hash: " + hash + ".txt\r\n", 84}},
		{"GET", "/rest/block/" + hash, restAnswer{404, "text/plain", "no-store", "output format not found (available: .bin, .hex, .json)\r\n", 56}},
		{"GET", "/rest/block/" + hash + ".bin", restAnswer{200, "application/octet-stream", "public, immutable, max-age=86400", strings.Repeat("\xab", longBlock), -1}},
		{"GET", "/rest/block/" + hash + ".hex", restAnswer{200, "text/plain", "public, immutable, max-age=86400", strings.Repeat("ab", longBlock) + "\n", -1}},
		{"GET", "/rest/block/" + hash + ".json", restAnswer{200, "application/json", "no-store", longJSON(t, longBlock) + "\n", -1}},
	} {
		got, err := f.fetch(tc.method, tc.target)
		require.NoError(t, err)
		require.Equal(t, tc.want, got, tc.target)
	}
	for target, status := range map[string]int{"/rest": 404, "/rest/": 404, "/rest/nothing": 404, "/rest/tx": 404, "/other": 404, "/": 405} {
		got, err := f.fetch("GET", target)
		require.NoError(t, err)
		require.Equal(t, status, got.status, target)
	}
	got, err := f.fetch("DELETE", "/rest/chaininfo.json")
	require.NoError(t, err)
	require.Equal(t, 405, got.status)
	require.Equal(t, "no-store", got.cache)
}

func TestRESTIsOffUnlessSwitchedOn(t *testing.T) {
	f := newFixture(t, Config{})
	f.startChain(noTx)
	got, err := f.fetch("GET", "/rest/chaininfo.json")
	require.NoError(t, err)
	require.Equal(t, 404, got.status)
	require.Equal(t, "no-store", got.cache)
}

// An answer of one that has broken off must not look whole.
func TestAWrongLongResultIsCutOff(t *testing.T) {
	f := newFixture(t, Config{REST: true})
	f.startChain(func(context.Context, *rpc.Call) (any, error) { return strings.Repeat("a", longBlock) + "x", nil })
	_, err := f.fetch("GET", "/rest/tx/"+strings.Repeat("0", 64)+".hex")
	require.Error(t, err)
	f.stop()
	f.startChain(func(context.Context, *rpc.Call) (any, error) { return 5, nil })
	got, err := f.fetch("GET", "/rest/tx/"+strings.Repeat("0", 64)+".hex")
	require.NoError(t, err)
	require.Equal(t, 500, got.status)
}

// REST has the places of the commands and no others.
func TestRESTIsRefusedWhenTheQueueIsFull(t *testing.T) {
	f := newFixture(t, Config{REST: true, Threads: 1, Queue: 1})
	began, goOn := make(chan struct{}, 2), make(chan struct{})
	f.startChain(func(ctx context.Context, _ *rpc.Call) (any, error) {
		began <- struct{}{}
		select {
		case <-goOn:
		case <-ctx.Done():
		}
		return "00", nil
	})
	target := "/rest/tx/" + strings.Repeat("0", 64) + ".hex"
	answers := make(chan restAnswer, 8)
	ask := func() {
		got, err := f.fetch("GET", target)
		if err != nil {
			got.body = err.Error()
		}
		answers <- got
	}
	go ask()
	<-began
	for range 3 {
		go ask()
	}
	// One waits for its turn; the others find no place.
	for range 2 {
		require.Equal(t, restAnswer{503, "text/plain", "no-store", "Work queue depth exceeded", 25}, <-answers)
	}
	close(goOn)
	for range 2 {
		require.Equal(t, "00\n", (<-answers).body)
	}
}

// The death of the node is a pause for clients of REST, too.
func TestRESTWaitsForANodeThatIsRestarted(t *testing.T) {
	f := newFixture(t, Config{REST: true, Hold: time.Minute})
	began := make(chan struct{}, 1)
	f.startChain(func(ctx context.Context, _ *rpc.Call) (any, error) {
		began <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	answer := make(chan restAnswer, 1)
	go func() {
		got, _ := f.fetch("GET", "/rest/tx/"+strings.Repeat("0", 64)+".hex")
		answer <- got
	}()
	<-began
	f.stop()
	f.startChain(func(context.Context, *rpc.Call) (any, error) { return "cd", nil })
	require.Equal(t, "cd\n", (<-answer).body)
}

func TestRESTTellsThatTheNodeIsStarting(t *testing.T) {
	f := newFixture(t, Config{REST: true})
	<-f.missing
	f.missing <- []string{"node"}
	got, err := f.fetch("GET", "/rest/chaininfo.json")
	require.NoError(t, err)
	require.Equal(t, 503, got.status)
	require.Equal(t, "Service temporarily unavailable: Starting compartments: waiting for node…\r\n", got.body)
}
