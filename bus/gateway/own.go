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
	return rpc.Table{
		{
			Name: "help", Category: "Control",
			Summary: "List all commands, or get help for a specified command.",
			Params:  []rpc.Param{{Name: "command", Type: rpc.String, Optional: true, Default: "all commands", Help: "The command to get help on"}},
			Result:  `"str"    (string) The help text`,
			Run:     g.help,
		},
		{
			Name: "getrpcinfo", Category: "Control",
			Summary: "Returns details of the RPC server.",
			Result:  `{"active_commands": [{"method": "str", "duration": n (microseconds)}, ...], "logpath": "str"}`,
			Run:     g.info,
		},
		echo("echo", rpc.Verbatim), echo("echojson", rpc.ByType),
	}
}

// maxEcho is how many arguments echo takes.
const maxEcho = 10

// echo returns its arguments, for tests of clients.
func echo(name string, word rpc.Word) rpc.Command {
	c := rpc.Command{
		Name: name, Category: "hidden", Summary: "Echoes its arguments back. For testing only.\n" +
			"It fails like a defect when arg9=trigger_internal_bug is passed.",
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
		c.Params = append(c.Params, rpc.Param{Name: fmt.Sprintf("arg%d", i), Word: word, Optional: true})
	}
	return c
}

func (g *gateway) info(context.Context, *rpc.Call) (any, error) {
	type active struct {
		Method   string `json:"method"`
		Duration int64  `json:"duration"`
	}
	result := struct {
		Active  []active `json:"active_commands"`
		LogPath string   `json:"logpath"`
	}{Active: []active{}, LogPath: g.cfg.LogPath}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, call := range g.calls {
		result.Active = append(result.Active, active{call.method, time.Since(call.start).Microseconds()})
	}
	slices.SortFunc(result.Active, func(a, b active) int { return int(b.Duration - a.Duration) })
	return result, nil
}

func (g *gateway) help(_ context.Context, call *rpc.Call) (any, error) {
	name, err := call.Text(0, "")
	if err != nil {
		return nil, err
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
		if info.Category == "hidden" {
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
