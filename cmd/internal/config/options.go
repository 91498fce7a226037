package config

// Category groups options in the help text.
type Category string

// The categories, in the order of the help text.
const (
	General    Category = "Options:"
	Connection Category = "Connection options:"
	Wallet     Category = "Wallet options:"
	ZMQ        Category = "ZeroMQ notification options:"
	Debug      Category = "Debugging/Testing options:"
	Chain      Category = "Chain selection options:"
	Relay      Category = "Node relay options:"
	Mining     Category = "Block creation options:"
	RPC        Category = "RPC server options:"
	Processes  Category = "Process options:"
	hidden     Category = ""
)

func categories() []Category {
	return []Category{General, Connection, Wallet, ZMQ, Debug, Chain, Relay, Mining, RPC, Processes}
}

// Option describes one setting.
type Option struct {
	Name     string
	Category Category
	Param    string // how the help shows the value, such as "=<port>"
	Help     string
	PerChain bool // see the package documentation
	// Unserved marks a setting of Bitcoin Core that asks for something this
	// node does not do. It is accepted when it asks for nothing, and refused
	// at start otherwise, so that nobody relies on it in vain.
	Unserved bool
	Secret   bool // masked in the log
}

// Options returns all settings by name.
func Options() map[string]Option {
	all := map[string]Option{}
	for _, list := range [][]Option{
		generalOptions(), connectionOptions(), otherOptions(), acceptedOptions(), unservedOptions(),
	} {
		for _, o := range list {
			all[o.Name] = o
		}
	}
	return all
}

func generalOptions() []Option {
	return []Option{
		{Name: "help", Category: General, Help: "Print this help message and exit (also -h or -?)"},
		{Name: "h"}, {Name: "?"}, {Name: "help-debug"},
		{Name: "version", Category: General, Help: "Print version and exit"},
		{Name: "assumevalid", Category: General, Param: "=<hex>", Help: "If this block is in the chain assume that it and its ancestors are valid and potentially skip their script verification (0 to verify all)"},
		{Name: "blocksdir", Category: General, Param: "=<dir>", Help: "Specify directory to hold blocks subdirectory for *.dat files (default: <datadir>)"},
		{Name: "blocksxor", Category: General, Help: "Whether an XOR-key applies to blocksdir *.dat files (default: 1)"},
		{Name: "conf", Category: General, Param: "=<file>", Help: "Specify path to read-only configuration file. Relative paths will be prefixed by datadir location (default: bitcoin.conf)"},
		{Name: "datadir", Category: General, Param: "=<dir>", Help: "Specify data directory"},
		{Name: "dbcache", Category: General, Param: "=<n>", Help: "Maximum database cache size <n> MiB (minimum 4, default: 450)"},
		{Name: "includeconf", Category: General, Param: "=<file>", Help: "Specify additional configuration file, relative to the -datadir path (only useable from configuration file, not command line)"},
		{Name: "allowignoredconf", Category: General, Help: "For backwards compatibility, treat an unused bitcoin.conf file in the datadir as a warning, not an error."},
		{Name: "loadblock", Category: General, Param: "=<file>", Help: "Imports blocks from external file on startup"},
		{Name: "maxmempool", Category: General, Param: "=<n>", Help: "Keep the transaction memory pool below <n> megabytes (default: 300)"},
		{Name: "mempoolexpiry", Category: General, Param: "=<n>", Help: "Do not keep transactions in the mempool longer than <n> hours (default: 336)"},
		{Name: "minimumchainwork", Category: General, Param: "=<hex>", Help: "Minimum work assumed to exist on a valid chain in hex"},
		{Name: "par", Category: General, Param: "=<n>", Help: "Set the number of script verification threads (0 = auto, <0 = leave that many cores free, default: 0)"},
		{Name: "pid", Category: General, Param: "=<file>", Help: "Specify pid file. Relative paths will be prefixed by a net-specific datadir location (default: bitcoind.pid)"},
		{Name: "startupnotify", Category: General, Param: "=<cmd>", Help: "Execute command on startup."},
		{Name: "shutdownnotify", Category: General, Param: "=<cmd>", Help: "Execute command immediately before beginning shutdown. It is waited for."},
		{Name: "chain", Category: Chain, Param: "=<chain>", Help: "Use the chain <chain> (default: main). Allowed values: main, test, testnet4, signet, regtest"},
		{Name: "regtest", Category: Chain, Help: "Enter regression test mode, which uses a special chain in which blocks can be solved instantly. Equivalent to -chain=regtest."},
		{Name: "signet", Category: Chain, Help: "Use the signet chain. Equivalent to -chain=signet."},
		{Name: "testnet", Category: Chain, Help: "Use the testnet3 chain. Equivalent to -chain=test."},
		{Name: "testnet4", Category: Chain, Help: "Use the testnet4 chain. Equivalent to -chain=testnet4."},
	}
}

