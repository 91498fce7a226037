package gateway

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// lendFiles does as the supervisor does, with the number 7.
func (f *fixture) lendFiles(mux *bus.Mux) {
	f.closed = make(chan msg.CloseFileRequest, 8)
	msg.OpenFile.Handle(mux, func(_ context.Context, req msg.OpenFileRequest) (msg.FileNumber, error) {
		require.Equal(f.t, "dumptxoutset", req.Command)
		switch req.Path {
		case "absent":
			return msg.FileNumber{}, errors.New("no folder")
		case "own":
			return msg.FileNumber{}, nil
		}
		return msg.FileNumber{Number: 7}, nil
	})
	msg.CloseFile.Handle(mux, func(_ context.Context, req msg.CloseFileRequest) (bus.None, error) {
		f.closed <- req
		if len(f.closed) == 3 {
			return bus.None{}, errors.New("no room for a name")
		}
		return bus.None{}, nil
	})
}

// dumping is a command that uses a file: it tells which.
var dumping = rpc.Command{
	Name: "dumptxoutset", Category: "hidden", Params: []rpc.Param{{Name: "path", Type: rpc.String}, {Name: "type", Type: rpc.String, Optional: true}},
	Run: func(_ context.Context, call *rpc.Call) (any, error) {
		if call.Has(1) {
			return nil, rpc.Errorf(rpc.InvalidParameter, "bad type")
		}
		return call.File == rpc.NoFile || call.File == 7, nil
	},
}

// TestAFileIsLentForACommand, and given back with how that ended.
func TestAFileIsLentForACommand(t *testing.T) {
	f := newFixture(t, Config{})
	f.startNode()
	for _, tc := range []struct{ params, answer string }{
		{`["a"]`, `{"result":true,"error":null,"id":1}`},
		{`{"path":"a","type":"x"}`, `{"result":null,"error":{"code":-8,"message":"bad type"},"id":1}`},
		{`["absent"]`, `{"result":true,"error":null,"id":1}`},
		{`["own"]`, `{"result":false,"error":null,"id":1}`},
		{`[5]`, `{"result":null,"error":{"code":-3,`},
		{`["a"]`, `{"result":null,"error":{"code":-1,"message":"ship.file.close: internal: no room for a name"},"id":1}`},
	} {
		_, text := f.post("/", `{"method":"dumptxoutset","params":`+tc.params+`,"id":1}`)
		require.Contains(t, text, tc.answer, tc.params)
	}
	for _, want := range []msg.CloseFileRequest{{Number: 7, Keep: true}, {Number: 7}, {Number: 7, Keep: true}} {
		require.Equal(t, want, <-f.closed)
	}
	require.Empty(t, f.closed)
}
