package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// errForbidden answers a user who may not call a command. A request is refused with an
// HTTP status instead, so it stands in no answer.
var errForbidden = &rpc.Error{Code: rpc.MiscError, Message: "Forbidden"}

// Whitelists say which commands users may call, by user. Who is not in it may call all
// or, if Config.ListedOnly says so, none.
type Whitelists map[string][]string

// ParseWhitelists reads the values of -rpcwhitelist, USER:COMMAND,COMMAND,... A user of
// whom several speak may call what all of them list; one without a colon lists nothing
// and takes nothing away.
func ParseWhitelists(values []string) Whitelists {
	lists := Whitelists{}
	for _, value := range values {
		user, commands, given := strings.Cut(value, ":")
		before, again := lists[user]
		if !given {
			lists[user] = before
			continue
		}
		listed := strings.FieldsFunc(commands, func(c rune) bool { return c == ',' || c == ' ' })
		if again {
			listed = slices.DeleteFunc(listed, func(command string) bool { return !slices.Contains(before, command) })
		}
		lists[user] = listed
	}
	return lists
}

// mayCall reports whether a user may call a command.
func (c Config) mayCall(user, command string) bool {
	listed, there := c.Whitelists[user]
	if !there {
		return !c.ListedOnly
	}
	return slices.Contains(listed, command)
}

// mayCallAny reports whether there may be a command that a user may call. Who has no list
// is refused before a request is looked at.
func (c Config) mayCallAny(user string) bool {
	_, there := c.Whitelists[user]
	return there || !c.ListedOnly
}

func (g *gateway) checkCall(user, command string) error {
	if g.cfg.mayCall(user, command) {
		return nil
	}
	g.logger.Warn(fmt.Sprintf("RPC User %s not allowed to call method %s", clean(user), clean(command)))
	return errForbidden
}

// checkBatch looks at all requests of a user with a list before the first is carried out:
// if one is refused, all are.
func (g *gateway) checkBatch(user string, raws []json.RawMessage) error {
	if _, there := g.cfg.Whitelists[user]; !there {
		return nil
	}
	for _, raw := range raws {
		var fields struct {
			Method json.RawMessage `json:"method"`
		}
		if first(raw) != '{' || json.Unmarshal(raw, &fields) != nil {
			return rpc.Errorf(rpc.InvalidRequest, "Invalid Request object")
		}
		var command string
		if err := rpc.Expect(fields.Method, rpc.String); err != nil {
			return rpc.Errorf(rpc.ParseError, "%v", err)
		}
		if err := json.Unmarshal(fields.Method, &command); err != nil {
			return rpc.Errorf(rpc.ParseError, "Parse error")
		}
		if err := g.checkCall(user, command); err != nil {
			return err
		}
	}
	return nil
}

// refuseBatch answers a batch of which checkBatch has said what is wrong.
func (g *gateway) refuseBatch(w http.ResponseWriter, err error) {
	if err == errForbidden {
		refuse(w, http.StatusForbidden)
		return
	}
	g.writeAnswer(w, &answer{request: unreadable(), err: rpc.AsError(err)})
}
