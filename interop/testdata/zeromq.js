// Writes what the node publishes, a line for each message: topic and body in hex. Hashes
// are published in the order in which they are shown.
const {Subscriber} = require("zeromq")

const told = JSON.parse(process.argv[2])

async function main() {
  const socket = new Subscriber()
  socket.connect(told.ZMQ)
  socket.subscribe("hashblock", "hashtx", "rawblock", "rawtx", "sequence")
  const last = {}
  for await (const [topic, body, sequence] of socket) {
    const number = sequence.readUInt32LE()
    if (topic in last && number !== (last[topic] + 1) % 2 ** 32) throw new Error(`${topic}: ${number} after ${last[topic]}`)
    last[topic] = number
    process.stdout.write(`${topic} ${body.toString("hex")}\n`)
  }
}

main().catch(e => { console.error(e); process.exit(1) })
