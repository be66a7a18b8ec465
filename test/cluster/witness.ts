/**
 * Applications that write all the time, and what they saw: one that follows the mirror, and one at each member (an async may
 * be promoted) that asks nobody who is primary. From their notes follows what no scenario may violate: what was acknowledged is there,
 * and no two members acknowledged in overlapping time.
 */
import { createHash } from 'node:crypto';
import { MirrorUnreachableError } from '../../src/client/client-errors.ts';
import { type Client, connectToMirror, decodeKey, encodeKey, type SetStream } from '../../src/client/main.ts';
import { isCaughtUp, type Lab, type Label, labels as members, pause } from './lab.ts';

interface Acknowledged {
  readonly sentMs: number;
  readonly atMs: number;
  readonly by: Label;
}

/** Between two updates of one writer: enough to see who acknowledges, and easy on two processors. */
const paceMs = 8;

export class Witness {
  readonly #lab: Lab;
  readonly #story: string;
  readonly #acknowledged: Acknowledged[] = [];
  readonly #expected = new Map<string, string>();
  readonly #faults: string[] = [];
  /** What the members answered to those who may not write, and why, by member. */
  readonly refusals: Record<Label, string[]> = { A: [], B: [], C: [] };
  #isStopping = false;
  #firstEpoch = 0;
  #writers: Promise<void>[] = [];
  readonly #clients = new Set<Client>();

  /** So many applications follow the mirror. */
  readonly #followers: number;

  constructor(lab: Lab, story: string, followers = 1) {
    this.#lab = lab;
    this.#story = story;
    this.#followers = followers;
  }