func connectionOptions() []Option {
	return []Option{
		{Name: "addnode", Category: Connection, Param: "=<ip>", PerChain: true, Help: "Add a node to connect to and attempt to keep the connection open. This option can be specified multiple times to add multiple nodes."},
		{Name: "bantime", Category: Connection, Param: "=<n>", Help: "Default duration (in seconds) of manually configured bans (default: 86400)"},
		{Name: "bind", Category: Connection, Param: "=<addr>[:<port>][=onion]", PerChain: true, Help: "Bind to given address and always listen on it. Use [host]:port notation for IPv6."},
		{Name: "connect", Category: Connection, Param: "=<ip>", PerChain: true, Help: "Connect only to the specified node; -noconnect disables automatic connections. This option can be specified multiple times."},
		{Name: "dns", Category: Connection, Help: "Allow DNS lookups for -addnode, -seednode and -connect (default: 1)"},
		{Name: "dnsseed", Category: Connection, Help: "Query for peer addresses via DNS lookup, if low on addresses (default: 1 unless -connect used)"},
		{Name: "discover", Category: Connection, Help: "Discover own IP addresses (default: 1 when listening)"},
		{Name: "listen", Category: Connection, Help: "Accept connections from outside (default: 1 if no -proxy, -connect or -maxconnections=0)"},
		{Name: "maxconnections", Category: Connection, Param: "=<n>", Help: "Maintain at most <n> automatic connections to peers (default: 125)"},
		{Name: "networkactive", Category: Connection, Help: "Enable all P2P network activity (default: 1). Can be changed by the setnetworkactive RPC command"},
		{Name: "peertimeout", Category: Connection, Param: "=<n>", Help: "Specify a p2p connection timeout delay in seconds (minimum: 1, default: 60)"},
		{Name: "port", Category: Connection, Param: "=<port>", PerChain: true, Help: "Listen for connections on <port> (default: 8333, testnet3: 18333, testnet4: 48333, signet: 38333, regtest: 18444)"},
		{Name: "timeout", Category: Connection, Param: "=<n>", Help: "Socket connection timeout in milliseconds (default: 5000)"},
		{Name: "whitebind", Category: Connection, Param: "=<[permissions@]addr>", Help: "Bind to the given address and add permission flags to the peers connecting to it. Use [host]:port notation for IPv6."},
		{Name: "whitelist", Category: Connection, Param: "=<[permissions@]IP address or network>", Help: "Add permission flags to the peers using the given IP address or CIDR-notated network."},
		{Name: "zmqpubhashblock", Category: ZMQ, Param: "=<address>", Help: "Enable publish hash block in <address>"},
		{Name: "zmqpubhashtx", Category: ZMQ, Param: "=<address>", Help: "Enable publish hash transaction in <address>"},
		{Name: "zmqpubrawblock", Category: ZMQ, Param: "=<address>", Help: "Enable publish raw block in <address>"},
		{Name: "zmqpubrawtx", Category: ZMQ, Param: "=<address>", Help: "Enable publish raw transaction in <address>"},
		{Name: "zmqpubsequence", Category: ZMQ, Param: "=<address>", Help: "Enable publish hash block and tx sequence in <address>"},
		{Name: "zmqpubhashblockhwm", Category: ZMQ, Param: "=<n>", Help: "Set publish hash block outbound message high water mark (default: 1000)"},
		{Name: "zmqpubhashtxhwm", Category: ZMQ, Param: "=<n>", Help: "Set publish hash transaction outbound message high water mark (default: 1000)"},
		{Name: "zmqpubrawblockhwm", Category: ZMQ, Param: "=<n>", Help: "Set publish raw block outbound message high water mark (default: 1000)"},
		{Name: "zmqpubrawtxhwm", Category: ZMQ, Param: "=<n>", Help: "Set publish raw transaction outbound message high water mark (default: 1000)"},
		{Name: "zmqpubsequencehwm", Category: ZMQ, Param: "=<n>", Help: "Set publish hash sequence message high water mark (default: 1000)"},
	}
}

