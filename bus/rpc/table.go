package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus"
)

// MetaName is the key of the table in a part's announcement.
const MetaName = "rpc"

// Command is one JSON-RPC method.
type Command struct {
	Name     string
	Category string // of help: "Blockchain", "Network", ...; "hidden" keeps it out of the list
	Summary  string // what it does, one or more sentences
	Params   []Param
	Result   string // what it returns, for help; without it help shows Returns
	// Returns is a value of the type that Run returns, or a Describer; nil if nothing can
	// be said of that.
	Returns any
	// Examples are parameters, each a JSON array, for help.
	Examples []string
	HelpText string // instead of a help text made of all this
	// EveryPart makes the gateway call all parts that offer the command; the
	// first error, or else any result, is the answer.
	EveryPart bool
	// PerWallet makes the gateway choose the instance by the wallet in the
	// request's path.
	PerWallet bool
	Run       func(ctx context.Context, call *Call) (any, error) `json:"-"`
}

// Table is the commands that a part offers.
type Table []Command

// Names lists the commands.
func (t Table) Names() []string {
	names := make([]string, len(t))
	for i, command := range t {
		names[i] = command.Name
	}
	return names
}

// Request asks for a command on the bus; Attached[0] is the JSON of the
// parameters: an array, an object, or nothing.
type Request struct {
	User   string `cbor:"1,keyasint,omitempty"`
	Wallet string `cbor:"2,keyasint,omitempty"`
	// File is the number of the open file that the command is to use (FileUse), NoFile
	// if it could not be opened, 0 if the part is to open it.
	File uint64 `cbor:"3,keyasint,omitempty"`
	bus.Frames
}

// Announce makes mux offer the commands and tell of them.
func (t Table) Announce(mux *bus.Mux) error {
	infos := make([]Info, len(t))
	for i, command := range t {
		var err error
		if infos[i], err = command.info(); err != nil {
			return fmt.Errorf("rpc table: %w", err)
		}
		StreamFor(command.Name).Handle(mux, command.serve)
	}
	meta, err := json.Marshal(infos)
	if err != nil {
		return fmt.Errorf("rpc table: %w", err)
	}
	mux.SetMeta(MetaName, meta)
	return nil
}

// ParseTable decodes what Announce told.
func ParseTable(meta []byte) ([]Info, error) {
	var infos []Info
	err := json.Unmarshal(meta, &infos)
	return infos, err
}

func (c Command) serve(ctx context.Context, req Request, send func(Piece) error) error {
	result, err := c.answer(ctx, req)
	if err == nil {
		var encoded []byte
		if encoded, err = marshal(result); err == nil {
			return sendPieces(encoded, send)
		}
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return err // the bus knows what that means
	}
	e := AsError(err)
	// A name of a file in the text may be no UTF-8, which CBOR does not allow.
	return send(Piece{Code: int(e.Code), Message: strings.ToValidUTF8(e.Message, "?"), Last: true})
}

func (c Command) answer(ctx context.Context, req Request) (any, error) {
	var params []byte
	if len(req.Attached) > 0 {
		params = req.Attached[0]
	}
	args, err := c.arguments(params)
	if err != nil {
		return nil, err
	}
	return c.Run(ctx, &Call{User: req.User, Wallet: req.Wallet, File: req.File, command: &c, args: args})
}
