/**
 * SET, KILL and $INCREMENT of applications: what stands against one, and where it goes then: into the batch for the journal, into the
 * connection's transaction, or at once into a database that is in no mirror.
 */
import type { Database } from '../database/databases.ts';
import type { JournalRecord } from '../journal/journal.ts';
import { globalValueBytesMax } from '../mirror/limits.ts';
import type { ClientRefusal } from '../protocol/client-channel.ts';
import { type ClientRequest, type EncodedMessage, encodeAnswer } from '../protocol/client-messages.ts';
import { addDecimal, NumberRangeError } from '../protocol/decimal.ts';
import { isKey } from '../protocol/global-key-check.ts';
import type { ClientConnection } from './client-connection.ts';
import { type FoundDatabase, refusalOf } from './database-lookup.ts';
import type { UpdateBatch } from './update-batch.ts';

export type UpdateRequest = ClientRequest & { readonly type: 'set' | 'kill' | 'increment' };
export type SetsRequest = ClientRequest & { readonly type: 'sets' };

export interface ClientUpdatesParts {
  readonly batch: UpdateBatch;
  /** Is this member a primary, with trouble or without? */
  readonly isPrimary: () => boolean;
  /** Why it takes no updates of the mirror. */
  readonly refusal: () => ClientRefusal;
}

const nothing = new Uint8Array(0);

export class ClientUpdates {
  readonly #parts: ClientUpdatesParts;
  readonly #batch: UpdateBatch;

  constructor(parts: ClientUpdatesParts) {
    this.#parts = parts;
    this.#batch = parts.batch;
  }

  update(client: ClientConnection, found: FoundDatabase, request: UpdateRequest): void {
    const { database, mirrored } = found;
    const { number, key, level = 'durable' } = request;
    const against = this.#against(found, request);
    if (against !== null) return client.refuse(number, against);
    const transaction = client.session?.transaction ?? null;
    const isHeld = transaction !== null && (request.type !== 'increment' || transaction.hasChanged(database, key));
    let value: Uint8Array = request.type === 'set' ? request.value : nothing;
    if (request.type === 'increment') {
      const present = isHeld ? client.session?.view(database).get(key) : this.#batch.newest(database, mirrored, key);
      try {
        value = Buffer.from(addDecimal(present == null ? '' : Buffer.from(present).toString('latin1'), request.amount));
      } catch (error) {
        if (!(error instanceof NumberRangeError)) throw error;
        return client.refuse(number, refusalOf('bad-value', error.message));
      }
    }
    const kind = request.type === 'kill' ? 'kill' : 'set';
    const answer = request.type === 'increment' ? value : null;
    if (isHeld) {
      const tooMuch = transaction.add([{ kind, database, mirrored, key, value }]);
      if (tooMuch !== null) return client.refuse(number, refusalOf('too-large', tooMuch));
      return client.whenTurn(() => answerTo(number, answer));
    }
    if (mirrored === null) return changeLocal(client, database, { number, kind, key, value, answer });
    // The frame's bytes are the connection's; a record outlives the turn only inside the journal.
    const record: JournalRecord = { kind, database: mirrored, key, value };
    this.#batch.add(client, database, record, number, level, answer);
  }

  #against(found: FoundDatabase, request: UpdateRequest): ClientRefusal | null {
    if (!isKey(request.key)) return refusalOf('bad-key', 'the key is not one of a global');
    if (request.type === 'set' && request.value.length > globalValueBytesMax) {
      return refusalOf('bad-value', `a value has at most ${globalValueBytesMax} bytes`);
    }
    if (found.mirrored !== null && !this.#parts.isPrimary()) return this.#parts.refusal();
    return found.noUpdates ?? (request.type === 'kill' ? null : found.noSets);
  }

  /** Sets of one message stay together where nothing stands against any of them; else each is an update of its own. */
  sets(client: ClientConnection, found: FoundDatabase | ClientRefusal, request: SetsRequest): void {
    const { number, database: name, level = 'durable', sets } = request;
    if (!('code' in found) && found.mirrored !== null && client.session?.transaction == null) {
      const { database, mirrored } = found;
      const isTaken = this.#parts.isPrimary() && (found.noUpdates ?? found.noSets) === null && sets.every(isSet);
      if (isTaken) {
        return this.#batch.addSets(client, database, { kind: 'sets', database: mirrored, sets }, number, level);
      }
    }
    let next = number;
    for (const { key, value } of sets) {
      if ('code' in found) client.refuse(next, found);
      else this.update(client, found, { type: 'set', number: next, database: name, level, key, value });
      next = (next + 1) >>> 0;
    }
  }
}

/** Would each of these sets be taken alone? */
function isSet(bytes: Buffer, keyAt: number, valueAt: number, end: number): boolean {
  return end - valueAt <= globalValueBytesMax && isKey(bytes, keyAt, valueAt);
}

interface LocalUpdate {
  readonly number: number;
  readonly kind: 'set' | 'kill';
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** The new value of an $INCREMENT. */
  readonly answer: Uint8Array | null;
}

function changeLocal(client: ClientConnection, database: Database, update: LocalUpdate): void {
  const { number, kind, key, value, answer } = update;
  const place = client.expectLocal();
  database.change([{ kind, key, value }]).then(
    () => client.answerLocal(place, answerTo(number, answer)),
    (error: Error) => {
      client.answerLocal(place, encodeAnswer({ number, type: 'refused', refusal: refusalOf('frozen', error.message) }));
    },
  );
}

function answerTo(number: number, value: Uint8Array | null): EncodedMessage {
  return value === null ? encodeAnswer({ number, type: 'done' }) : encodeAnswer({ number, type: 'value', value });
}
