"""Debian's python3-bitcoinlib: its proxy for JSON-RPC, and its own reading of blocks."""
import json
import sys

import bitcoin
import bitcoin.rpc
from bitcoin.core import COIN, CTransaction, b2lx, lx, x

told = json.loads(sys.argv[1])
bitcoin.SelectParams("regtest")
url = "http://%s:%s@%s" % (told["User"], told["Password"], told["Host"])
proxy = bitcoin.rpc.Proxy(service_url=url, timeout=60)

height = len(told["Blocks"]) - 1
assert proxy.getblockcount() == height
assert b2lx(proxy.getbestblockhash()) == told["Blocks"][-1]
for at in 0, 1, 121, height:
    block = proxy.getblock(proxy.getblockhash(at))
    assert b2lx(block.GetHash()) == told["Blocks"][at]
    assert block.calc_merkle_root() == block.hashMerkleRoot
    assert proxy.getblockheader(lx(told["Blocks"][at])).hashMerkleRoot == block.hashMerkleRoot
shown = proxy.getblockheader(lx(told["Blocks"][1]), verbose=True)
assert shown["nextblockhash"] == lx(told["Blocks"][2]), shown
try:
    proxy.getblock(bytes(32))
    raise AssertionError("a block that is not there")
except IndexError:
    pass
try:
    proxy.getblockhash(height + 1)
    raise AssertionError("a height that is not there")
except IndexError:
    pass

assert [b2lx(txid) for txid in proxy.getrawmempool()] == [told["Waiting"]]
assert told["Waiting"] in proxy.getrawmempool(verbose=True)
found = proxy.getrawtransaction(lx(told["Mined"]), verbose=True)
assert b2lx(found["tx"].GetTxid()) == told["Mined"] and found["confirmations"] == height - 120
tx = CTransaction.deserialize(x(told["Raw"]))
assert proxy.sendrawtransaction(tx) == tx.GetTxid()
out = proxy.gettxout(bitcoin.core.COutPoint(tx.GetTxid(), 0))
assert out["txout"].nValue == tx.vout[0].nValue and out["confirmations"] == 0
try:
    proxy.sendrawtransaction(CTransaction.deserialize(x(told["Raw"])[:-1] + b"\x01"))
    raise AssertionError("a spend that conflicts")
except bitcoin.rpc.VerifyRejectedError:
    pass
assert proxy.getmininginfo()["chain"] == "regtest"

assert proxy.getbalance() == 50.0001 * COIN
address = proxy.getnewaddress()
assert proxy.validateaddress(address)["isvalid"]
payment = proxy.sendtoaddress(address, 0.125 * COIN)
assert proxy.gettransaction(payment)["confirmations"] == 0
blocks = list(proxy.generatetoaddress(1, told["Others"]))
assert len(blocks) == 1
assert proxy.gettransaction(payment)["confirmations"] == 1
coins = proxy.listunspent(1)
assert any(coin["outpoint"].hash == payment and coin["amount"] == 0.125 * COIN for coin in coins)
proxy.addnode("127.0.0.1:1")
