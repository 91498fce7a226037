// Package spend builds payments: it chooses coins, computes the fee and signs.
//
// It is pure: coins, the fee rate and the keys are inputs. Fee rates are in
// satoshi per 1000 virtual bytes. All coins are P2WPKH (BIP141), so the size of
// a transaction is known before it is signed.
package spend
