/** A client that has several sets under way, each with the next number, and knows which were acknowledged as durable. */
export class NumberedWriter {
  #library;
  #client;
  #isStopped = false;
  #work = [];
  #onAcknowledged = () => undefined;
  begun = 0;
  acknowledged = new Set();

  constructor(library, client, underWay = 16) {
    this.#library = library;
    this.#client = client;
    this.#work = Array.from({ length: underWay }, () => this.#write());
    for (const each of this.#work) each.catch((error) => process.stderr.write(`  a writer ended: ${error.message}\n`));
  }

  async #write() {
    while (!this.#isStopped) {
      this.begun += 1;
      const number = this.begun;
      try {
        await this.#client.set(this.#keyOf(number), Buffer.from(`value ${number}`));
      } catch (error) {
        // Nobody knows whether that one was done: it may be there or not.
        if (error.code !== 'outcome-unknown') throw error;
        continue;
      }
      this.acknowledged.add(number);
      this.#onAcknowledged();
    }
  }

  #keyOf(number) {
    return this.#library.encodeKey('CRASH', [String(number)]);
  }

  /** When so many more were acknowledged. */
  async more(count) {
    const enough = this.acknowledged.size + count;
    await Promise.race([
      Promise.all(this.#work),
      new Promise((resolve) => {
        this.#onAcknowledged = () => {
          if (this.acknowledged.size >= enough) resolve();
        };
      }),
    ]);
  }

  /** What is wrong with what is there now: an acknowledged one that is missing, or a value that was never written. */
  async wrong() {
    const missing = new Set(this.acknowledged);
    const wrong = [];
    for await (const { key, value } of this.#client.scan(this.#library.encodeKey('CRASH', []))) {
      const number = Number(this.#library.decodeKey(key).subscripts[0]);
      missing.delete(number);
      const text = Buffer.from(value).toString();
      if (number > this.begun || text !== `value ${number}`) wrong.push(`^CRASH(${number}) holds "${text}"`);
    }
    if (missing.size > 0)
      wrong.push(`${missing.size} acknowledged updates are missing, the first is ${[...missing][0]}`);
    return wrong;
  }

  async stop() {
    this.#isStopped = true;
    await Promise.allSettled(this.#work);
    this.#client.close();
  }
}
