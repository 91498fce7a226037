package config

import (
	"strconv"
	"strings"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
)

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
	// Always marks an unserved setting that is harmless when it is on.
	Always bool
	// OfWallets marks an unserved setting that asks for nothing with -disablewallet.
	OfWallets bool
	Secret    bool // masked in the log
	// Affirmative options cannot be negated, Valued ones not be given without a value.
	Affirmative, Valued bool
}

// Options returns all settings of a node by name.
func Options() map[string]Option {
	return ByName(generalOptions(), ChainOptions(), connectionOptions(), otherOptions(), acceptedOptions(), unservedOptions())
}

// ByName puts lists of options together.
func ByName(lists ...[]Option) map[string]Option {
	all := map[string]Option{}
	for _, list := range lists {
		for _, o := range list {
			all[o.Name] = o
		}
	}
	return all
}

func generalOptions() []Option {
	return []Option{
		{Name: "help", Category: General, Help: "Show this text and end (also -h, -?)"},
		{Name: "h"}, {Name: "?"}, {Name: "help-debug"},
		{Name: "version", Category: General, Help: "Show the version and end"},
		{Name: "assumevalid", Category: General, Param: "=<hex>", Help: "Take scripts of this block's ancestors for valid once it is in the best header chain; 0 checks all scripts"},
		{Name: "blockfilterindex", Category: General, Param: "=<type>", Help: "Keep compact filters of all blocks (BIP158) for getblockfilter; the one type is basic, which 1 and no value mean too (default: 0)"},
		{Name: "blocksdir", Category: General, Param: "=<dir>", Help: "Where the folder \"blocks\" with blk and rev files lives (default: the data directory)"},
		{Name: "blocksxor", Category: General, Help: "Mask the bytes of new blk and rev files with a key of their folder (default: 1)"},
		{Name: "coinstatsindex", Category: General, Help: "Keep statistics of the coins at every block for gettxoutsetinfo (default: 0)"},
		{Name: "conf", Category: General, Param: "=<file>", Help: "The configuration file, relative to the data directory (default: bitcoin.conf)"},
		{Name: "datadir", Category: General, Param: "=<dir>", Help: "The data directory (default: ~/.bulkhead)"},
		{Name: "dbcache", Category: General, Param: "=<n>", Help: "Megabytes of memory for coins that are not on disk yet and for the database (default: 450, at least 4)"},
		{Name: "includeconf", Category: General, Param: "=<file>", Help: "In the configuration file only: read this file too, relative to the data directory"},
		{Name: "allowignoredconf", Category: General, Help: "Only warn if the data directory holds a bitcoin.conf that another one overrides"},
		{Name: "loadblock", Category: General, Param: "=<file>", Help: "Read blocks from this file at start; may be repeated"},
		{Name: "persistmempool", Category: General, Help: "Write the mempool to mempool.dat at the end and take it in again at the next start (default: 1)"},
		{Name: "persistmempoolv1", Category: General, Help: "Write mempool.dat as Bitcoin Core did before version 27, without obfuscation (default: 0)"},
		{Name: "maxmempool", Category: General, Param: "=<n>", Help: "Megabytes of memory for the mempool (default: 300)"},
		{Name: "mempoolexpiry", Category: General, Param: "=<n>", Help: "Hours after which a transaction leaves the mempool (default: 336)"},
		{Name: "minimumchainwork", Category: General, Param: "=<hex>", Help: "Chains with less work, in hexadecimal, are not downloaded"},
		{Name: "par", Category: General, Param: "=<n>", Help: "Threads that verify scripts; 0 takes one a core, -n leaves n cores free (default: 0)"},
		{Name: "pid", Category: General, Param: "=<file>", Help: "The pid file, relative to the chain's folder (default: bitcoind.pid)"},
		{Name: "prune", Category: General, Param: "=<n>", Help: "Delete old block files: 1 lets the RPC pruneblockchain do it, 550 and more is how many MiB they may take (default: 0, keep all). Going back means downloading all again"},
		{Name: "reindex", Category: General, Help: "Make block index and UTXO set anew from the block files"},
		{Name: "reindex-chainstate", Category: General, Help: "Make the UTXO set anew from the indexed blocks; not for a pruned node"},
		{Name: "txindex", Category: General, Help: "Keep where every transaction is, for getrawtransaction (default: 0)"},
		{Name: "txospenderindex", Category: General, Help: "Keep which transaction spent each output, for gettxspendingprevout (default: 0)"},
		{Name: "daemon", Category: General, Help: "Go on in the background, and give the terminal back at once (default: 0)"},
		{Name: "daemonwait", Category: General, Help: "Likewise, when the node is ready: the exit status tells if it is (default: 0)"},
		{Name: "alertnotify", Category: General, Param: "=<cmd>", Help: "Shell command to run when the node warns of something, with the text for %s: a branch that it refuses has much more work than its own, or others may follow rules that it does not know"},
		{Name: "blocknotify", Category: General, Param: "=<cmd>", Help: "Shell command to run for every block that joins the chain, with its hash for %s; not in the initial download"},
		{Name: "startupnotify", Category: General, Param: "=<cmd>", Help: "Shell command to run when the node is ready"},
		{Name: "shutdownnotify", Category: General, Param: "=<cmd>", Help: "Shell command to run, and wait for, when the node begins to stop"},
	}
}

