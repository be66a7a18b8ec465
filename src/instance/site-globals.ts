/**
 * Globals for the site's code in one call of an entry point (host/site-code.ts, SiteGlobals): reads from the databases, updates
 * by the only road there is, the journal. One after the other in the order of the calls, so that each sees what the calls
 * before it did; updates that came in together are one batch.
 */
import type { Database } from '../database/databases.ts';
import type { SiteRequest, SiteValue } from '../host/site-code.ts';
import type { JournalRecord } from '../journal/journal.ts';
import { globalValueBytesMax } from '../mirror/limits.ts';
import type { Checked } from '../mirror/mirror-set.ts';
import type { MirrorDatabaseName } from '../mirror/terms.ts';
import { addDecimal, canonicalLiteral } from '../protocol/decimal.ts';
import { decodeKey, encodeKey, encodeSearchKey, type GlobalReference } from '../protocol/global-key.ts';
import { parseReference, parseSearchReference, printReference } from '../protocol/global-reference.ts';
import { type ReadRequest, read } from './client-reads.ts';
import type { CatalogEntry } from './parts.ts';

export interface SiteGlobalsParts {
  readonly entries: () => readonly CatalogEntry[];
  readonly isPrimary: () => boolean;
  /** Null, or why the site may not write now (FO-066). */
  readonly refusal: () => string | null;
  /** Append to the journal; resolves when it is durable and in the databases. */
  readonly append: (records: readonly JournalRecord[]) => Promise<unknown>;
}

interface Asked {
  readonly request: SiteRequest;
  readonly done: (value: SiteValue) => void;
  readonly fail: (error: unknown) => void;
}

interface Place {
  readonly database: Database;
  readonly mirrored: MirrorDatabaseName;
  readonly key: Uint8Array;
}

/** What may be wrong with a request: its author reads it. */
class SiteRequestError extends Error {}

const nothing = new Uint8Array(0);

export class SiteDesk {
  readonly #parts: SiteGlobalsParts;
  #asked: Asked[] = [];
  #isServing = false;
  #isClosed = false;

  constructor(parts: SiteGlobalsParts) {
    this.#parts = parts;
  }

  answer(request: SiteRequest): Promise<SiteValue> {
    return new Promise((done, fail) => {
      this.#asked.push({ request, done, fail });
      void this.#serve();
    });
  }

  /** The call has ended: what waits is let go. */
  close(): void {
    this.#isClosed = true;
    this.#asked = [];
  }

  async #serve(): Promise<void> {
    if (this.#isServing) return;
    this.#isServing = true;
    while (this.#asked.length > 0) {
      // What arrives in this turn of the event loop comes along.
      await new Promise((resolve) => setImmediate(resolve));
      const batch = this.#nextBatch();
      if (isUpdate(batch[0]?.request)) await this.#update(batch);
      else for (const each of batch) this.#settle(each, () => this.#read(each.request));
    }
    this.#isServing = false;
  }

