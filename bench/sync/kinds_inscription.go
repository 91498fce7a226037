package main

import (
	"math/rand/v2"

	"github.com/btcsuite/btcd/txscript/v2"
)

// The content of an inscription, in bytes.
const (
	leastContent = 1000
	mostContent  = 5000
)

// contentSize is spread evenly over salts.
func contentSize(o owner) int { return leastContent + int(o.salt%(mostContent-leastContent+1)) }

// content does not compress, like the images that it stands for.
func content(o owner) []byte {
	c := make([]byte, contentSize(o))
	_, _ = rand.NewChaCha8(o.digest("content")).Read(c) // never fails
	return c
}

// contentWeight is that of the content and of its pushes.
func contentWeight(o owner) int {
	size := contentSize(o)
	pushes := (size + txscript.MaxScriptElementSize - 1) / txscript.MaxScriptElementSize
	return size + 3*pushes
}

// envelope is the leaf of an inscription as ord writes it: key 1's signature,
// then a branch that is never taken and holds a content type and the content
// (docs.ordinals.com/inscriptions.html).
func envelope(o owner) []byte {
	b := script().AddData(o.key(1).xOnly()).AddOp(txscript.OP_CHECKSIG).
		AddOp(txscript.OP_FALSE).AddOp(txscript.OP_IF).AddData([]byte("ord")).
		AddOps([]byte{txscript.OP_DATA_1, 1}).AddData([]byte("image/webp")).AddOp(txscript.OP_0)
	for rest := content(o); len(rest) > 0; {
		n := min(len(rest), txscript.MaxScriptElementSize)
		b.AddData(rest[:n])
		rest = rest[n:]
	}
	return compose(b.AddOp(txscript.OP_ENDIF))
}

func inscriptionScript(o owner) []byte { return p2trOf(o, envelope(o)) }

func unlockInscription(in *input) error { return in.unlockLeaf(envelope(in.owner)) }
