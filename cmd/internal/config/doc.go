// Package config reads Bulkhead's settings: the command line and bitcoin.conf,
// by the rules and with the error texts of Bitcoin Core (src/common/args.cpp,
// src/common/config.cpp).
//
// The command line wins over the file. Of a setting given twice the command
// line's last and the file's first counts. Settings marked PerChain count in
// the file's top section on the main chain only; other chains need them in
// their own section.
//
// Parse and Load read; they create nothing. The caller creates directories
// with Prepare. The package keeps no state and starts no goroutine.
package config