  /** All updates, or all reads, until the other kind comes; an $INCREMENT needs the present value and goes alone. */
  #nextBatch(): readonly Asked[] {
    const first = this.#asked[0]?.request;
    const isAlone = first?.ask === 'increment';
    const other = this.#asked.findIndex(
      ({ request }) => request.ask === 'increment' || isUpdate(request) !== isUpdate(first),
    );
    return this.#asked.splice(0, isAlone ? 1 : other < 0 ? this.#asked.length : other);
  }

  #settle(asked: Asked, value: () => SiteValue): void {
    try {
      asked.done(value());
    } catch (error) {
      asked.fail(error);
    }
  }

  async #update(batch: readonly Asked[]): Promise<void> {
    const taken: { readonly asked: Asked; readonly record: JournalRecord }[] = [];
    for (const asked of batch) {
      try {
        taken.push({ asked, record: this.#recordOf(asked.request) });
      } catch (error) {
        asked.fail(error);
      }
    }
    if (taken.length === 0 || this.#isClosed) return;
    try {
      await this.#parts.append(taken.map(({ record }) => record));
      for (const { asked, record } of taken) {
        asked.done(asked.request.ask === 'increment' ? Buffer.from(record.value).toString('latin1') : undefined);
      }
    } catch (error) {
      for (const { asked } of taken) asked.fail(error);
    }
  }

  #recordOf({ ask, given }: SiteRequest): JournalRecord {
    const refusal = this.#parts.refusal();
    if (refusal !== null) throw new SiteRequestError(`globals.${ask}: ${refusal}`);
    const [reference, second] = given;
    const { database, mirrored, key } = this.#placeOf(given, parseReference, encodeKey, ask === 'kill' ? 1 : 2);
    if (ask === 'kill') return { kind: 'kill', database: mirrored, key, value: nothing };
    if (ask === 'set') return { kind: 'set', database: mirrored, key, value: bytesOf(second) };
    const present = database.get(key);
    const amount = canonical(second ?? 1);
    if (amount === null)
      throw new SiteRequestError(`globals.increment of ${String(reference)}: the amount is no number`);
    const sum = addDecimal(present === undefined ? '' : Buffer.from(present).toString('latin1'), amount);
    return { kind: 'set', database: mirrored, key, value: Buffer.from(sum, 'latin1') };
  }

  #read({ ask, given }: SiteRequest): SiteValue {
    if (ask === 'isPrimary') return this.#parts.isPrimary();
    if (ask === 'order' || ask === 'query') {
      const { database, key } = this.#placeOf(given, parseSearchReference, encodeSearchKey, 1);
      const direction = optionsOf(given, 1).direction === 'backward' ? 'backward' : 'forward';
      const found = valueIn(database, { type: ask, number: 0, database: '', key, direction });
      if (found === null) return null;
      const { global, subscripts } = decodeKey(found);
      return printReference(global, subscripts);
    }
    const { database, key } = this.#placeOf(given, parseReference, encodeKey, 1);
    if (ask !== 'get' && ask !== 'data') throw new SiteRequestError(`there is no globals.${ask}`);
    const found = valueIn(database, { type: ask, number: 0, database: '', key });
    const text = found === null ? null : Buffer.from(found).toString('utf8');
    return ask === 'data' ? Number(text) : text;
  }

  /** Node and database of a call whose options stand at `optionsAt`. */
  #placeOf(
    given: readonly unknown[],
    parse: (typed: string) => Checked<GlobalReference>,
    encode: (global: string, subscripts: readonly string[]) => Uint8Array,
    optionsAt: number,
  ): Place {
    const [typed] = given;
    if (typeof typed !== 'string') throw new SiteRequestError('a global reference is text, as in ^CITY("FR",75)');
    const parsed = parse(typed);
    if (!parsed.ok) throw new SiteRequestError(parsed.text);
    const wanted = optionsOf(given, optionsAt).database;
    const place = this.#databaseOf(wanted === undefined ? '' : String(wanted).toUpperCase());
    return { ...place, key: encode(parsed.value.global, parsed.value.subscripts) };
  }

  #databaseOf(wanted: string): Omit<Place, 'key'> {
    const mirrored = this.#parts.entries().filter(({ configuration }) => configuration.mirrorDatabase !== null);
    const found = mirrored.filter(
      ({ configuration: { name, mirrorDatabase } }) => wanted === '' || wanted === mirrorDatabase || wanted === name,
    );
    const [entry, another] = found;
    if (entry === undefined) throw new SiteRequestError(`there is no mirrored database ${wanted}`.trim());
    const { mirrorDatabase, name } = entry.configuration;
    if (another !== undefined && wanted === '') {
      throw new SiteRequestError('there are several mirrored databases: say which, as in {database: "SALES"}');
    }
    if (entry.database === null || mirrorDatabase === null || !['Normal', 'Dejournaling'].includes(entry.status)) {
      throw new SiteRequestError(`database ${name} cannot be used now: ${entry.status}`);
    }
    return { database: entry.database, mirrored: mirrorDatabase };
  }
}

function isUpdate(request: SiteRequest | undefined): boolean {
  return request !== undefined && ['set', 'kill', 'increment'].includes(request.ask);
}

function optionsOf(
  given: readonly unknown[],
  at: number,
): { readonly database?: unknown; readonly direction?: unknown } {
  const options = given[at];
  return typeof options === 'object' && options !== null ? options : {};
}

function valueIn(database: Database, request: ReadRequest): Uint8Array | null {
  const answer = read(database, request);
  return answer.type === 'value' ? answer.value : null;
}

function bytesOf(value: unknown): Uint8Array {
  const text = typeof value === 'number' ? canonical(value) : value;
  const bytes = typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
  if (!(bytes instanceof Uint8Array)) throw new SiteRequestError('a value is text, a number or bytes');
  if (bytes.length > globalValueBytesMax)
    throw new SiteRequestError(`a value has at most ${globalValueBytesMax} bytes`);
  return bytes;
}

function canonical(value: unknown): string | null {
  return typeof value === 'number' || typeof value === 'string' ? canonicalLiteral(String(value)) : null;
}