  async start(): Promise<this> {
    this.#firstEpoch = Math.max(0, ...this.#epochs().map(({ epoch }) => epoch));
    this.#writers = [
      ...Array.from({ length: this.#followers }, (_, number) => this.#follow(`STREAM${number}`)),
      ...members.map((label) => this.#knock(label)),
    ];
    await this.untilWritten(50);
    return this;
  }

  get count(): number {
    return this.#acknowledged.length;
  }

  lastBy(label: Label): number {
    return this.#acknowledged.findLast(({ by }) => by === label)?.atMs ?? 0;
  }

  /** Another so many acknowledgements, whoever gives them. */
  async untilWritten(count = 20, timeoutMs = 20_000): Promise<void> {
    const [goal, deadlineMs] = [this.count + count, performance.now() + timeoutMs];
    while (this.count < goal) {
      if (performance.now() > deadlineMs) {
        throw new Error(`nobody acknowledges updates for ${timeoutMs} ms: ${await this.#lab.describe()}`);
      }
      await pause(20);
    }
  }

  /** Another acknowledgement of this member. */
  async untilWrittenBy(label: Label, timeoutMs = 20_000): Promise<void> {
    const [sinceMs, deadlineMs] = [performance.now(), performance.now() + timeoutMs];
    while (this.lastBy(label) <= sinceMs) {
      if (performance.now() > deadlineMs) {
        throw new Error(`${label} acknowledges nothing for ${timeoutMs} ms: ${await this.#lab.describe()}`);
      }
      await pause(20);
    }
  }

  /** The longest time without any acknowledgement since then. */
  longestPauseMs(sinceMs: number): number {
    const times = [sinceMs, ...this.#acknowledged.map(({ atMs }) => atMs).filter((atMs) => atMs > sinceMs)];
    return times.reduce((longest, atMs, index) => Math.max(longest, atMs - (times[index - 1] ?? atMs)), 0);
  }

  /** From then to the first acknowledgement by this member. */
  waitFor(label: Label, sinceMs: number): number {
    const first = this.#acknowledged.find(({ atMs, by }) => by === label && atMs > sinceMs);
    if (first === undefined) throw new Error(`${label} has acknowledged nothing`);
    return first.atMs - sinceMs;
  }

  countSince(sinceMs: number): number {
    return this.#acknowledged.filter(({ atMs }) => atMs > sinceMs).length;
  }

  /** Ends the writers while the lab is brought up again (under load a DR async is hardly ever caught up), and lists everything that was violated. */
  async verdict(): Promise<readonly string[]> {
    await Promise.all([this.#lab.up(), this.stop(60_000)]);
    const violations = [...this.#faults, ...this.#overlaps()];
    return [...violations, ...(await this.#differences())];
  }

  /** What a member that went down just now has is asked again when it is back. */
  async #differences(): Promise<readonly string[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const hashes = await this.#untilEqual();
        const lost = await Promise.all(members.map((label) => this.#lost(label)));
        const isEqual = new Set(Object.values(hashes)).size === 1;
        return [...(isEqual ? [] : [`members differ: ${JSON.stringify(hashes)}`]), ...lost.flat()];
      } catch (error) {
        if (!(error instanceof MirrorUnreachableError) || attempt === 3) throw error;
        await this.#lab.up();
      }
    }
  }

  /** What was written by then must still be acknowledged, or the load has failed. */
  async stop(timeoutMs = 1000): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const ended = Promise.all(this.#writers);
    await Promise.race([ended, pause(timeoutMs)]);
    for (const client of this.#clients) client.close();
    await ended;
  }

  /** A bulk load through the mirror's address: it must never fail, whatever happens. */
  async #follow(writer: string): Promise<void> {
    const targets = members.map((label) => this.#lab.addresses[label]);
    const client = await connectToMirror({ targets, mirror: 'LAB', timeoutMs: 80_000 });
    this.#clients.add(client);
    const sentMs: number[] = [];
    let written = 0;
    const stream: SetStream = client.stream({
      inFlight: 64,
      onAcknowledged: (record) => this.#note(client, writer, record, sentMs[record] ?? 0),
    });
    try {
      while (!this.#isStopping) {
        written += 1;
        sentMs[written] = performance.now();
        const wait = stream.write(this.#key(writer, written), Buffer.from(String(written)));
        await (wait ?? pause(paceMs));
      }
      await stream.end();
    } catch (error) {
      this.#faults.push(`the load of the mirror failed: ${(error as Error).message}`);
    }
    this.#clients.delete(client);
    client.close();
  }

  /** One update after the other, at one member, primary or not. */
  async #knock(label: Label): Promise<void> {
    let number = 0;
    while (!this.#isStopping) {
      let client: Client | null = null;
      try {
        client = await connectToMirror({ targets: [this.#lab.addresses[label]], timeoutMs: 1000 });
        this.#clients.add(client);
        while (!this.#isStopping) {
          number += 1;
          const sentMs = performance.now();
          await client.set(this.#key(label, number), Buffer.from(String(number)));
          this.#acknowledge(label, label, number, sentMs);
          await pause(paceMs);
        }
      } catch (error) {
        this.refusals[label].push((error as Error).message);
        await pause(30);
      }
      if (client !== null) this.#clients.delete(client);
      client?.close();
    }
  }

  #note(client: Client, writer: string, record: number, sentMs: number): void {
    const address = client.address;
    const by = members.find(
      (label) => this.#lab.addresses[label].host === address?.host && this.#lab.addresses[label].port === address?.port,
    );
    if (by === undefined) this.#faults.push(`record ${record} was acknowledged by nobody known`);
    else this.#acknowledge(by, writer, record, sentMs);
  }

  #acknowledge(by: Label, writer: string, number: number, sentMs: number): void {
    this.#acknowledged.push({ sentMs, atMs: performance.now(), by });
    this.#expected.set(`${this.#story}|${writer}|${number}`, String(number));
  }

  #key(writer: string, number: number): Uint8Array {
    return encodeKey('WITNESS', [this.#story, writer, String(number)]);
  }

  /**
   * Who acknowledged, one after the other, must be a part of who was primary, epoch after epoch: two at a time would show
   * as a return of the first without another epoch of its own.
   */
  #overlaps(): readonly string[] {
    const primaries = this.#epochs()
      .filter(({ epoch }) => epoch >= this.#firstEpoch)
      .map(({ label }) => label);
    const runs = this.#runs();
    let at = 0;
    for (const label of primaries) if (runs[at] === label) at += 1;
    if (at === runs.length) return [];
    return [`${runs.join(', ')} acknowledged one after the other, but the primaries were ${primaries.join(', ')}`];
  }

  /**
   * Who acknowledged, one after the other. An answer that was on its way when its primary was lost (in the network, or in a
   * process that stood still) may come late: its update was sent before the new primary answered anybody.
   */
  #runs(): readonly Label[] {
    const runs: Acknowledged[] = [];
    for (const each of this.#acknowledged) {
      const [before, last] = [runs.at(-2), runs.at(-1)];
      const isLate = before?.by === each.by && last !== undefined && each.sentMs < last.atMs;
      if (each.by !== last?.by && !isLate) runs.push(each);
    }
    return runs.map(({ by }) => by);
  }

  #epochs(): readonly { readonly label: Label; readonly epoch: number }[] {
    return members
      .flatMap((label) => this.#lab.events(label).map((event) => ({ label, event })))
      .filter(({ event }) => event.what === 'is primary')
      .map(({ label, event }) => ({ label, epoch: Number(event.facts.epoch) }))
      .sort((a, b) => a.epoch - b.epoch);
  }

  async #untilEqual(): Promise<Readonly<Record<string, string>>> {
    const deadlineMs = performance.now() + 15_000;
    for (;;) {
      for (const label of members) {
        await this.#lab.until(label, 'caught up', (status) => isCaughtUp(status));
      }
      const hashes: Record<string, string> = {};
      for (const label of members) hashes[label] = (await this.#read(label)).hash;
      if (new Set(Object.values(hashes)).size === 1 || performance.now() > deadlineMs) return hashes;
      await pause(100);
    }
  }

  async #lost(label: Label): Promise<readonly string[]> {
    const { found } = await this.#read(label);
    const lost = [...this.#expected].filter(([key, value]) => found.get(key) !== value).map(([key]) => key);
    if (lost.length === 0) return [];
    return [`${label} lacks ${lost.length} acknowledged updates, such as ${lost.slice(0, 5).join(' ')}`];
  }

  /** Everything a member has, and what of it this story wrote. */
  async #read(label: Label): Promise<{ readonly hash: string; readonly found: ReadonlyMap<string, string> }> {
    const client = await connectToMirror({ targets: [this.#lab.addresses[label]], timeoutMs: 10_000 });
    const hash = createHash('sha256');
    const found = new Map<string, string>();
    try {
      for await (const { key, value } of client.scan(new Uint8Array(0))) {
        hash.update(key).update(value);
        const { subscripts } = decodeKey(key);
        if (subscripts[0] === this.#story) found.set(subscripts.join('|'), Buffer.from(value).toString());
      }
    } finally {
      client.close();
    }
    return { hash: hash.digest('hex'), found };
  }
}
