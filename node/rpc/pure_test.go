package rpc_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	noderpc "github.com/bulkheadnode/bulkhead/node/rpc"
)

// pureTable is the commands of a node on regtest that has neither chain nor mempool:
// those that need none of them run.
func pureTable(t *testing.T) rpc.Table {
	return noderpc.Table(&noderpc.Node{Params: chaintest.Regtest(t), Log: slog.New(slog.DiscardHandler)})
}

// answerOf returns the JSON of a command's result.
func answerOf(t *testing.T, table rpc.Table, method, params string) (string, error) {
	t.Helper()
	for _, command := range table {
		if command.Name != method {
			continue
		}
		call, err := rpc.NewCall(&command, params)
		if err != nil {
			return "", err
		}
		result, err := command.Run(t.Context(), call)
		if err != nil {
			return "", err
		}
		require.NoError(t, command.CheckResult(result))
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		require.NoError(t, encoder.Encode(result))
		return string(bytes.TrimSpace(b.Bytes())), nil
	}
	require.Fail(t, "no such command: "+method)
	return "", nil
}

// refusal is an answer that is an error.
type refusal struct {
	method, params string
	code           rpc.Code
	text           string
}

func requireRefusals(t *testing.T, table rpc.Table, list []refusal) {
	t.Helper()
	for _, want := range list {
		_, err := answerOf(t, table, want.method, want.params)
		require.Equal(t, &rpc.Error{Code: want.code, Message: want.text}, err, "%s %s", want.method, want.params)
	}
}
