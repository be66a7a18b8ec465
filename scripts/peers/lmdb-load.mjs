/** LMDB as it comes: SETs in random order in durable transactions of 1000, in this process. Prints SETs a second as JSON. */
import { open } from 'lmdb';

const { directory, count, keys } = JSON.parse(process.argv[2]);
const store = open({ path: directory, keyEncoding: 'binary', encoding: 'binary' });
const value = Buffer.alloc(50, 0x41);
const beganMs = performance.now();
for (let i = 0; i < count; i += 1000) {
  store.transactionSync(() => {
    for (let j = i; j < i + 1000; j += 1)
      store.put(Buffer.from(`acct/c/${String((j * 7919) % keys).padStart(12, '0')}`), value);
  });
}
await store.flushed;
console.log(JSON.stringify({ rate: count / ((performance.now() - beganMs) / 1000) }));
await store.close();
