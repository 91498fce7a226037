package cli

// netInfoHelp is what "-netinfo help" prints.
const netInfoHelp = `-netinfo [<level> [outonly]]
-netinfo help

Shows the connections of the node to its peers, from getpeerinfo and getnetworkinfo. It is
meant for people: its form may change.

Arguments:

  level      how much is shown, 0 to 4 (default: 0); higher numbers count as 4
               0  how many peers there are on each network that is reachable, how many of them
                  are for blocks only and how many were added by hand, and our own addresses
               1  a list of the peers before that
               2  the same with their addresses
               3  the same with their versions
               4  the same with both
  outonly    (or "o") lists outbound peers only. Needs a level above 0
  help       (or "h") prints this

The list has inbound peers before outbound ones, each by their shortest ping:

  <->      "in" if the peer has connected to us, "out" if we to it
  type     what the connection is for, if it is an outbound one
             full    blocks, transactions and addresses
             block   blocks only
             manual  it was asked for by addnode, -addnode or -connect
             feeler  a short one, to see whether there is a node
             addr    a short one, to ask for addresses
             priv    a short one, to send a transaction of ours
  net      the network: ipv4, ipv6, onion, i2p, cjdns, or npr for one that is not public
  serv     what the peer offers, a letter each
             n  NETWORK, all blocks
             b  BLOOM, bloom filters (BIP111)
             w  WITNESS, blocks and transactions with witnesses (BIP144)
             c  COMPACT_FILTERS, compact filters of blocks (BIP157)
             l  NETWORK_LIMITED, the last 288 blocks (BIP159)
             2  P2P_V2, encrypted connections (BIP324)
             u  something unknown
  v        the version of the transport: 2 is encrypted
  mping    the shortest ping, in milliseconds
  ping     the last ping, in milliseconds
  send     seconds since we last sent something
  recv     seconds since we last received something
  txn      minutes since the peer last brought a transaction that was new to our mempool;
           "*" if it wants no transactions
  blk      minutes since the peer last brought a block that was new to us
  hb       high-bandwidth compact blocks (BIP152): "." if we chose the peer for them,
           "*" if it chose us
  addrp    addresses taken from the peer; "." if we exchange none with it
  addrl    addresses dropped because they came too fast
  age      minutes since the connection was made
  asmap    the autonomous system of the peer's address, with -asmap
  id       the peer's number, as in getpeerinfo
  address  its address
  version  its version of the protocol, and its user agent

Examples:

  bulkhead-cli -netinfo
  bulkhead-cli -netinfo 4 outonly
  watch --interval 1 --no-title bulkhead-cli -netinfo 4
`
