/**
 * The least that a server in Node can be: length-prefixed requests over TCP, a Map behind, no checks. `server` listens and
 * prints its port; `load` is one process of clients, half SETs and half GETs. Plan as JSON in the second argument.
 */
import { connect, createServer } from 'node:net';

const [role, plan] = [process.argv[2], JSON.parse(process.argv[3] ?? '{}')];
const requestBytes = 4 + 5 + 24 + 50;
const answerBytes = 12;

if (role === 'server') serve();
else load(plan);

function serve() {
  const values = new Map();
  const server = createServer((socket) => {
    let rest = null;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      const bytes = rest === null ? chunk : Buffer.concat([rest, chunk]);
      const out = Buffer.allocUnsafe((Math.floor(bytes.length / requestBytes) + 1) * answerBytes);
      let [at, to] = [0, 0];
      while (bytes.length - at >= 4) {
        const length = bytes.readUInt32LE(at);
        if (bytes.length - at - 4 < length) break;
        const key = bytes.latin1Slice(at + 9, at + 33);
        let found = 1;
        if (bytes[at + 8] === 1) values.set(key, bytes.latin1Slice(at + 33, at + 4 + length));
        else found = values.has(key) ? 1 : 0;
        to = out.writeUInt32LE(8, to);
        to = out.writeUInt32LE(bytes.readUInt32LE(at + 4), to);
        to = out.writeUInt32LE(found, to);
        at += 4 + length;
      }
      rest = at < bytes.length ? Buffer.from(bytes.subarray(at)) : null;
      if (to > 0) socket.write(out.subarray(0, to));
    });
  });
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
}

function load({ port, clients, depth, seconds }) {
  let [done, open] = [0, clients];
  const beganMs = performance.now();
  const endMs = beganMs + seconds * 1000;
  for (let index = 0; index < clients; index += 1) {
    const socket = connect(port, '127.0.0.1');
    let [sequence, underWay, rest] = [0, 0, 0];
    const send = (count) => {
      const bytes = Buffer.alloc(count * requestBytes, 65);
      for (let at = 0; at < bytes.length; at += requestBytes, sequence += 1) {
        bytes.writeUInt32LE(requestBytes - 4, at);
        bytes.writeUInt32LE(sequence, at + 4);
        bytes[at + 8] = 1 + (sequence & 1);
        bytes.latin1Write(String(1e11 + ((sequence >> 1) % 100_000) + index * 1e6).padStart(24, 'k'), at + 9);
      }
      underWay += count;
      socket.write(bytes);
    };
    socket.setNoDelay(true);
    socket.on('connect', () => send(depth));
    socket.on('data', (bytes) => {
      const answers = Math.floor((rest + bytes.length) / answerBytes);
      rest = (rest + bytes.length) % answerBytes;
      underWay -= answers;
      done += answers;
      if (performance.now() < endMs) {
        if (depth === 1 || underWay <= depth / 2) send(depth - underWay);
      } else if (underWay === 0) {
        socket.destroy();
        open -= 1;
        if (open === 0) console.log(JSON.stringify({ rate: done / ((performance.now() - beganMs) / 1000) }));
      }
    });
  }
}
