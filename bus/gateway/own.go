package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// activeCall is a request in progress, for getrpcinfo.
type activeCall struct {
	method string
	start  time.Time
}

func (g *gateway) enter(method string) uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.nextCall++
	g.calls[g.nextCall] = activeCall{method, time.Now()}
	return g.nextCall
}

func (g *gateway) leave(id uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.calls, id)
}

// Commands lists what the gateway itself offers to JSON-RPC clients.
func Commands() rpc.Table { return (&gateway{}).table() }

// table is what the gateway itself answers.
func (g *gateway) table() rpc.Table {
	return append(g.openRPCCommands(), rpc.Table{
		{
			Name: "help", Examples: []string{`[]`, `["getblock"]`}, Category: "Control",
			Summary: "List all commands, or get help for a specified command.",
			Params:  []rpc.Param{{Name: "command", Type: rpc.String, Optional: true, Default: "all commands", Help: "The command to get help on"}},
			Result:  `"str"    (string) The help text`,
			Returns: rpc.Alternatives{"", [][]any{}}, Run: g.help,
		},
		{
			Name: "getrpcinfo", Category: "Control",
			Summary: "Returns details of the RPC server.",
			Returns: rpcInfo{}, Run: g.info,
		},
		echo("echo", rpc.Verbatim), echo("echojson", rpc.ByType),
	}...)
}

// hiddenCategory is that of commands that are not listed.
const hiddenCategory = "hidden"

// maxEcho is how many arguments echo takes.
const maxEcho = 10

// echo returns its arguments, for tests of clients.
func echo(name string, word rpc.Word) rpc.Command {
	c := rpc.Command{
		Name: name, Category: hiddenCategory, Summary: "Echoes its arguments back. For testing only.\n" +
			"It fails like a defect when arg9=trigger_internal_bug is passed.",
		Returns: []json.RawMessage{},
		Run: func(_ context.Context, call *rpc.Call) (any, error) {
			args := []json.RawMessage{}
			for i := range call.Len() {
				args = append(args, call.Raw(i))
			}
			if len(args) == maxEcho && string(args[maxEcho-1]) == `"trigger_internal_bug"` {
				return nil, rpc.Errorf(rpc.MiscError, `Internal bug detected: request.params[9].get_str() != "trigger_internal_bug"`)
			}
			return args, nil
		},
	}
	for i := range maxEcho {
		c.Params = append(c.Params, rpc.Param{Name: fmt.Sprintf("arg%d", i), Form: rpc.Anything, Word: word, Optional: true})
	}
	return c
}

// rpcInfo is what getrpcinfo shows.
type rpcInfo struct {
	Active  []shownCall `json:"active_commands"`
	LogPath string      `json:"logpath"`
}

type shownCall struct {
	Method   string `json:"method"`
	Duration int64  `json:"duration"` // microseconds
}

func (g *gateway) info(context.Context, *rpc.Call) (any, error) {
	result := rpcInfo{Active: []shownCall{}, LogPath: g.cfg.LogPath}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, call := range g.calls {
		result.Active = append(result.Active, shownCall{call.method, time.Since(call.start).Microseconds()})
	}
	slices.SortFunc(result.Active, func(a, b shownCall) int { return int(b.Duration - a.Duration) })
	return result, nil
}

// allConversions has help list how a client makes words of a command line JSON.
const allConversions = "dump_all_command_conversions"

func (g *gateway) help(_ context.Context, call *rpc.Call) (any, error) {
	name, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	if name == allConversions {
		return g.conversions(), nil
	}
	if name != "" {
		info, _, known := g.directory.lookup(name)
		if !known {
			return fmt.Sprintf("help: unknown command: %s", name), nil
		}
		return info.Help, nil
	}
	var b strings.Builder
	category := ""
	for _, info := range g.directory.all() {
		if info.Category == hiddenCategory {
			continue
		}
		if info.Category != category {
			if category != "" {
				b.WriteString("\n")
			}
			category = info.Category
			fmt.Fprintf(&b, "== %s ==\n", category)
		}
		b.WriteString(info.Usage + "\n")
	}
	return strings.TrimRight(b.String(), "\n"), nil
}
