/** A client that writes one record after the other, each when the last one was acknowledged. */
export class Writer {
  #library;
  #client;
  #number;
  #global;
  #work;
  #record = 0;
  #isStopped = false;
  #brokenMs = Number.POSITIVE_INFINITY;
  #last = { address: '', atMs: 0 };
  #onAcknowledged = () => undefined;
  #goOn = () => undefined;
  #gate = null;

  constructor(library, client, row, number) {
    this.#library = library;
    this.#client = client;
    this.#number = number;
    this.#global = `TAKEOVER${row.how.toUpperCase()}${row.qosMs}x${row.clients}`;
    this.#work = this.#write();
    this.#work.catch((error) => process.stderr.write(`  client ${number}: ${error.message}\n`));
  }

  #keyOf(record) {
    return this.#library.encodeKey(this.#global, [String(this.#number), String(record)]);
  }

  async #write() {
    while (!this.#isStopped) {
      await this.#gate;
      const next = this.#record + 1;
      try {
        await this.#client.set(this.#keyOf(next), Buffer.from(String(next)));
      } catch (error) {
        if (error.code !== 'outcome-unknown') throw error;
        this.#brokenMs = Math.min(this.#brokenMs, performance.now());
        continue;
      }
      this.#record = next;
      const before = this.#last;
      this.#last = { address: this.#client.address?.host ?? '', atMs: performance.now() };
      this.#onAcknowledged(before);
    }
  }

  pause() {
    this.#gate = new Promise((resolve) => {
      this.#goOn = resolve;
    });
  }

  goOn() {
    this.#gate = null;
    this.#goOn();
  }

  #until(isReached) {
    return Promise.race([
      this.#work.then(() => Promise.reject(new Error('the client has ended'))),
      new Promise((resolve) => {
        this.#onAcknowledged = (before) => {
          const reached = isReached(before);
          if (reached !== undefined) resolve(reached);
        };
      }),
    ]);
  }

  acknowledgedBy(address) {
    return this.#until(() => (this.#last.address === address ? true : undefined));
  }

  /** The first write that another member than `address` acknowledged, and the last one before it. */
  watch(address) {
    this.#brokenMs = Number.POSITIVE_INFINITY;
    return this.#until((before) => {
      if (this.#last.address === address) return undefined;
      const newest = this.#record - 1;
      return {
        lastBeforeMs: before.atMs,
        firstAfterMs: this.#last.atMs,
        brokenMs: Number.isFinite(this.#brokenMs) ? this.#brokenMs : before.atMs,
        lost: () => this.#lost(newest),
      };
    });
  }

  /** The newest write that the old primary acknowledged is the one at stake. */
  async #lost(newest) {
    const value = await this.#client.get(this.#keyOf(newest));
    return value === null ? [`client ${this.#number} has lost its acknowledged record ${newest}`] : [];
  }

  /** What is wrong when every record is counted. */
  async stop() {
    this.#isStopped = true;
    this.goOn();
    await this.#work.catch(() => undefined);
    const count = await this.#client.count(this.#library.encodeKey(this.#global, [String(this.#number)]));
    this.#client.close();
    const lost = this.#record - count;
    return lost > 0 ? [`client ${this.#number} has lost ${lost} of ${this.#record} acknowledged records`] : [];
  }
}