func otherOptions() []Option {
	return []Option{
		{Name: "disablewallet", Category: Wallet, Help: "Do not load the wallet and disable wallet RPC calls"},
		{Name: "fallbackfee", Category: Wallet, Param: "=<amt>", Help: "A fee rate (in BTC/kvB) that is used when no estimate is available (default: 0.00)"},
		{Name: "wallet", Category: Wallet, Param: "=<path>", PerChain: true, Help: "Specify wallet to load at startup. Can be used multiple times to load multiple wallets."},
		{Name: "walletdir", Category: Wallet, Param: "=<dir>", PerChain: true, Help: "Specify directory to hold wallets (default: <datadir>/wallets if it exists, otherwise <datadir>)"},
		{Name: "acceptnonstdtxn", Category: Debug, Help: "Relay and mine \"non-standard\" transactions (test networks only; default: 0)"},
		{Name: "debug", Category: Debug, Param: "=<category>", Help: "Output debug and trace logging; without a value, of all categories. Bulkhead's own: ipc shows every request and reply between its processes."},
		{Name: "debugexclude", Category: Debug, Param: "=<category>", Help: "Exclude debug and trace logging for a category. Takes precedence over -debug"},
		{Name: "debuglogfile", Category: Debug, Param: "=<file>", Help: "Specify location of debug log file (default: debug.log). Relative paths will be prefixed by a net-specific datadir location. -nodebuglogfile disables it."},
		{Name: "logthreadnames", Category: Debug, Help: "Prepend debug output with the name of the originating process (default: 0)"},
		{Name: "logtimemicros", Category: Debug, Help: "Add microsecond precision to debug timestamps (default: 0)"},
		{Name: "logtimestamps", Category: Debug, Help: "Prepend debug output with timestamp (default: 1)"},
		{Name: "loglevel", Category: Debug, Param: "=<level>|<category>:<level>", Help: "Set the logging severity level: info, debug, trace (default: debug)"},
		{Name: "maxtipage", Category: Debug, Param: "=<n>", Help: "Maximum tip age in seconds to consider node in initial block download (default: 86400)"},
		{Name: "mocktime", Category: Debug, Param: "=<n>", Help: "Replace actual time with <n> seconds since epoch (default: 0)"},
		{Name: "printtoconsole", Category: Debug, Help: "Send trace/debug info to console (default: 1 when no -daemon. To disable logging to file, set -nodebuglogfile)"},
		{Name: "stopatheight", Category: Debug, Param: "=<n>", Help: "Stop running after reaching the given height in the main chain (default: 0)"},
		{Name: "uacomment", Category: Debug, Param: "=<cmt>", Help: "Append comment to the user agent string"},
		{Name: "testactivationheight", Category: Debug, Param: "=name@height.", Help: "Set the activation height of 'name' (segwit, bip34, dersig, cltv, csv). (regtest-only)"},
		{Name: "minrelaytxfee", Category: Relay, Param: "=<amt>", Help: "Fees (in BTC/kvB) smaller than this are considered zero fee for relaying, mining and transaction creation (default: 0.000001)"},
		{Name: "incrementalrelayfee", Category: Relay, Param: "=<amt>", Help: "Fee rate (in BTC/kvB) used to define cost of relay, used for mempool limiting and replacement policy (default: 0.000001)"},
		{Name: "dustrelayfee", Category: Relay, Param: "=<amt>", Help: "Fee rate (in BTC/kvB) used to define dust (default: 0.00003)"},
		{Name: "datacarrier", Category: Relay, Help: "Relay and mine data carrier transactions (default: 1)"},
		{Name: "datacarriersize", Category: Relay, Help: "Maximum aggregate size of data-carrying outputs in bytes (default: 100000)"},
		{Name: "permitbaremultisig", Category: Relay, Help: "Relay transactions creating non-P2SH multisig outputs (default: 1)"},
		{Name: "blocksonly", Category: Relay, Help: "Whether to reject transactions from network peers (default: 0)"},
		{Name: "whitelistrelay", Category: Relay, Help: "Add 'relay' permission to whitelisted peers with default permissions (default: 1)"},
		{Name: "whitelistforcerelay", Category: Relay, Help: "Add 'forcerelay' permission to whitelisted peers with default permissions (default: 0)"},
		{Name: "blockmaxweight", Category: Mining, Param: "=<n>", Help: "Set maximum BIP141 block weight (default: 4000000)"},
		{Name: "blockmintxfee", Category: Mining, Param: "=<amt>", Help: "Set lowest fee rate (in BTC/kvB) for transactions to be included in block creation (default: 0.00000001)"},
		{Name: "rpcallowip", Category: RPC, Param: "=<ip>", Help: "Allow JSON-RPC connections from specified source: a single IP, a network/netmask or a network/CIDR. This option can be specified multiple times"},
		{Name: "rpcauth", Category: RPC, Param: "=<userpw>", Secret: true, Help: "Username and HMAC-SHA-256 hashed password for JSON-RPC connections, as <USERNAME>:<SALT>$<HASH>. This option can be specified multiple times"},
		{Name: "rpcbind", Category: RPC, Param: "=<addr>[:port]", PerChain: true, Help: "Bind to given address to listen for JSON-RPC connections. Ignored unless -rpcallowip is also passed."},
		{Name: "rpccookiefile", Category: RPC, Param: "=<loc>", Help: "Location of the auth cookie. Relative paths will be prefixed by a net-specific datadir location. (default: data dir)"},
		{Name: "rpcpassword", Category: RPC, Param: "=<pw>", Secret: true, Help: "Password for JSON-RPC connections"},
		{Name: "rpcport", Category: RPC, Param: "=<port>", PerChain: true, Help: "Listen for JSON-RPC connections on <port> (default: 8332, testnet3: 18332, testnet4: 48332, signet: 38332, regtest: 18443)"},
		{Name: "rpcservertimeout", Category: RPC, Param: "=<n>", Help: "Timeout during HTTP requests (default: 30)"},
		{Name: "rpcthreads", Category: RPC, Param: "=<n>", Help: "Set the number of RPC calls served at a time (default: 16)"},
		{Name: "rpcuser", Category: RPC, Param: "=<user>", Secret: true, Help: "Username for JSON-RPC connections"},
		{Name: "rpcworkqueue", Category: RPC, Param: "=<n>", Help: "Set the depth of the work queue to service RPC calls (default: 64)"},
		{Name: "server", Category: RPC, Help: "Accept command line and JSON-RPC commands (default: 1)"},
		{Name: "multiprocess", Category: Processes, Help: "Run every part in a process of its own; 0 runs all in one (default: 1)"},
		{Name: "p2pworkers", Category: Processes, Param: "=<n>|perpeer", Help: "Share the peer connections among <n> worker processes, or give each connection one (default: perpeer; 1 with -multiprocess=0)"},
	}
}

