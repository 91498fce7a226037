// Package chains is the table of the chains that the parts of Bulkhead know:
// their names, settings, folders and ports as Bitcoin Core has them (chainparams
// and chainparamsbase, util/chaintype), beside what chaincfg knows of each:
// magic, genesis, prefixes of addresses, seeds. The rules of consensus are not
// here; package consensus of the node has them by the chain's name.
package chains
