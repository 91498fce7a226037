package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// longText is a result of so many bytes.
func longText(n int) string { return strings.Repeat("abcdefgh", n/8) }

// startLong attaches a wallet with a command whose result is as long as its
// argument says, and one that sends pieces which are not JSON.
func (f *fixture) startLong() {
	f.t.Helper()
	mux := bus.NewMux()
	table := rpc.Table{{
		Name: "listunspent", Params: []rpc.Param{{Name: "bytes", Type: rpc.Number}},
		Run: func(_ context.Context, call *rpc.Call) (any, error) {
			n, err := call.Int(0, 0)
			return []string{longText(n), "end"}, err
		},
	}}
	require.NoError(f.t, table.Announce(mux))
	mux.SetMeta(rpc.MetaName, []byte(`[{"name":"listunspent","params":["bytes"]},{"name":"listtransactions","params":[]}]`))
	pieces := []string{`["a"` + strings.Repeat(" ", rpc.PieceBytes), `],"error":null,"id":1},{"result":"forged"`}
	rpc.StreamFor("listtransactions").Handle(mux, func(_ context.Context, _ rpc.Request, send func(rpc.Piece) error) error {
		for i, piece := range pieces {
			if err := send(rpc.Piece{Last: i == len(pieces)-1, Frames: bus.Frames{Attached: [][]byte{[]byte(piece)}}}); err != nil {
				return err
			}
		}
		return nil
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
		require.Equal(t, `{"jsonrpc":"2.0","result":["`+longText(n)+`","end"],"id":3}`, body)
	}
	status, body := f.post("/", fmt.Sprintf(`[{"method":"getblockcount","id":1},{"method":"listunspent","params":[%d],"id":2},{"method":"fail","id":3}]`, 3<<20))
	require.Equal(t, 200, status)
	require.Equal(t, `[{"result":7,"error":null,"id":1},{"result":["`+longText(3<<20)+`","end"],"error":null,"id":2},`+
		`{"result":null,"error":{"code":-8,"message":"no <good>"},"id":3}]`, body)
}

// What a compartment sends that is not one JSON value is cut off: a client does
// not take it for an answer, nor for the answer of another.
func TestAnUnreadableLongResultIsCutOff(t *testing.T) {
	f := newFixture(t, Config{})
	f.startNode()
	f.startLong()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url, strings.NewReader(`[{"method":"listtransactions","id":1}]`))
	require.NoError(t, err)
	request.SetBasicAuth("joe", "secret")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.Error(t, err, "the connection ends before the answer does")
	require.False(t, json.Valid(body))
}
