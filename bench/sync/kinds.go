package main

// The kinds, in the order of their rows. Weights are those of an input with
// its outpoint, sequence and witness. All are standard; bare multisig is while
// nodes keep Bitcoin Core's default of -permitbaremultisig.
var (
	p2pkh        = &kind{name: "P2PKH", input: 593, outputSigOps: 4, script: p2pkhScript, unlock: unlockP2PKH}
	bareMultisig = &kind{
		name: "bare multisig 2-of-3", input: 753, outputSigOps: 80, script: multisigScript, unlock: unlockBareMultisig,
	}
	p2shMultisig = &kind{
		name: "P2SH multisig 2-of-3", input: 1189, inputSigOps: 12, script: p2shMultisigScript, unlock: unlockP2SHMultisig,
	}
	nestedP2WPKH = &kind{name: "P2SH-P2WPKH", input: 364, inputSigOps: 1, script: nestedScript, unlock: unlockNested}
	p2wpkh       = &kind{name: "P2WPKH", input: 272, inputSigOps: 1, script: p2wpkhScript, unlock: unlockP2WPKH}
	p2wshMulti   = &kind{
		name: "P2WSH multisig 2-of-3", input: 418, inputSigOps: 3, script: p2wshMultisigScript, unlock: unlockP2WSHMultisig,
	}
	toLocal = &kind{
		name: "Lightning to_local", input: 318, inputSigOps: 1, delay: toLocalDelay,
		salted: true, script: toLocalScript, unlock: unlockToLocal,
	}
	htlc = &kind{
		name: "Lightning HTLC", input: 450, extra: successWeight, inputSigOps: 4, delay: htlcDelay,
		salted: true, script: htlcScript, unlock: unlockHTLC,
	}
	p2trKey   = &kind{name: "P2TR key path", input: 230, script: p2trKeyScript, unlock: unlockP2TRKey}
	p2trLeaf  = &kind{name: "P2TR CHECKSIG", input: 299, script: p2trLeafScript, unlock: unlockP2TRLeaf}
	p2trMulti = &kind{
		name: "P2TR CHECKSIGADD 2-of-3", input: 435, script: p2trMultisigScript, unlock: unlockP2TRMultisig,
	}
	inscription = &kind{
		name: "P2TR inscription", input: 340, extra: contentWeight,
		salted: true, script: inscriptionScript, unlock: unlockInscription,
	}
)

// kinds are all of them.
var kinds = []*kind{
	p2pkh, bareMultisig, p2shMultisig, nestedP2WPKH, p2wpkh, p2wshMulti, toLocal, htlc, p2trKey, p2trLeaf, p2trMulti, inscription,
}
