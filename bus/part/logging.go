package part

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// Categories are those of a log: each has debug lines that are written or not. Its
// methods may be called from any goroutine.
type Categories interface {
	// Change writes those in include from now on, and then not those in exclude. An
	// unknown one is returned, and nothing is changed.
	Change(include, exclude []string) (unknown string, ok bool)
	// Active tells of every category whether its debug lines are written.
	Active() map[string]bool
}

func (e Env) logging() rpc.Command {
	return rpc.Command{
		Name: "logging", Returns: map[string]bool{}, Category: "Control", EveryPart: true,
		Summary: "Gets and sets the logging configuration of all processes.\n" +
			"Without an argument, returns the categories and whether each is being debug logged.\n" +
			"With arguments, adds categories to debug logging or removes them, and returns the same.\n" +
			"What is in both lists ends up excluded. \"all\" and \"1\" stand for all categories." + e.validCategories(),
		Params: []rpc.Param{
			{Name: "include", Type: rpc.Array, Inner: []rpc.Param{{Name: "include_category", Type: rpc.String, Help: "A category"}}, Optional: true, Help: "The categories to add to debug logging."},
			{Name: "exclude", Type: rpc.Array, Inner: []rpc.Param{{Name: "exclude_category", Type: rpc.String, Help: "A category"}}, Optional: true, Help: "The categories to remove from debug logging."},
		},
		Result: "object: category, and whether it is logged",
		Run: func(_ context.Context, call *rpc.Call) (any, error) {
			if e.Categories == nil {
				return nil, rpc.Errorf(rpc.MiscError, "the log of %s cannot be changed", e.Name)
			}
			var lists [2][]string
			for i := range lists {
				if err := call.Decode(i, &lists[i]); err != nil {
					return nil, err
				}
			}
			if unknown, ok := e.Categories.Change(lists[0], lists[1]); !ok {
				return nil, rpc.Errorf(rpc.InvalidParameter, "unknown logging category %s", unknown)
			}
			return e.Categories.Active(), nil
		},
	}
}

func (e Env) validCategories() string {
	if e.Categories == nil {
		return ""
	}
	names := slices.Sorted(maps.Keys(e.Categories.Active()))
	return "\nThe valid logging categories are: " + strings.Join(names, ", ")
}
