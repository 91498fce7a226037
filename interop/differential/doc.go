// Package differential holds this node against Bitcoin Core: both are asked the same, and
// must answer the same, with the same errors, or for a reason that is listed.
//
// The fuzz targets need a bitcoind, so they are built with the tag "reference" only and
// run beside CI:
//
//	go -C interop test -tags reference ./differential -reference BITCOIND
//	go -C interop test -tags reference ./differential -reference BITCOIND -fuzz FuzzPSBT -fuzztime 10m -parallel 1
package differential
