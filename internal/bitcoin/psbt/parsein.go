package psbt

import (
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/rawtx"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/serial"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
	"github.com/bulkheadnode/bulkhead/internal/wording"
)

// take reads the map of an input.
func (in *Input) take(r *serial.Reader, version uint32) {
	given := map[uint64]bool{}
	takeMap(r, "input", "an input", func(rec record) {
		in.takeRecord(rec, version)
		given[rec.kind] = true
	})
	in.sortLeaves()
	if version < 2 {
		return
	}
	if !given[inTxID] {
		r.Fail(wording.Errorf("Previous TXID is required in PSBTv2"))
	}
	if !given[inIndex] {
		r.Fail(wording.Errorf("Previous output's index is required in PSBTv2"))
	}
}

func (in *Input) takeRecord(r record, version uint32) {
	switch {
	case r.kind <= inWitness:
		in.takeScripts(r)
	case r.kind >= inRIPEMD160 && r.kind <= inHash256:
		in.takePreimage(r)
	case r.kind >= inTxID && r.kind <= inHeightLock:
		in.takeVersion2(r, version)
	case r.kind >= inTapSignature && r.kind <= inTapRoot:
		in.takeTaproot(r)
	case r.kind >= inParticipants && r.kind <= inPartial:
		in.takeMuSig(r)
	default:
		r.extra(&in.Extra)
	}
}

func (in *Input) takeScripts(r record) {
	switch r.kind {
	case inNonWitnessUTXO:
		if r.plain("Input Non-witness UTXO") {
			r.within(func(v *serial.Reader) { in.NonWitnessUTXO = rawtx.Take(v, true) })
		}
	case inWitnessUTXO:
		if r.plain("Input Witness UTXO") {
			r.within(func(v *serial.Reader) { in.WitnessUTXO = rawtx.TakeOutput(v) })
			if in.WitnessUTXO.Value == -1 { // what Bitcoin Core takes for none
				in.WitnessUTXO = nil
			}
		}
	case inSignature:
		in.takeSignature(r)
	case inHashType:
		if r.plain("Input Sighash Type") {
			kind := int32(r.number())
			in.HashType = &kind
		}
	case inRedeem:
		if r.plain("Input redeemScript") {
			in.RedeemScript = r.VarBytes()
		}
	case inWitnessScript:
		if r.plain("Input witnessScript") {
			in.WitnessScript = r.VarBytes()
		}
	case inOrigin:
		originsOf(&in.Material, r)
	case inScriptSig:
		if r.plain("Input Final scriptSig") {
			in.FinalScriptSig = r.VarBytes()
		}
	case inWitness:
		if r.plain("Input Final scriptWitness") {
			r.within(func(v *serial.Reader) { in.FinalWitness = rawtx.TakeStack(v) })
		}
	}
}

func (in *Input) takeSignature(r record) {
	key := r.publicKey("partial signature pubkey")
	if key == nil {
		return
	}
	signature := r.VarBytes()
	if r.Err() == nil && !encoded(signature) {
		r.Fail(wording.Errorf("Signature is not a valid encoding"))
		return
	}
	put(&in.Signatures, sign.IDOf(key), sign.Signature{Key: key, Signature: signature})
}

func (in *Input) takePreimage(r record) {
	which := int(r.kind - inRIPEMD160)
	name := [hashes]string{"RIPEMD160", "SHA256", "Hash160", "Hash256"}[which]
	length := [hashes]int{20, 32, 20, 32}[which]
	if r.sized("Input "+name+" Preimage", 1+length) {
		put(&in.Preimages[which], string(r.key[1:]), r.VarBytes())
	}
}

// takeVersion2 reads what version 0 has in its transaction.
func (in *Input) takeVersion2(r record, version uint32) {
	field := map[uint64]struct{ name, refused string }{
		inTxID:       {"Input Previous TXID", "Previous txid"},
		inIndex:      {"Input Previous Output's Index", "Previous output's index"},
		inSequence:   {"Input Sequence", "Sequence"},
		inTimeLock:   {"Input Required Time Based Locktime", "Required time based locktime"},
		inHeightLock: {"Input Required Height Based Locktime", "Required height based locktime"},
	}[r.kind]
	if !r.plain(field.name) {
		return
	}
	if version < 2 {
		r.Fail(wording.Errorf("%s is not allowed in PSBTv0", field.refused))
		return
	}
	switch r.kind {
	case inTxID:
		in.PrevOut.Hash = r.hash()
	case inIndex:
		in.PrevOut.Index = r.number()
	case inSequence:
		in.Sequence = r.optional()
	case inTimeLock:
		if in.TimeLock = r.optional(); *in.TimeLock < txscript.LockTimeThreshold {
			r.Fail(wording.Errorf("Required time based locktime is invalid (less than 500000000)"))
		}
	case inHeightLock:
		in.HeightLock = r.optional()
		if *in.HeightLock >= txscript.LockTimeThreshold {
			r.Fail(wording.Errorf("Required height based locktime is invalid (greater than or equal to 500000000)"))
		} else if *in.HeightLock == 0 {
			r.Fail(wording.Errorf("Required height based locktime is invalid (0)"))
		}
	}
}

func (in *Input) takeMuSig(r record) {
	switch r.kind {
	case inParticipants:
		if aggregate, keys := r.participants("Input"); r.Err() == nil {
			put(&in.Participants, aggregate, keys)
		}
	case inNonce:
		key, ok := r.muSigKey("pubnonce")
		if !ok {
			return
		}
		const nonceBytes = 66
		nonce := r.VarBytes()
		if r.Err() == nil && len(nonce) != nonceBytes {
			r.Fail(wording.Errorf("Input musig2 pubnonce value is not 66 bytes"))
		}
		put(&in.Nonces, key, nonce)
	case inPartial:
		key, ok := r.muSigKey("partial sig")
		if !ok {
			return
		}
		partial := r.hash()
		put(&in.Partials, key, partial[:])
	}
}

// muSigKey reads whose a record is.
func (r record) muSigKey(name string) (key sign.MuSigKey, ok bool) {
	const short, long = 1 + 2*keyBytes, 1 + 2*keyBytes + hashBytes
	if len(r.key) != short && len(r.key) != long {
		r.Fail(wording.Errorf("Input musig2 %s key is not expected size of 67 or 99 bytes", name))
		return key, false
	}
	participant, aggregate := r.data.Take(keyBytes), r.data.Take(keyBytes)
	switch {
	case !validKey(aggregate):
		r.Fail(wording.Errorf("musig2 aggregate pubkey is invalid"))
	case !validKey(participant):
		r.Fail(wording.Errorf("musig2 participant pubkey is invalid"))
	}
	key = sign.MuSigKey{Aggregate: string(aggregate), Participant: string(participant)}
	if r.data.Len() > 0 {
		key.Leaf = r.data.Hash()
	}
	return key, r.Err() == nil
}