// ChainOptions are -chain, with a short form for each chain but the default, and what
// makes a chain another one. Clients have them too.
func ChainOptions() []Option {
	var names []string
	var list []Option
	for _, c := range chains.All() {
		names = append(names, c.Name)
		if c.Setting != "" {
			list = append(list, Option{Name: c.Setting, Category: Chain, Help: "The same as -chain=" + c.Name + ": " + c.About})
		}
	}
	return append(list,
		Option{Name: "chain", Category: Chain, Param: "=<chain>", Help: "One of " + strings.Join(names, ", ") + " (default: " + chains.Main + ")"},
		Option{Name: "signetchallenge", Category: Chain, Param: "=<hex>", Help: "Script in hex that solutions of blocks must satisfy: another signet than the default one (BIP325). Give each of them a data directory of its own"},
	)
}

// PortsOf lists the default ports of all chains.
func PortsOf(port func(chains.Chain) int) string {
	var list []string
	for _, c := range chains.All() {
		text := strconv.Itoa(port(c))
		if c.Name != chains.Main {
			text = c.Name + " " + text
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

func connectionOptions() []Option {
	return []Option{
		{Name: "addnode", Category: Connection, Param: "=<ip>", PerChain: true, Help: "Keep a connection to this peer besides the automatic ones; may be repeated"},
		{Name: "asmap", Category: Connection, Param: "=<file>", Help: "A map of addresses to autonomous systems, relative to the chain's folder: peers are chosen by these rather than by ranges of addresses (default: none)"},
		{Name: "bantime", Category: Connection, Param: "=<n>", Help: "Seconds for which setban bans unless told otherwise (default: 86400)"},
		{Name: "bind", Category: Connection, Param: "=<addr>[:<port>][=onion]", PerChain: true, Help: "Listen for peers here; \"=onion\" marks the local end of a Tor service; IPv6 as [host]:port; may be repeated"},
		{Name: "cjdnsreachable", Category: Connection, Help: "This machine is on CJDNS: fc00::/8 is that network, not a private one (default: 0)"},
		{Name: "connect", Category: Connection, Param: "=<ip>", PerChain: true, Help: "Connect to this peer only; may be repeated. -connect=0 and -noconnect make no connections by themselves"},
		{Name: "dns", Category: Connection, Help: "Look up the names in -addnode, -connect, -proxy and -onion (default: 1)"},
		{Name: "dnsseed", Category: Connection, Help: "Ask DNS seeds for peers when few are known; by a proxy for names they are peers to ask instead (default: 1 without -connect, and with IPv4 or IPv6 in -onlynet)"},
		{Name: "discover", Category: Connection, Help: "Find out which addresses this machine has (default: 1 when listening)"},
		{Name: "externalip", Category: Connection, Param: "=<ip>", Help: "An address at which peers find this node, of whatever network; may be repeated"},
		{Name: "forcednsseed", Category: Connection, Help: "Ask all DNS seeds at start, whatever is known (default: 0)"},
		{Name: "i2pacceptincoming", Category: Connection, Help: "Whether peers of I2P may connect to us, at an address that stays the same (file i2p_private_key), if -i2psam is given (default: 1 if we listen)"},
		{Name: "i2psam", Category: Connection, Param: "=<ip:port>", Help: "Reach peers of I2P by the SAM interface of this router, each from an address of its own, and be reached by them (-i2pacceptincoming; default port: 7656)"},
		{Name: "inboundrelaypercent", Category: Connection, Param: "=<n>", Help: "How many of the peers that connect may be told of transactions, in percent (default: 50)"},
		{Name: "listen", Category: Connection, Help: "Let peers connect (default: 1, but 0 with -connect or -proxy and no -bind)"},
		{Name: "listenprofile", Category: Connection, Param: "=<name>:<addr>[:<port>][,<key>=<value>]...", PerChain: true, Help: "Listen for peers here besides, with slots of their own and the keys slots=<n> (default: 32), services=network+limited+witness+filters (told and enforced), permissions=<a>+<b> (as in -whitelist), download=<rate> and upload=<rate> (of all of them together, as -maxuploadrate). The name \"local\" reserves 8 slots for services of your own, which nobody evicts and no other rate limits; \"filters\" serves compact filters and no blocks; \"limited\" the last 288 blocks; may be repeated"},
		{Name: "listenonion", Category: Connection, Help: "Have a Tor daemon make an onion service by which peers connect; if no proxy for Tor is given, its own is used (default: 1 when listening)"},
		{Name: "maxconnections", Category: Connection, Param: "=<n>", Help: "Connections at most, manual ones aside (default: 125)"},
		{Name: "maxdownloadrate", Category: Connection, Param: "=<n>", Help: "Bytes per second that are received from peers at most, with a suffix k, m or g thousands, with K, M or G 1024s; 0 for no limit (default: 0). setthrottle changes it"},
		{Name: "maxuploadrate", Category: Connection, Param: "=<n>", Help: "The same for what is sent to peers"},
		{Name: "maxuploadtarget", Category: Connection, Param: "=<n>", Help: "Send no more than this in a day, in MiB or with one of the units k, K, m, M, g, G, t, T (small letters by 1000, large ones by 1024): old blocks are refused in time for new ones to be relayed. Peers with the permission \"download\" get them all the same (default: 0, no limit)"},
		{Name: "networkactive", Category: Connection, Help: "Start with the P2P network switched on (default: 1); setnetworkactive changes it"},
		{Name: "onion", Category: Connection, Param: "=<ip:port|path>", Help: "Reach Tor's onion services by this SOCKS5 proxy, as \"unix:\" and a path too (default: that of -proxy); -noonion makes no connections to them"},
		{Name: "onlynet", Category: Connection, Param: "=<net>", Help: "Make automatic connections to this network only (ipv4, ipv6, onion, i2p, cjdns); may be repeated. Peers that connect, and -addnode and -connect, may be of any"},
		{Name: "peerbloomfilters", Category: Connection, Help: "Let peers set bloom filters for blocks and transactions (BIP37), which lets them use much of our time (default: 0)"},
		{Name: "peerblockfilters", Category: Connection, Help: "Serve compact filters of blocks to peers (BIP157); needs -blockfilterindex (default: 0)"},
		{Name: "peertimeout", Category: Connection, Param: "=<n>", Help: "Seconds for a handshake, and until silence counts (default: 60)"},
		{Name: "port", Category: Connection, Param: "=<port>", PerChain: true, Help: "Port for peers (default: " + PortsOf(chains.Chain.P2PPort) + ")"},
		{Name: "proxy", Category: Connection, Param: "=<ip>[:<port>][=<network>]|unix:<path>[=<network>]", Help: "Connect by this SOCKS5 proxy, for one network only if that is named (ipv4, ipv6, onion, cjdns); may be repeated, -noproxy takes it back. Names are looked up by the proxy, and nobody may connect unless -listen or -bind is given (default port: 9050)"},
		{Name: "proxyrandomize", Category: Connection, Help: "Give every connection by a proxy a user name and a password of its own, for which Tor takes another way (default: 1)"},
		{Name: "seednode", Category: Connection, Param: "=<ip>", Help: "A node to ask for addresses when there are too few peers; may be repeated"},
		{Name: "timeout", Category: Connection, Param: "=<n>", Help: "Milliseconds that dialling may take (default: 5000)"},
		{Name: "torcontrol", Category: Connection, Param: "=<ip>[:<port>]", Help: "Control port of the Tor daemon for -listenonion (default: 127.0.0.1:9051)"},
		{Name: "torpassword", Category: Connection, Param: "=<pass>", Secret: true, Help: "Password for it, if it does not take its cookie file"},
		{Name: "txreconciliation", Category: Connection, Help: "Agree with peers to reconcile transactions (BIP330): as in Bitcoin Core the agreement is all there is so far, and transactions are announced as ever (default: 0)"},
		{Name: "v2transport", Category: Connection, Help: "Encrypt connections to and from peers that can (BIP324, default: 1)"},
		{Name: "whitebind", Category: Connection, Param: "=<[permissions@]addr>", Help: "Listen here and grant the permissions to whoever connects"},
		{Name: "whitelist", Category: Connection, Param: "=<[permissions@]IP address or network>", Help: "Grant the permissions to peers from this address or network"},
		{Name: "zmqpubhashblock", Category: ZMQ, Param: "=<address>", Help: "Publish hashes of new tips here"},
		{Name: "zmqpubhashtx", Category: ZMQ, Param: "=<address>", Help: "Publish hashes of transactions here"},
		{Name: "zmqpubrawblock", Category: ZMQ, Param: "=<address>", Help: "Publish new tips here, whole"},
		{Name: "zmqpubrawtx", Category: ZMQ, Param: "=<address>", Help: "Publish transactions here, whole"},
		{Name: "zmqpubsequence", Category: ZMQ, Param: "=<address>", Help: "Publish every change of chain and mempool here"},
		{Name: "zmqpubhashblockhwm", Category: ZMQ, Param: "=<n>", Help: "Messages of hashblock that may wait for a subscriber (default: 1000)"},
		{Name: "zmqpubhashtxhwm", Category: ZMQ, Param: "=<n>", Help: "The same for hashtx (default: 1000)"},
		{Name: "zmqpubrawblockhwm", Category: ZMQ, Param: "=<n>", Help: "The same for rawblock (default: 1000)"},
		{Name: "zmqpubrawtxhwm", Category: ZMQ, Param: "=<n>", Help: "The same for rawtx (default: 1000)"},
		{Name: "zmqpubsequencehwm", Category: ZMQ, Param: "=<n>", Help: "The same for sequence (default: 1000)"},
	}
}

func otherOptions() []Option {
	return []Option{
		{Name: "disablewallet", Category: Wallet, Help: "Run without wallets"},
		{Name: "mintxfee", Category: Wallet, Param: "=<amt>", Help: "Least fee rate in BTC/kvB of a wallet's payments (default: 0.00001)"},
		{Name: "fallbackfee", Category: Wallet, Param: "=<amt>", Help: "Fee rate in BTC/kvB of payments that name none (default: 0.0002 on test chains; elsewhere they are refused)"},
		{Name: "wallet", Category: Wallet, Param: "=<path>", PerChain: true, Help: "Load this wallet at start; may be repeated"},
		{Name: "walletdir", Category: Wallet, Param: "=<dir>", PerChain: true, Help: "Where wallets live (default: \"wallets\" in the chain's folder)"},
		{Name: "acceptnonstdtxn", Category: Debug, Help: "Take transactions that are valid but not standard (test chains only; default: 0)"},
		{Name: "debug", Category: Debug, Param: "=<category>", Help: "Log this category in detail, all without a value. Bulkhead's own: ipc shows every request and reply between its processes"},
		{Name: "debugexclude", Category: Debug, Param: "=<category>", Help: "Do not log this category in spite of -debug"},
		{Name: "debuglogfile", Category: Debug, Param: "=<file>", Help: "The log, relative to the chain's folder (default: debug.log); -nodebuglogfile writes none"},
		{Name: "deprecatedrpc", Category: Debug, Param: "=<what>", Help: "Show what Bitcoin Core shows no more: bip125 (getmempoolentry), fullrbf (getmempoolinfo), warnings (a text instead of a list); may be repeated"},
		{Name: "logthreadnames", Category: Debug, Help: "Show which process wrote a line (default: 0)"},
		{Name: "capturemessages", Category: Debug, Help: "Keep all messages of peers in message_capture, a folder for each connection (default: 0)"},
		{Name: "logratelimit", Category: Debug, Help: "Of what one place in the program logs unasked, write a MiB an hour, so that nobody fills the disk by it (default: 1)"},
		{Name: "logtimemicros", Category: Debug, Help: "Show microseconds in the log (default: 0)"},
		{Name: "logtimestamps", Category: Debug, Help: "Show the time in the log (default: 1)"},
		{Name: "loglevel", Category: Debug, Param: "=<level>|<category>:<level>", Help: "trace logs even more of the categories of -debug (default: debug)"},
		{Name: "acceptstalefeeestimates", Category: Debug, Help: "Take over fee estimates even if they are stale, which they are after 60 hours (regtest only, default: 0)"},
		{Name: "maxtipage", Category: Debug, Param: "=<n>", Help: "Seconds of age of the tip up to which the chain counts as current (default: 86400)"},
		{Name: "mocktime", Category: Debug, Param: "=<n>", Help: "Freeze the time at this Unix second (default: 0, do not)"},
		{Name: "printtoconsole", Category: Debug, Help: "Write the log to standard output too (default: 0)"},
		{Name: "checkblocks", Category: Debug, Param: "=<n>", Help: "How many of the last blocks are looked through at start; 0 for all, -1 for none (default: 6)"},
		{Name: "checklevel", Category: Debug, Param: "=<n>", Help: "How thoroughly, 0 to 4, as verifychain does (default: 3)"},
		{Name: "stopafterblockimport", Category: Debug, Help: "Stop when the block files are read (default: 0)"},
		{Name: "stopatheight", Category: Debug, Param: "=<n>", Help: "Stop when the chain has reached this height (default: 0, do not)"},
		{Name: "uacomment", Category: Debug, Param: "=<cmt>", Help: "Append a comment to the user agent; may be repeated"},
		{Name: "testactivationheight", Category: Debug, Param: "=name@height.", Help: "Height at which segwit, bip34, dersig, cltv or csv begins to count (regtest only)"},
		{Name: "minrelaytxfee", Category: Relay, Param: "=<amt>", Help: "Fee rate in BTC/kvB below which transactions are not relayed (default: 0.000001)"},
		{Name: "incrementalrelayfee", Category: Relay, Param: "=<amt>", Help: "Fee rate in BTC/kvB that a replacement adds, and by which a full mempool raises its minimum (default: 0.000001)"},
		{Name: "dustrelayfee", Category: Relay, Param: "=<amt>", Help: "Fee rate in BTC/kvB by which dust is measured (default: 0.00003)"},
		{Name: "datacarrier", Category: Relay, Help: "Take transactions that carry data (default: 1)"},
		{Name: "datacarriersize", Category: Relay, Help: "Bytes of data in a transaction's outputs at most (default: 100000)"},
		{Name: "permitbaremultisig", Category: Relay, Help: "Relay outputs that are bare multisig scripts (default: 1)"},
		{Name: "blockreconstructionextratxn", Category: Relay, Param: "=<n>", Help: "Extra transactions to keep in memory for compact block reconstructions (default: 100)"},
		{Name: "privatebroadcast", Category: Relay, Help: "Send what sendrawtransaction is given by short connections of its own through Tor or I2P, and not to all peers: it enters the mempool when it comes back from the network. What wallets send is not affected (default: 0)"},
		{Name: "txsendrate", Category: Relay, Param: "=<n>", Help: "Most transactions a second that are announced to inbound peers, in the long run (default: 14)"},
		{Name: "blocksonly", Category: Relay, Help: "Take no transactions from peers (default: 0)"},
		{Name: "whitelistrelay", Category: Relay, Help: "Let -whitelist without permissions imply relay (default: 1)"},
		{Name: "whitelistforcerelay", Category: Relay, Help: "Let -whitelist without permissions imply forcerelay (default: 0)"},
		{Name: "blockmaxweight", Category: Mining, Param: "=<n>", Help: "Weight of mined blocks at most (BIP141, default: 4000000)"},
		{Name: "blockmintxfee", Category: Mining, Param: "=<amt>", Help: "Fee rate in BTC/kvB below which transactions are not mined (default: 0.00000001)"},
		{Name: "rest", Category: RPC, Help: "Serve the REST interface at /rest/ on the port for JSON-RPC, without a password, to whoever may connect (default: 0)"},
		{Name: "rpcallowip", Category: RPC, Param: "=<ip>", Help: "Let JSON-RPC clients from this address, network/CIDR or network/netmask connect; may be repeated"},
		{Name: "rpcauth", Category: RPC, Param: "=<userpw>", Secret: true, Help: "Account for JSON-RPC as USER:SALT$HASH, the hash being HMAC-SHA-256; may be repeated"},
		{Name: "rpcbind", Category: RPC, Param: "=<addr>[:port]|unix:<path>", PerChain: true, Help: "Listen for JSON-RPC here; needs -rpcallowip; may be repeated. A unix socket, whose path is relative to the chain's folder, needs none and is beside the others: only the node's own user can connect to it"},
		{Name: "rpccookiefile", Category: RPC, Param: "=<loc>", Help: "The cookie file, relative to the chain's folder (default: .cookie)"},
		{Name: "rpccookieperms", Category: RPC, Param: "=<who>", Help: "Who may read the cookie file: owner, group or all (default: owner)"},
		{Name: "rpcpassword", Category: RPC, Param: "=<pw>", Secret: true, Help: "Password for JSON-RPC"},
		{Name: "rpcport", Category: RPC, Param: "=<port>", PerChain: true, Help: "Port for JSON-RPC (default: " + PortsOf(func(c chains.Chain) int { return c.RPCPort }) + ")"},
		{Name: "rpcservertimeout", Category: RPC, Param: "=<n>", Help: "Seconds for a request to arrive (default: 30)"},
		{Name: "rpcthreads", Category: RPC, Param: "=<n>", Help: "Calls at a time to each compartment (default: 16)"},
		{Name: "rpcuser", Category: RPC, Param: "=<user>", Secret: true, Help: "User name for JSON-RPC"},
		{Name: "rpcholdtimeout", Category: RPC, Param: "=<n>", Help: "Seconds that a call waits for a process that has died and is being restarted, before it is refused with -28; 0 for not at all (default: 15). A call that only reads is made again; another that the process may have carried out is refused at once"},
		{Name: "rpcwhitelist", Category: RPC, Param: "=<user>:<commands>", Help: "Commands, separated by commas, that this user may call, and no others: a request with another is refused with the status 403; may be repeated, and what is listed each time counts"},
		{Name: "rpcwhitelistdefault", Category: RPC, Help: "Let users without -rpcwhitelist call nothing (default: 1 if there is any -rpcwhitelist)"},
		{Name: "rpcworkqueue", Category: RPC, Param: "=<n>", Help: "Calls that may wait for that, for each compartment (default: 64)"},
		{Name: "server", Category: RPC, Help: "Serve JSON-RPC (default: 1)"},
		{Name: "compartmentmaxmemory", Category: Processes, Param: "=<role>:<MB>", Help: "Kill a process of the role (node, peers, worker, dialler, wallet, notify, gateway) that has more memory than this, and start another (default: none); may be repeated"},
		{Name: "compartmenttimeout", Category: Processes, Param: "=<n>", Help: "Kill a process that has not answered the broker for this many seconds, and start another; 0 for never (default: 90)"},
		{Name: "ipcbind", Category: Processes, Param: "=<address>", PerChain: true, Help: "Let parts and programs on other machines attach here: unix:PATH (relative to the chain's folder) or tcp://HOST:PORT. Every connection is encrypted and needs a key that \"bulkhead bus keygen\" has made; may be repeated"},
		{Name: "ipcconnect", Category: Processes, Param: "=<address>", Help: "With \"bulkhead worker\", wallet, notify or gateway: run that one part here, for the node that has this -ipcbind"},
		{Name: "ipckey", Category: Processes, Param: "=<file>", Help: "The key for -ipcconnect: a .key_secret file that \"bulkhead bus keygen\" has made on the node's machine"},
		{Name: "metricsbind", Category: Processes, Param: "=<addr>[:port]", PerChain: true, Help: "Serve figures for Prometheus at http://<addr>:<port>/metrics (default port: 9332; default: nowhere). There is no password and -rpcallowip does not apply: bind to loopback or to a network that you trust; may be repeated"},
		{Name: "multiprocess", Category: Processes, Help: "Run every part in a process of its own; 0 runs all in one (default: 1)"},
		{Name: "p2pworkers", Category: Processes, Param: "=<n>|perpeer", Help: "Share the peer connections among <n> worker processes, or give each connection one; 0 leaves them to workers on other machines (default: perpeer; 1 with -multiprocess=0)"},
		{Name: "sandbox", Category: Processes, Param: "=require|try|off", Help: "Confine every process to what its part needs: system calls, files, sockets. \"try\" goes on with what the kernel offers, \"require\" does not (default: try)"},
	}
}

// acceptedOptions are settings that the help does not show, most of them for tests.
func acceptedOptions() []Option {
	names := []string{
		"checkaddrman", "logips", "settings", "test", "printpriority",
		"bytespersigop", "blockversion", "blockreservedweight", "limitclustercount", "limitclustersize", "fastprune",
		"logsourcelocations", "shrinkdebugfile",
	}
	var options []Option
	for _, name := range names {
		options = append(options, Option{Name: name})
	}
	for _, name := range idleNames() {
		options = append(options, Option{Name: name})
	}
	return options
}

// idleNames are settings that tune or check how Bitcoin Core does something that is done
// here in another way, or not at all, and that do not change what users see. The log says
// that they have no effect.
func idleNames() []string {
	return []string{
		"addrmantest", "checkblockindex", "checkmempool", "checkpoints", "dbbatchsize", "fixedseeds", "keypool",
		"limitancestorcount", "limitancestorsize", "limitdescendantcount", "limitdescendantsize", "maxreceivebuffer",
		"maxsendbuffer", "maxsigcachesize", "prevoutfetchthreads", "rpcdoccheck", "unsafesqlitesync",
	}
}

// Idle returns the settings given that have no effect, sorted.
func (s *Settings) Idle() (names []string) {
	for _, name := range idleNames() {
		if s.Has(name) {
			names = append(names, "-"+name)
		}
	}
	return names
}

// unservedOptions ask for something that this node does not do yet. Those with a value
// ask for nothing if that is empty.
func unservedOptions() []Option {
	var options []Option
	for _, name := range []string{"natpmp"} {
		options = append(options, Option{Name: name, Unserved: true})
	}
	for _, name := range []string{"signetseednode"} {
		options = append(options, Option{Name: name, Unserved: true, Param: "=<value>"})
	}
	for _, name := range []string{
		"addresstype", "changetype", "consolidatefeerate", "discardfee", "maxapsfee", "maxtxfee", "signer", "txconfirmtarget", "walletnotify",
	} {
		options = append(options, Option{Name: name, Unserved: true, OfWallets: true, Param: "=<value>"})
	}
	for _, name := range []string{"avoidpartialspends", "walletcrosschain"} {
		options = append(options, Option{Name: name, Unserved: true, OfWallets: true})
	}
	// These are always done: it is their absence that is not served.
	for _, name := range []string{"spendzeroconfchange", "walletbroadcast", "walletrbf", "walletrejectlongchains"} {
		options = append(options, Option{Name: name, Unserved: true, OfWallets: true, Always: true})
	}
	return options
}
