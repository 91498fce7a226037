// The npm package bitcoin-json-rpc, which checks the type of what it is answered.
const assert = require("node:assert/strict")

const told = JSON.parse(process.argv[2])
const height = told.Blocks.length - 1

async function main() {
  // Node.js 20 does not load what the package offers to require, nor finds by NODE_PATH
  // what is imported.
  const {default: BitcoinJsonRpc} = await import(`${process.env.NODE_PATH}/bitcoin-json-rpc/dist/esm/index.js`)
  const client = new BitcoinJsonRpc(`http://${told.User}:${told.Password}@${told.Host}`)
  assert.equal(await client.getBlockCount(), height)
  assert.equal((await client.getBlockchainInfo()).headers, height)
  assert.equal(await client.getBlockHashFromHeight(7), told.Blocks[7])
  assert.equal((await client.getBlockFromHash(told.Blocks[7])).height, 7)
  assert.deepEqual(await client.getRawMempool(), [told.Waiting])
  const tx = await client.getRawTransactionAsObject(told.Mined)
  assert.equal(tx.vout[0].scriptPubKey.address, told.Nobodys)
  assert.equal(tx.blockhash, told.Blocks[121])
  const sent = await client.sendRawTransaction(told.Raw)
  assert.equal((await client.getRawTransactionAsObject(sent)).blockhash, undefined)
  const raw = await client.createRawTransaction([{txid: sent, vout: 0}], {[told.Others]: "1.00000000"})
  assert.match(raw, /^02000000/)
  assert.equal(await client.getBalance(1), 50.0001)
  const address = await client.getNewAddress()
  assert.ok((await client.validateAddress(address)).isvalid)
  const [coin] = await client.listUnspent(1)
  assert.equal(coin.amount, 50.0001)
  const payment = await client.sendToAddress(address, "0.25")
  const [block] = await client.generateToAddress(1, told.Others)
  const seen = await client.getTransaction(payment)
  assert.equal(seen.blockhash, block)
  assert.ok(seen.fee < 0)
  await assert.rejects(client.getBlockFromHash("00".repeat(32)), /Block not found/)
}

main().catch(e => { console.error(e); process.exit(1) })
