package rpc

import "github.com/bulkheadnode/bulkhead/bus/rpc"

// outpointParams are the members of an object that names an output.
func outpointParams() []rpc.Param {
	return []rpc.Param{
		txidParam("The transaction id"),
		{Name: "vout", Type: rpc.Number, Help: "The output number"},
	}
}

// previousParams are the members of an object that describes an output to be spent.
func previousParams() []rpc.Param {
	return append(outpointParams(),
		rpc.Param{Name: "scriptPubKey", Type: rpc.String, Form: rpc.Hex, Help: "Its script"},
		rpc.Param{Name: "redeemScript", Type: rpc.String, Form: rpc.Hex, Optional: true, Help: "Needed for P2SH"},
		rpc.Param{Name: "witnessScript", Type: rpc.String, Form: rpc.Hex, Optional: true, Help: "Needed for P2WSH and P2SH-P2WSH"},
		rpc.Param{Name: "amount", Form: rpc.Money, Optional: true, Help: "What it is worth, needed for Segwit"},
	)
}

// scanObjects are the forms of a descriptor in a list of them.
var scanObjects = []rpc.Param{
	{Name: "descriptor", Type: rpc.String, Help: "An output descriptor"},
	{Type: rpc.Object, Help: "An object with output descriptor and metadata", Inner: []rpc.Param{
		{Name: "desc", Type: rpc.String, Help: "An output descriptor"},
		{Name: "range", Form: rpc.Range, Optional: true, Default: "1000", Help: "The indexes of a ranged descriptor: its end, or [begin,end]"},
	}},
}

// outputForms are the forms of an output in a list of them. Programs compare the
// texts, which are those of Bitcoin Core.
var outputForms = []rpc.Param{
	{Type: rpc.Object, Form: rpc.Keyed, Inner: []rpc.Param{{
		Name: "address", Form: rpc.Money,
		Help: "A key-value pair. The key (string) is the bitcoin address, the value (float or string) is the amount in BTC",
	}}},
	{Type: rpc.Object, Inner: []rpc.Param{{
		Name: "data", Type: rpc.String, Form: rpc.Hex,
		Help: `A key-value pair. The key must be "data", the value is hex-encoded data that becomes a part of an OP_RETURN output`,
	}}},
}

// templateParams are the members of a request for a template (BIP 22, BIP 23, BIP 145).
func templateParams() []rpc.Param {
	texts := func(name string) []rpc.Param { return []rpc.Param{{Name: name, Type: rpc.String}} }
	return []rpc.Param{
		{Name: "mode", Type: rpc.String, Optional: true, Help: `"template", which it is without it, or "proposal"`},
		{Name: "capabilities", Type: rpc.Array, Optional: true, Inner: texts("capability"), Help: "What the client supports (BIP 22)"},
		{Name: "rules", Type: rpc.Array, Inner: texts("segwit"), Help: "Deployments that the client supports; \"segwit\" has to be one"},
		{Name: "longpollid", Type: rpc.String, Optional: true, Help: "Of the template that the client has: wait for another"},
		{Name: "data", Type: rpc.String, Form: rpc.Hex, Optional: true, Help: "The block that is proposed"},
	}
}
