package rpc

import (
	"context"
	"encoding/base64"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/message"
)

func (n addresses) messageCommands() rpc.Table {
	text := rpc.Param{Name: "message", Type: rpc.String, Word: rpc.Free, Help: "The message that was signed."}
	toSign := rpc.Param{Name: "message", Type: rpc.String, Word: rpc.Free, Help: "The message to create a signature of."}
	return rpc.Table{
		{
			Name: "verifymessage", Returns: true, Category: "Util", Run: n.verifyMessage,
			Summary: "Verify a signed message.", Result: "true|false    (boolean) If the signature is verified or not.",
			Params: []rpc.Param{
				{Name: "address", Type: rpc.String, Help: "The bitcoin address to use for the signature."},
				{Name: "signature", Type: rpc.String, Word: rpc.Free, Help: "The signature provided by the signer in base 64 encoding (see signmessage)."},
				text,
			},
		},
		{
			Name: "signmessagewithprivkey", Returns: "", Category: "Util", Run: n.signMessageWithPrivKey,
			Summary: "Sign a message with the private key of an address", Result: `"str"    (string) The signature of the message encoded in base 64`,
			Params: []rpc.Param{
				{Name: "privkey", Type: rpc.String, Help: "The private key to sign the message with."},
				toSign,
			},
		},
	}
}

func (n addresses) verifyMessage(_ context.Context, call *rpc.Call) (any, error) {
	var args [3]string
	for i := range args {
		var err error
		if args[i], err = call.Text(i, ""); err != nil {
			return nil, err
		}
	}
	script, err := address.Script(args[0], n.Params.Params)
	if err != nil {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Invalid address")
	}
	if !txscript.IsPayToPubKeyHash(script) {
		return nil, rpc.Errorf(rpc.TypeError, "Address does not refer to key")
	}
	signature, ok := rpc.DecodeBase64(args[1])
	if !ok {
		return nil, rpc.Errorf(rpc.TypeError, "Malformed base64 encoding")
	}
	return message.Verify(script[3:23], signature, args[2]), nil
}

func (n addresses) signMessageWithPrivKey(_ context.Context, call *rpc.Call) (any, error) {
	text, err := call.Text(1, "")
	if err != nil {
		return nil, err
	}
	secret, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	key, err := n.privateKey(secret)
	if err != nil {
		return nil, err
	}
	defer key.PrivKey.Zero()
	return base64.StdEncoding.EncodeToString(message.Sign(key.PrivKey, key.CompressPubKey, text)), nil
}

// privateKey reads a key in the form that wallets export (WIF), which the caller
// wipes. The error does not tell what was given.
func (n *Node) privateKey(text string) (*btcutil.WIF, error) {
	key, err := btcutil.DecodeWIF(text)
	if err != nil {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Invalid private key")
	}
	if !key.IsForNet(n.Params.Params) {
		key.PrivKey.Zero()
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Invalid private key")
	}
	return key, nil
}
