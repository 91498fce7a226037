package rpc

import (
	"errors"
	"fmt"

	"github.com/bulkheadnode/bulkhead/bus"
)

// Code is a JSON-RPC error code.
type Code int

// Error codes of JSON-RPC 2.0 and of Bitcoin Core (src/rpc/protocol.h).
const (
	InvalidRequest      Code = -32600
	MethodNotFound      Code = -32601
	InternalError       Code = -32603
	ParseError          Code = -32700
	MiscError           Code = -1
	TypeError           Code = -3
	WalletError         Code = -4
	InvalidAddressOrKey Code = -5
	InsufficientFunds   Code = -6
	OutOfMemory         Code = -7
	InvalidParameter    Code = -8
	ClientNotConnected  Code = -9
	InInitialDownload   Code = -10
	InvalidLabelName    Code = -11
	WalletKeypoolRanOut Code = -12
	DatabaseError       Code = -20
	DeserializationErr  Code = -22
	ClientNodeAdded     Code = -23
	ClientNodeNotAdded  Code = -24
	VerifyError         Code = -25
	VerifyRejected      Code = -26
	VerifyAlreadyInUTXO Code = -27
	InWarmup            Code = -28
	NodeNotConnected    Code = -29
	InvalidIPOrSubnet   Code = -30
	P2PDisabled         Code = -31
	MethodDeprecated    Code = -32
	ClientMempoolOff    Code = -33
	NodeCapacityReached Code = -34
	WalletNotFound      Code = -18
	WalletNotSpecified  Code = -19
	WalletAlreadyLoaded Code = -35
	WalletAlreadyExists Code = -36
	LimitExceeded       Code = -37
)

// Error is what a command answers instead of a result.
type Error struct {
	Code    Code
	Message string
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an Error.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// AsError gives any error a code: a failed call between parts is an internal
// error with its kind in the text, everything else a miscellaneous one.
func AsError(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var onBus *bus.Error
	if errors.As(err, &onBus) {
		return &Error{Code: InternalError, Message: onBus.Error()}
	}
	return &Error{Code: MiscError, Message: err.Error()}
}
