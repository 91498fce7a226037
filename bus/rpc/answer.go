package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/bulkheadnode/bulkhead/bus"
)

// PieceBytes is the most of a result that one piece holds, and pieceWindow how
// many pieces may be under way: a reader that stops stops the server.
const (
	PieceBytes  = 1 << 20
	pieceWindow = 8
)

// Piece is one item of an answer: an error if Code is not zero, else bytes of
// the JSON of the result in Attached[0]. A result of any length is some pieces.
type Piece struct {
	Code    int    `cbor:"1,keyasint,omitempty"`
	Message string `cbor:"2,keyasint,omitempty"`
	Last    bool   `cbor:"3,keyasint,omitempty"`
	bus.Frames
}

// StreamFor returns the stream that serves a command.
func StreamFor(name string) bus.Stream[Request, Piece] {
	return bus.Stream[Request, Piece]("rpc." + name)
}

// sendPieces sends the JSON of a result, of which nothing is copied.
func sendPieces(encoded []byte, send func(Piece) error) error {
	for {
		n := min(len(encoded), PieceBytes)
		last := n == len(encoded)
		if err := send(Piece{Last: last, Frames: bus.Frames{Attached: [][]byte{encoded[:n:n]}}}); err != nil || last {
			return err
		}
		encoded = encoded[n:]
	}
}

// Answer reads the JSON of a result as it arrives. It must be closed.
type Answer struct {
	ctx     context.Context
	items   *bus.Items[Piece]
	pending []byte // of the piece that is being read
	last    bool   // pending is the end
}

// Open asks for a command and waits for the first piece of its answer. The
// error is an *Error if the command failed, else the bus's. An instance of ""
// stands for any that offers the command. ctx bounds the whole answer.
func Open(ctx context.Context, conn *bus.Conn, instance, name string, req Request) (*Answer, error) {
	items, err := StreamFor(name).OpenAt(ctx, conn, instance, req, pieceWindow)
	if err != nil {
		return nil, err
	}
	a := &Answer{ctx: ctx, items: items}
	if err := a.next(); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// Whole returns the result if it has arrived completely, as results of up to
// PieceBytes have, and nothing of it was read; nil else.
func (a *Answer) Whole() json.RawMessage {
	if !a.last {
		return nil
	}
	return a.pending
}

// Read reads the JSON of the result.
func (a *Answer) Read(p []byte) (int, error) {
	for len(a.pending) == 0 {
		if a.last {
			return 0, io.EOF
		}
		if err := a.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, a.pending)
	a.pending = a.pending[n:]
	return n, nil
}

// next waits for a piece. What follows the last one is the stream's end, which
// is taken too, so that there is nothing left to cancel.
func (a *Answer) next() error {
	piece, err := a.items.Next(a.ctx)
	switch {
	case errors.Is(err, io.EOF):
		return Errorf(InternalError, "an answer without an end")
	case err != nil:
		return err
	case piece.Code != 0:
		return &Error{Code: Code(piece.Code), Message: piece.Message}
	case len(piece.Attached) != 1:
		return Errorf(InternalError, "%d frames instead of one", len(piece.Attached))
	case len(piece.Attached[0]) > PieceBytes:
		return Errorf(InternalError, "a piece of %d bytes", len(piece.Attached[0]))
	}
	a.pending, a.last = piece.Attached[0], piece.Last
	if !a.last {
		return nil
	}
	if _, err := a.items.Next(a.ctx); !errors.Is(err, io.EOF) {
		return errors.Join(err, Errorf(InternalError, "something follows an answer's end"))
	}
	return nil
}

// Close gives up what was not read.
func (a *Answer) Close() { a.items.Close() }

// Ask is Open for a result that fits into memory: it returns the whole of it,
// at most most bytes.
func Ask(ctx context.Context, conn *bus.Conn, instance, name string, req Request, most int64) (json.RawMessage, error) {
	a, err := Open(ctx, conn, instance, name, req)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	if whole := a.Whole(); whole != nil && int64(len(whole)) <= most {
		return whole, nil
	}
	result, err := io.ReadAll(io.LimitReader(a, most+1))
	if err == nil && int64(len(result)) > most {
		err = Errorf(InternalError, "%s answered more than %d bytes", name, most)
	}
	return result, err
}
