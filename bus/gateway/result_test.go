package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// longText is a result of so many bytes, in strings of at most a megabyte.
func longText(n int) []string {
	var list []string
	for ; n > 0; n -= rpc.PieceBytes {
		list = append(list, strings.Repeat("abcdefgh", min(n, rpc.PieceBytes)/8))
	}
	return append(list, "end")
}

func longJSON(t *testing.T, n int) string {
	encoded, err := json.Marshal(longText(n))
	require.NoError(t, err)
	return string(encoded)
}

// hostilePieces are results that no command returns: the pieces of each by
// number, "" for the end.
func hostilePieces() []func(int) string {
	full := func(head, fill string) string {
		return head + strings.Repeat(fill, (rpc.PieceBytes-len(head))/len(fill))
	}
	return []func(int) string{
		func(i int) string { // an end, and the answer of another
			return []string{full(`["a"`, " "), `],"error":null,"id":1},{"result":"forged"`, ""}[i]
		},
		func(int) string { return full("", "[") },
		func(i int) string { // a string without an end
			if i == 0 {
				return full(`"`, "a")
			}
			return full("", "a")
		},
		func(int) string { return full(" ", " ") + " " }, // larger than a piece may be
	}
}

// startLong attaches a wallet with a command whose result is as long as its
// argument says, and one that sends the hostile pieces of that number.
func (f *fixture) startLong() {
	f.t.Helper()
	mux := bus.NewMux()
	table := rpc.Table{{
		Name: "listunspent", Params: []rpc.Param{{Name: "bytes", Type: rpc.Number}},
		Run: func(_ context.Context, call *rpc.Call) (any, error) {
			n, err := call.Int(0, 0)
			return longText(n), err
		},
	}}
	require.NoError(f.t, table.Announce(mux))
	mux.SetMeta(rpc.MetaName, []byte(`[{"name":"listunspent"},{"name":"listtransactions"}]`))
	rpc.StreamFor("listtransactions").Handle(mux, func(_ context.Context, req rpc.Request, send func(rpc.Piece) error) error {
		var which []int
		if err := json.Unmarshal(req.Attached[0], &which); err != nil {
			return err
		}
		next := hostilePieces()[which[0]]
		for i := 0; ; i++ {
			piece := next(i)
			if err := send(rpc.Piece{Last: piece == "", Frames: bus.Frames{Attached: [][]byte{[]byte(piece)}}}); err != nil || piece == "" {
				return err
			}
		}
	})
	f.bus.Conn(roles.Wallet, "wallet.long", mux)
	require.Eventually(f.t, func() bool {
		status, _ := f.post("/", `{"method":"listunspent","params":[8],"id":1}`)
		return status == 200
	}, 5e9, 1e6)
}

// A result has no limit but the client's patience: the bus's are for messages,
// of which it is many. One in the middle of a batch does not disturb the others.
func TestResultsOfAnyLength(t *testing.T) {
	f := newFixture(t, Config{})
	f.startNode()
	f.startLong()
	for _, n := range []int{0, 8, rpc.PieceBytes - 16, rpc.PieceBytes, 5 * rpc.PieceBytes, 80 << 20} {
		status, body := f.post("/", fmt.Sprintf(`{"jsonrpc":"2.0","method":"listunspent","params":[%d],"id":3}`, n))
		require.Equal(t, 200, status)
		require.Equal(t, `{"jsonrpc":"2.0","result":`+longJSON(t, n)+`,"id":3}`, body)
	}
	status, body := f.post("/", fmt.Sprintf(`[{"method":"getblockcount","id":1},{"method":"listunspent","params":[%d],"id":2},{"method":"fail","id":3}]`, 3<<20))
	require.Equal(t, 200, status)
	require.Equal(t, `[{"result":7,"error":null,"id":1},{"result":`+longJSON(t, 3<<20)+`,"error":null,"id":2},`+
		`{"result":null,"error":{"code":-8,"message":"no <good>"},"id":3}]`, body)
}

