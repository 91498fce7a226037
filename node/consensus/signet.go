package consensus

import (
	"bytes"
	"encoding/binary"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// signetHeader marks the push that holds a signet block's solution (BIP325).
const signetHeader = "\xec\xc7\xda\xa2"

// signetMagic is what messages to peers of a signet begin with, in the order of
// a little-endian number: the beginning of its challenge's hash (BIP325).
func signetMagic(challenge []byte) wire.BitcoinNet {
	var push bytes.Buffer
	_ = wire.WriteVarBytes(&push, 0, challenge) // memory takes what is written
	hash := chainhash.DoubleHashB(push.Bytes())
	return wire.BitcoinNet(binary.LittleEndian.Uint32(hash))
}

// checkSignet verifies the solution in the coinbase against the challenge.
func checkSignet(b *Block, p *Params) bool {
	if b.Hash == *p.GenesisHash {
		return true
	}
	if len(b.Txs) == 0 || !b.Txs[0].IsCoinbase() {
		return false
	}
	index := CommitmentIndex(b.Txs[0])
	if index < 0 {
		return false
	}
	coinbase := b.Txs[0].Copy()
	script, solution, found := cutSolution(coinbase.TxOut[index].PkScript)
	scriptSig, witness := []byte(nil), wire.TxWitness(nil)
	if found {
		coinbase.TxOut[index].PkScript = script
		var ok bool
		if scriptSig, witness, ok = parseSolution(solution); !ok {
			return false
		}
	}
	leaves := make([]chainhash.Hash, len(b.Txs), len(b.Txs)+1)
	leaves[0] = coinbase.TxHash()
	for i, tx := range b.Txs[1:] {
		leaves[i+1] = tx.ID
	}
	root, _ := merkleRoot(leaves)
	return solves(signetMessage(b, root), scriptSig, witness, p.SignetChallenge)
}

func signetMessage(b *Block, root chainhash.Hash) []byte {
	m := binary.LittleEndian.AppendUint32(nil, uint32(b.Header.Version))
	m = append(m, b.Header.PrevBlock[:]...)
	m = append(m, root[:]...)
	return binary.LittleEndian.AppendUint32(m, uint32(b.Header.Timestamp.Unix()))
}

// solves runs the challenge with the solution over a pair of virtual
// transactions, of which the first commits to the message.
func solves(message, scriptSig []byte, witness wire.TxWitness, challenge []byte) bool {
	commit := append([]byte{txscript.OP_0, byte(len(message))}, message...)
	null := wire.OutPoint{Index: 1<<32 - 1}
	toSpend := &wire.MsgTx{
		TxIn:  []*wire.TxIn{{PreviousOutPoint: null, SignatureScript: commit}},
		TxOut: []*wire.TxOut{{PkScript: challenge}},
	}
	spending := &wire.MsgTx{
		TxIn:  []*wire.TxIn{{PreviousOutPoint: wire.OutPoint{Hash: toSpend.TxHash()}, SignatureScript: scriptSig, Witness: witness}},
		TxOut: []*wire.TxOut{{PkScript: []byte{txscript.OP_RETURN}}},
	}
	fetcher := txscript.NewCannedPrevOutputFetcher(challenge, 0)
	const flags = txscript.ScriptBip16 | txscript.ScriptVerifyWitness | txscript.ScriptVerifyDERSignatures | txscript.ScriptStrictMultiSig
	engine, err := txscript.NewEngine(challenge, spending, 0, flags, nil, txscript.NewTxSigHashes(spending, fetcher), 0, fetcher)
	return err == nil && engine.Execute() == nil
}

// cutSolution takes the solution out of a commitment's script, leaving its
// header.
func cutSolution(script []byte) (rest, solution []byte, found bool) {
	tokens := txscript.MakeScriptTokenizer(0, script)
	for tokens.Next() {
		data := tokens.Data()
		switch {
		case !found && len(data) > len(signetHeader) && bytes.HasPrefix(data, []byte(signetHeader)):
			found = true
			solution = data[len(signetHeader):]
			rest = appendPush(rest, data[:len(signetHeader)])
		case len(data) > 0:
			rest = appendPush(rest, data)
		default:
			rest = append(rest, tokens.Opcode())
		}
	}
	return rest, solution, found
}

// appendPush appends the push of data whose length alone decides on the form.
func appendPush(script, data []byte) []byte {
	switch n := len(data); {
	case n < txscript.OP_PUSHDATA1:
		script = append(script, byte(n))
	case n <= 0xff:
		script = append(script, txscript.OP_PUSHDATA1, byte(n))
	case n <= 0xffff:
		script = binary.LittleEndian.AppendUint16(append(script, txscript.OP_PUSHDATA2), uint16(n))
	default:
		script = binary.LittleEndian.AppendUint32(append(script, txscript.OP_PUSHDATA4), uint32(n))
	}
	return append(script, data...)
}

// parseSolution splits a solution into signature script and witness.
func parseSolution(solution []byte) (scriptSig []byte, witness wire.TxWitness, ok bool) {
	r := bytes.NewReader(solution)
	limit := uint32(len(solution))
	scriptSig, err := wire.ReadVarBytes(r, 0, limit, "signet scriptSig")
	if err != nil {
		return nil, nil, false
	}
	count, err := wire.ReadVarInt(r, 0)
	if err != nil || count > uint64(r.Len()) {
		return nil, nil, false
	}
	for range count {
		item, err := wire.ReadVarBytes(r, 0, limit, "signet witness")
		if err != nil {
			return nil, nil, false
		}
		witness = append(witness, item)
	}
	return scriptSig, witness, r.Len() == 0
}
