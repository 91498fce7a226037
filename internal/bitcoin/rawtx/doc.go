// Package rawtx reads and writes transactions as users hand them over: in the form of
// the first days or with witnesses (BIP144), and without inputs too, as they are
// before somebody has funded them. A transaction without inputs looks like the
// beginning of one with witnesses, so there is a guess (Bitcoin Core, core_io.cpp).
//
// Nothing is allocated for a count that the input does not bear out. It is pure.
package rawtx