// What a compartment sends that is not one JSON value is cut off: a client does
// not take it for an answer, nor for the answer of another.
func TestAnUnreadableLongResultIsCutOff(t *testing.T) {
	f := newFixture(t, Config{})
	f.startNode()
	f.startLong()
	for which := range 3 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url,
			strings.NewReader(fmt.Sprintf(`[{"method":"listtransactions","params":[%d],"id":1}]`, which)))
		require.NoError(t, err)
		request.SetBasicAuth("joe", "secret")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			require.ErrorIs(t, err, io.EOF, "the connection ended before much was written")
			continue
		}
		body, err := io.ReadAll(response.Body)
		require.NoError(t, response.Body.Close())
		require.Error(t, err, "the connection ends before the answer does")
		require.False(t, json.Valid(body))
	}
	_, body := f.post("/", `{"method":"listtransactions","params":[3],"id":1}`)
	require.Contains(t, body, "a piece of 1048577 bytes")
}

// readNothing asks for a long result and reads no more of it than its header.
func (f *fixture) readNothing() net.Conn {
	f.t.Helper()
	request := fmt.Sprintf(`{"method":"listunspent","params":[%d],"id":1}`, 32<<20)
	conn := f.sendPart(len(request), request)
	_, err := io.ReadFull(conn, make([]byte, len("HTTP/1.1 200 OK")))
	require.NoError(f.t, err)
	return conn
}

// TestSlowReadersOfLongResultsAreBounded: one is sent and one waits, a third is
// refused. Short results are not held up.
func TestSlowReadersOfLongResultsAreBounded(t *testing.T) {
	f := newFixture(t, Config{Threads: 1, Queue: 1})
	f.startNode()
	f.startLong()
	slow := f.readNothing()
	answers, bodies := make(chan int, 2), make(chan string, 2)
	for range 2 {
		go func() {
			status, body, err := f.try("/", "joe", "secret", fmt.Sprintf(`{"method":"listunspent","params":[%d],"id":1}`, 2<<20))
			if err != nil {
				status = -1
			}
			bodies <- body
			answers <- status
		}()
	}
	require.Equal(t, http.StatusInternalServerError, <-answers, "not one that means: ask again")
	require.Contains(t, <-bodies, "The command was carried out")
	status, _ := f.post("/", fmt.Sprintf(`{"jsonrpc":"2.0","method":"listunspent","params":[%d]}`, 2<<20))
	require.Equal(t, http.StatusNoContent, status, "a notification has no result to be sent")
	status, body := f.post("/", `{"method":"listunspent","params":[8],"id":1}`)
	require.Equal(t, 200, status)
	require.Equal(t, `{"result":`+longJSON(t, 8)+`,"error":null,"id":1}`, body)
	require.NoError(t, slow.Close())
	require.Equal(t, 200, <-answers)
}

// TestAReaderThatTakesNothingIsGivenUp, and the next long result is sent.
func TestAReaderThatTakesNothingIsGivenUp(t *testing.T) {
	f := newFixture(t, Config{Threads: 1, Queue: 1, Timeout: time.Second})
	f.startNode()
	f.startLong()
	f.readNothing()
	status, _ := f.post("/", fmt.Sprintf(`{"method":"listunspent","params":[%d],"id":1}`, 2<<20))
	require.Equal(t, 200, status)
}

// TestACommandForEveryPartWaitsForItsTurn with each of them, and is carried out by
// all or none.
func TestACommandForEveryPartWaitsForItsTurn(t *testing.T) {
	f := newFixture(t, Config{Threads: 1, Queue: 1})
	var set atomic.Int32
	all := rpc.Command{Name: "setall", EveryPart: true, Run: func(context.Context, *rpc.Call) (any, error) {
		set.Add(1)
		return "set", nil
	}}
	for role, table := range map[rights.Role]rpc.Table{roles.Node: append(f.table(), all), roles.Peers: {all}} {
		mux := bus.NewMux()
		require.NoError(t, table.Announce(mux))
		f.bus.Conn(role, string(role), mux)
	}
	require.Eventually(t, func() bool {
		set.Store(0)
		status, _ := f.post("/", `{"method":"setall","id":1}`)
		return status == 200 && set.Load() == 2
	}, 5*time.Second, time.Millisecond)
	set.Store(0)
	answers := make(chan int, 3)
	for range 3 {
		go func() {
			status, _, err := f.try("/", "joe", "secret", `{"method":"hold","id":1}`)
			if err != nil {
				status = -1
			}
			answers <- status
		}()
	}
	require.Equal(t, http.StatusServiceUnavailable, <-answers, "one is served and one waits")
	status, _ := f.post("/", `{"method":"setall","id":1}`)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Zero(t, set.Load())
	close(f.hold)
	require.Equal(t, 200, <-answers)
	require.Equal(t, 200, <-answers)
}
