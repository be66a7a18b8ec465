/** A superserver of one evening: a map behind the real channel, with the misbehaviour a test asks for. */
import type { Connection, Listener, Network } from '../../src/network/network.ts';
import { acceptChannel } from '../../src/network/opening-exchange.ts';
import { createTcpNetwork } from '../../src/network/tcp-network.ts';
import type { ClientRefusal } from '../../src/protocol/client-channel.ts';
import {
  type ClientAnswer,
  type ClientRequest,
  decodeRequest,
  encodeAnswer,
} from '../../src/protocol/client-messages.ts';
import type { Frame } from '../../src/protocol/frame.ts';

export const network: Network = createTcpNetwork({ files: { makePrivateDirectory: () => {}, removeSocket: () => {} } });

/**
 * What happens to a request besides being done: `drop` cuts the connection, `swallow` answers never again, `do-with-next` leaves the
 * answer to the next `done`, `done-too-far` says done of requests nobody made.
 */
export type Fate = 'do' | 'do-with-next' | 'done-too-far' | 'drop' | 'do-and-drop' | 'swallow' | ClientRefusal;

export class SmallSuperserver {
  readonly nodes = new Map<string, Buffer>();
  /** Keys of the sets done, in order. */
  readonly done: string[] = [];
  readonly seen: ClientRequest[] = [];
  /** Messages that came, each of one request or of many. */
  messages = 0;
  isPrimary: boolean;
  epoch: number;
  primary: string | null = null;
  fate: (request: ClientRequest, count: number) => Fate = () => 'do';
  /** It reads the next message so long after the last one. */
  msForEach = 0;
  #listener: Listener | null = null;
  readonly #connections = new Set<Connection>();

  constructor(isPrimary: boolean, epoch = 1) {
    this.isPrimary = isPrimary;
    this.epoch = epoch;
  }

  get address() {
    return { host: '127.0.0.1', port: this.#listener!.port };
  }

  async open(port = 0): Promise<this> {
    this.#listener = await network.listen('127.0.0.1', port, (connection) => void this.#serve(connection));
    return this;
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    await this.#listener?.close();
  }

  async #serve(connection: Connection): Promise<void> {
    this.#connections.add(connection);
    connection.onClosed(() => this.#connections.delete(connection));
    const epoch = { number: this.epoch, owner: 'A', lineage: '' };
    const accepted = await acceptChannel(
      connection,
      (open) =>
        open.mirror !== '' && !this.isPrimary
          ? { reason: 'not-primary', text: 'this is a backup', primary: this.primary }
          : { version: 1, mirror: 'M', member: 'A', instance: 'A', epoch },
      1000,
    );
    if (accepted.state !== 'opened') return;
    let before = Promise.resolve();
    connection.onFrames((frames) => {
      if (this.msForEach === 0) return this.#work(connection, frames);
      before = before
        .then(() => new Promise((resolve) => setTimeout(resolve, this.msForEach)))
        .then(() => this.#work(connection, frames));
    });
  }

  #work(connection: Connection, frames: readonly Frame[]): void {
    this.messages += frames.length;
    const requests = frames.flatMap((frame) => eachOf(decodeRequest(frame.kind, frame.body)));
    for (const request of requests) {
      if (connection.isClosed) return;
      this.seen.push(request);
      const fate = this.fate(request, this.seen.length);
      if (fate === 'swallow') return;
      if (fate === 'drop') connection.destroy();
      if (connection.isClosed || fate === 'drop') return;
      const { number } = request;
      const answer: ClientAnswer =
        typeof fate === 'object' ? { number, type: 'refused', refusal: fate } : this.#perform(request);
      if (fate === 'do-and-drop') {
        connection.destroy();
        return;
      }
      if (fate === 'do-with-next') continue;
      const message = encodeAnswer(fate === 'done-too-far' ? { ...answer, number: number + 7 } : answer);
      connection.send(message.kind, message.body);
    }
  }

  #perform(request: ClientRequest): ClientAnswer {
    const { number } = request;
    const name = 'key' in request ? Buffer.from(request.key).toString('latin1') : '';
    if (request.type === 'set') {
      this.nodes.set(name, Buffer.from(request.value));
      this.done.push(name);
      return { number, type: 'done' };
    }
    if (request.type === 'kill') {
      this.nodes.delete(name);
      return { number, type: 'done' };
    }
    if (request.type === 'increment') {
      const value = Buffer.from(String(Number(this.nodes.get(name) ?? 0) + Number(request.amount)));
      this.nodes.set(name, value);
      return { number, type: 'value', value };
    }
    if (request.type === 'scan') return this.#page(request);
    if (request.type === 'count') return { number, type: 'value', value: Buffer.from(String(this.nodes.size)) };
    return { number, type: 'value', value: this.nodes.get(name) ?? null };
  }

  #page(request: ClientRequest & { type: 'scan' }): ClientAnswer {
    const after = Buffer.from(request.after).toString('latin1');
    const names = [...this.nodes.keys()].sort().filter((name) => name > after);
    const limit = Math.min(request.limit, 7);
    const nodes = names
      .slice(0, limit)
      .map((name) => ({ key: Buffer.from(name, 'latin1'), value: this.nodes.get(name)! }));
    return { number: request.number, type: 'page', nodes, more: names.length > limit };
  }
}

/** Sets or gets of one message are as many requests. */
function eachOf(request: ClientRequest): readonly ClientRequest[] {
  if (request.type === 'gets') {
    const { number, database, keys } = request;
    return keys.map((key, index) => ({ type: 'get', number: number + index, database, key }));
  }
  if (request.type !== 'sets') return [request];
  const { number, database, level, sets } = request;
  return [...sets].map(({ key, value }, index) => ({
    type: 'set',
    number: number + index,
    database,
    ...(level === undefined ? {} : { level }),
    key,
    value,
  }));
}
