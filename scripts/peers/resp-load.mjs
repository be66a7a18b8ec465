/**
 * Clients of Redis that cost as little as possible: raw RESP, each connection sends `depth` SETs (and WAIT 1 0), waits for all
 * answers and goes on. Plan as JSON in the first argument; prints one line of JSON.
 */
import { connect } from 'node:net';

const { port, clients, depth, seconds, count = Infinity, first = 0, wait } = JSON.parse(process.argv[2]);
const value = 'A'.repeat(50);
let next = first;
let done = 0;
let open = clients;
const beganMs = performance.now();
const endMs = seconds === undefined ? Infinity : beganMs + seconds * 1000;

for (let i = 0; i < clients; i += 1) serve(connect(port, '127.0.0.1'));

function batch() {
  let text = '';
  for (let i = 0; i < depth; i += 1) {
    const key = `global/acct/${String(next++).padStart(12, '0')}`;
    text += `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$50\r\n${value}\r\n`;
  }
  return wait ? `${text}*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$1\r\n0\r\n` : text;
}

function serve(socket) {
  let lines = 0;
  const go = () => {
    if (performance.now() >= endMs || next - first >= count) return finish(socket);
    lines = depth + (wait ? 1 : 0);
    socket.write(batch(), 'latin1');
  };
  socket.setNoDelay(true);
  socket.on('connect', go);
  socket.on('data', (bytes) => {
    // Every answer to SET and WAIT is one line.
    for (let at = 0; at < bytes.length; at += 1) if (bytes[at] === 10) lines -= 1;
    if (lines > 0) return;
    done += depth;
    go();
  });
  socket.on('error', (error) => {
    console.error(error.message);
    process.exit(1);
  });
}

function finish(socket) {
  socket.end();
  open -= 1;
  if (open > 0) return;
  console.log(JSON.stringify({ rate: done / ((performance.now() - beganMs) / 1000), count: done }));
}
