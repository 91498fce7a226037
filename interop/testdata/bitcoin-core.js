// The npm package bitcoin-core: JSON-RPC one by one, in a batch, by name and on a wallet,
// and REST in each of its formats.
const assert = require("node:assert/strict")
const Client = require("bitcoin-core")

const told = JSON.parse(process.argv[2])
const options = {host: told.URL, username: told.User, password: told.Password}
const tip = told.Blocks.at(-1)
const height = told.Blocks.length - 1

async function rpc() {
  const client = new Client(options)
  assert.equal(await client.getBestBlockHash(), tip)
  const chain = await client.getBlockchainInfo()
  assert.deepEqual([chain.chain, chain.blocks], ["regtest", height])
  assert.equal((await client.getNetworkInfo()).networkactive, true)
  const [hash, count, fault] = await client.command([
    {method: "getblockhash", parameters: [1]}, {method: "getblockcount", parameters: []}, {method: "getblockhash", parameters: [height + 1]},
  ])
  assert.deepEqual([hash, count, fault.code], [told.Blocks[1], height, -8])
  await assert.rejects(client.getBlock("00".repeat(32)), {code: -5, message: "Block not found"})
  await assert.rejects(client.command("nosuchmethod"), {code: -32601})
  await assert.rejects(new Client({...options, password: "wrong"}).getBlockCount(), {code: 401})
  const named = new Client({...options, version: "0.21.0"})
  assert.equal((await named.getBlock({blockhash: tip, verbosity: 1})).height, height)
  const pool = await client.getRawMempool(true)
  assert.deepEqual(Object.keys(pool), [told.Waiting])
  assert.equal(pool[told.Waiting].fees.base, 0.0001)
}

async function wallet() {
  const client = new Client({...options, wallet: told.Wallet})
  assert.equal(await client.getBalance(), 50.0001)
  const address = await client.getNewAddress()
  assert.ok((await client.validateAddress(address)).isvalid)
  const txid = await client.sendToAddress(address, "1.5")
  await client.generateToAddress(1, told.Others)
  const tx = await client.getTransaction(txid)
  assert.equal(tx.confirmations, 1)
  assert.ok((await client.listUnspent()).some(coin => coin.txid === txid && coin.amount === 1.5))
  assert.equal((await client.listTransactions()).at(-1).txid, txid)
}

async function rest() {
  const client = new Client({host: told.URL})
  assert.equal((await client.getBlockchainInformation()).bestblockhash, tip)
  const block = await client.getBlockByHash(tip)
  assert.equal(block.hash, tip)
  assert.equal((await client.getBlockByHash(tip, {summary: true})).tx[0], block.tx[0].txid)
  const raw = await client.getBlockByHash(tip, {extension: "bin"})
  assert.equal((await client.getBlockByHash(tip, {extension: "hex"})).trim(), raw.toString("hex"))
  const headers = await client.getBlockHeadersByHash(told.Blocks[1], 5)
  assert.deepEqual(headers.map(header => header.hash), told.Blocks.slice(1, 6))
  const tx = await client.getTransactionByHash(told.Mined)
  assert.equal(tx.txid, told.Mined)
  const bytes = await client.getTransactionByHash(told.Mined, {extension: "bin"})
  assert.equal((await client.getTransactionByHash(told.Mined, {extension: "hex"})).trim(), bytes.toString("hex"))
  const unspent = await client.getUnspentTransactionOutputs([{id: told.Waiting, index: 0}, {id: told.Mined, index: 0}])
  assert.equal(unspent.bitmap, "11")
  assert.equal(unspent.utxos[0].scriptPubKey.address, told.Nobodys)
  assert.deepEqual(Object.keys(await client.getMemoryPoolContent()), [told.Waiting])
  assert.equal((await client.getMemoryPoolInformation()).size, 1)
  await assert.rejects(client.getBlockByHash("00".repeat(32)), {code: 404})
}

rest().then(rpc).then(wallet).catch(e => { console.error(e); process.exit(1) })
