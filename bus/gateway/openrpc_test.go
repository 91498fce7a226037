package gateway

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// document asks for the OpenRPC document, with the parameters of getopenrpcinfo.
func (f *fixture) document(method, params string) openRPCDocument {
	f.t.Helper()
	status, text := f.post("/", `{"method":"`+method+`","params":`+params+`,"id":1}`)
	require.Equal(f.t, 200, status, text)
	var answer struct{ Result openRPCDocument }
	require.NoError(f.t, json.Unmarshal([]byte(text), &answer))
	return answer.Result
}

// methods returns the methods of a document by name.
func (d openRPCDocument) methods() map[string]openRPCMethod {
	byName := map[string]openRPCMethod{}
	for _, m := range d.Methods {
		byName[m.Name] = m
	}
	return byName
}

// startDocumented attaches a part whose commands have all that documents tell.
func (f *fixture) startDocumented() {
	f.t.Helper()
	mux := bus.NewMux()
	table := rpc.Table{
		{Name: "getthing", Category: "Util", Summary: "Gets it.\n", Returns: map[string]int{}, Params: []rpc.Param{
			{Name: "verbosity|verbose", Type: rpc.Number, Optional: true, Default: "1", Help: "How much."},
			{Name: "dummy", Type: rpc.String, Optional: true, Placeholder: true},
			{Name: "options", Type: rpc.Object, Optional: true, Members: []string{"name"}, Inner: []rpc.Param{{Name: "name", Type: rpc.String, Optional: true}}},
			{Name: "wait", Type: rpc.Number, Optional: true, Hidden: true},
		}},
		{Name: "poke", Category: "hidden", Summary: "Pokes."},
	}
	require.NoError(f.t, table.Announce(mux))
	f.bus.Conn(roles.Wallet, "wallet.documented", mux)
}

func TestOpenRPCDocument(t *testing.T) {
	f := newFixture(t, Config{Product: "Bulkhead", Version: "0.1.0"})
	f.startNode()
	f.startDocumented()
	doc := f.document("getopenrpcinfo", "[]")
	require.Equal(t, "1.4.1", doc.OpenRPC)
	require.Equal(t, openRPCInfo{"Bulkhead JSON-RPC", "v0.1.0", "Made of what the compartments of Bulkhead announce."}, doc.Info)
	require.IsIncreasing(t, namesOf(doc))
	require.Equal(t, doc, f.document("rpc.discover", "[]"))
	require.Equal(t, openRPCMethod{
		Name: "getthing", Description: "Gets it.", Category: "util",
		Params: []openRPCParam{
			{Name: "verbosity", Aliases: []string{"verbose"}, Schema: json.RawMessage(`{"default":1,"type":"number"}`), Description: "How much."},
			{Name: "dummy", Schema: json.RawMessage(`{"type":"string"}`), Placeholder: true},
			{Name: "options", Schema: json.RawMessage(`{"additionalProperties":false,"properties":{"name":{"type":"string"}},"type":"object"}`)},
		},
		Result: openRPCResult{"result", json.RawMessage(`{"additionalProperties":{"type":"number"},"type":"object"}`)},
	}, doc.methods()["getthing"])
	require.JSONEq(t, `{}`, string(doc.methods()["getblockcount"].Result.Schema), "nothing is told of it")
	require.NotContains(t, doc.methods(), "poke")

	all := f.document("getopenrpcinfo", "[true]").methods()
	require.Contains(t, all, "poke")
	require.Equal(t, "wait", all["getthing"].Params[3].Name)
	require.Equal(t, []openRPCParam{}, all["rpc.discover"].Params)
}

func namesOf(doc openRPCDocument) []string {
	names := make([]string, len(doc.Methods))
	for i, m := range doc.Methods {
		names[i] = m.Name
	}
	return names
}

// What the gateway itself answers is as it says.
func TestOwnResultsAreAsAnnounced(t *testing.T) {
	g := &gateway{directory: newDirectory(), calls: map[uint64]activeCall{1: {method: "stop"}}}
	for method, params := range map[string]string{
		"getopenrpcinfo": "[true]", "rpc.discover": "[]", "getrpcinfo": "[]", "help": `["dump_all_command_conversions"]`, "echo": `[1,"x",null]`,
	} {
		command, known := g.table().Find(method)
		require.True(t, known, method)
		call, err := rpc.NewCall(command, params)
		require.NoError(t, err)
		result, err := command.Run(t.Context(), call)
		require.NoError(t, err)
		require.NoError(t, command.CheckResult(result))
	}
}

func TestConversionsOfWords(t *testing.T) {
	f := newFixture(t, Config{})
	f.startNode()
	f.startDocumented()
	_, text := f.post("/", `{"method":"help","params":["dump_all_command_conversions"],"id":1}`)
	for _, want := range []string{
		`["getthing",0,"verbosity",false],["getthing",0,"verbose",false],["getthing",1,"dummy",true],["getthing",2,"options",false],["getthing",2,"name",true],["getthing",3,"wait",false]`,
		`["echo",0,"arg0",true]`, `["echojson",9,"arg9",true]`, `["help",0,"command",true]`,
	} {
		require.Contains(t, text, want)
	}
}

// What a part tells of its commands may lack anything.
func TestDocumentOfAPoorAnnouncement(t *testing.T) {
	info, err := rpc.ParseTable([]byte(`[{"name":"x","params":[{},{"names":["a"]}]}]`))
	require.NoError(t, err)
	require.Equal(t, openRPCMethod{
		Name: "x", Params: []openRPCParam{{Name: "a", Schema: json.RawMessage("{}"), Aliases: []string{}}},
		Result: openRPCResult{"result", json.RawMessage("{}")},
	}, newOpenRPCMethod(info[0], false))
}