// acceptedOptions are settings of Bitcoin Core that have no effect here
// because what they tune is done in another way or always.
func acceptedOptions() []Option {
	names := []string{
		"addrmantest", "checkaddrman", "checkblockindex", "checkblocks", "checklevel", "checkmempool", "checkpoints",
		"daemon", "daemonwait", "dbbatchsize", "deprecatedrpc", "externalip", "fixedseeds", "keypool", "limitancestorcount",
		"limitancestorsize", "limitdescendantcount", "limitdescendantsize", "listenonion", "logips", "logratelimit",
		"logsourcelocations", "loglevelalways", "maxreceivebuffer", "maxsendbuffer", "maxsigcachesize", "natpmp",
		"persistmempool", "prevoutfetchthreads", "printpriority", "proxyrandomize", "rpcdoccheck", "rpccookieperms",
		"seednode", "settings", "shrinkdebugfile", "stopafterblockimport", "test", "txreconciliation", "unsafesqlitesync",
		"v2transport", "walletbroadcast", "walletcrosschain", "walletrbf", "zmqpubmempool", "forcednsseed", "onlynet",
		"cjdnsreachable", "torcontrol", "torpassword", "bytespersigop", "blockversion", "blockreservedweight",
		"acceptstalefeeestimates", "peerbloomfilters", "persistmempoolv1", "blockreconstructionextratxn",
		"limitclustercount", "limitclustersize", "fastprune", "capturemessages",
	}
	options := make([]Option, len(names))
	for i, name := range names {
		options[i] = Option{Name: name, Secret: name == "torpassword"}
	}
	return options
}

// unservedOptions ask for something that this node does not do yet.
func unservedOptions() []Option {
	names := []string{
		"alertnotify", "asmap", "blocknotify", "blockfilterindex", "coinstatsindex", "i2psam", "i2pacceptincoming",
		"inboundrelaypercent", "ipcbind", "ipcconnect", "maxuploadtarget", "onion", "peerblockfilters", "privatebroadcast",
		"proxy", "prune", "reindex", "reindex-chainstate", "rest", "rpcwhitelist", "rpcwhitelistdefault", "signer",
		"signetchallenge", "signetseednode", "txindex", "txospenderindex", "txsendrate", "walletnotify",
	}
	options := make([]Option, len(names))
	for i, name := range names {
		options[i] = Option{Name: name, Unserved: true}
	}
	return options
}
