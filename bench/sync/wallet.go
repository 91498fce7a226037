package main

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Shares of the figures that the chain is to have.
const (
	keys          = 256
	taprootShare  = 0.3
	secondInput   = 0.2 // of payments have a second input
	thirdInput    = 0.2 // of those have a third
	thirdOutput   = 0.5
	paymentFee    = 1000 // satoshi
	smallestShare = 3000 // satoshi: coins below are not split further
)

// account is one key in its two forms of outputs.
type account struct {
	key     *btcec.PrivateKey
	public  []byte // compressed
	tweaked *btcec.PrivateKey
	scripts [2][]byte // P2WPKH, P2TR
}

func newAccount(n int) account {
	seed := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("chain of the benchmark"), uint64(n)))
	key, _ := btcec.PrivKeyFromBytes(seed[:])
	a := account{key: key, public: key.PubKey().SerializeCompressed(), tweaked: txscript.TweakTaprootPrivKey(*key, nil)}
	a.scripts[0] = append([]byte{txscript.OP_0, 20}, address.Hash160(a.public)...)
	a.scripts[1] = append([]byte{txscript.OP_1, 32}, schnorr.SerializePubKey(txscript.ComputeTaprootKeyNoScript(key.PubKey()))...)
	return a
}

// coin is an output that can be spent.
type coin struct {
	at      wire.OutPoint
	value   int64
	account uint16
	taproot bool
}

// wallet holds all coins and spends them at random.
type wallet struct {
	random   *rand.Rand
	accounts []account
	coins    []coin
}

func newWallet(seed uint64) *wallet {
	w := &wallet{random: rand.New(rand.NewPCG(seed, seed))}
	for n := range keys {
		w.accounts = append(w.accounts, newAccount(n))
	}
	return w
}

func (w *wallet) script(c coin) []byte {
	if c.taproot {
		return w.accounts[c.account].scripts[1]
	}
	return w.accounts[c.account].scripts[0]
}

// output is a new coin that is not placed yet.
func (w *wallet) output(value int64) coin {
	return coin{value: value, account: uint16(w.random.IntN(keys)), taproot: w.random.Float64() < taprootShare}
}

// draw takes a coin out at random.
func (w *wallet) draw() (coin, bool) {
	if len(w.coins) == 0 {
		return coin{}, false
	}
	i := w.random.IntN(len(w.coins))
	c := w.coins[i]
	last := len(w.coins) - 1
	w.coins[i] = w.coins[last]
	w.coins = w.coins[:last]
	return c, true
}

// payment is an unsigned transaction with what it spends and makes.
type payment struct {
	tx    *wire.MsgTx
	spent []coin
	made  []coin
}

// pay makes the next payment, nil if there are no coins.
func (w *wallet) pay() *payment {
	p := &payment{tx: wire.NewMsgTx(2)}
	inputs := 1
	if w.random.Float64() < secondInput {
		inputs++
		if w.random.Float64() < thirdInput {
			inputs++
		}
	}
	total := int64(0)
	for range inputs {
		c, ok := w.draw()
		if !ok {
			break
		}
		p.spent = append(p.spent, c)
		total += c.value
		p.tx.AddTxIn(&wire.TxIn{PreviousOutPoint: c.at, Sequence: wire.MaxTxInSequenceNum - 2})
	}
	if len(p.spent) == 0 {
		return nil
	}
	w.split(p, total-paymentFee)
	return p
}

// split shares a value among two or three outputs, or gives it to one if it is
// small.
func (w *wallet) split(p *payment, value int64) {
	outputs := 2
	if w.random.Float64() < thirdOutput {
		outputs++
	}
	if value < smallestShare*int64(outputs) {
		outputs = 1
	}
	for left := outputs; left > 0; left-- {
		share := value / int64(left)
		if left > 1 {
			share = share/2 + w.random.Int64N(share/2+1)
		}
		value -= share
		c := w.output(max(share, 1))
		p.made = append(p.made, c)
		p.tx.AddTxOut(&wire.TxOut{Value: c.value, PkScript: w.script(c)})
	}
}

// FetchPrevOutput is how signature hashes find what is spent.
func (s signer) FetchPrevOutput(op wire.OutPoint) *wire.TxOut {
	for _, c := range s.p.spent {
		if c.at == op {
			return &wire.TxOut{Value: c.value, PkScript: s.w.script(c)}
		}
	}
	return nil
}

// signer signs one payment.
type signer struct {
	w *wallet
	p *payment
}

func (s signer) sign() error {
	hashes := txscript.NewTxSigHashes(s.p.tx, s)
	for i, c := range s.p.spent {
		a := &s.w.accounts[c.account]
		if c.taproot {
			hash, err := txscript.CalcTaprootSignatureHash(hashes, txscript.SigHashDefault, s.p.tx, i, s)
			if err != nil {
				return err
			}
			sig, err := schnorr.Sign(a.tweaked, hash, schnorr.FastSign())
			if err != nil {
				return err
			}
			s.p.tx.TxIn[i].Witness = wire.TxWitness{sig.Serialize()}
			continue
		}
		hash, err := txscript.CalcWitnessSigHash(a.scripts[0], hashes, txscript.SigHashAll, s.p.tx, i, c.value)
		if err != nil {
			return err
		}
		sig := append(ecdsa.Sign(a.key, hash).Serialize(), byte(txscript.SigHashAll))
		s.p.tx.TxIn[i].Witness = wire.TxWitness{sig, a.public}
	}
	return nil
}
