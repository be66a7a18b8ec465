/** `caretmirror global TARGET ...`: data, through the superserver. */
import type { Writable } from 'node:stream';
import type { Client } from '../client/client.ts';
import type { WriteLevel } from '../protocol/client-channel.ts';
import { canonicalLiteral } from '../protocol/decimal.ts';
import { decodeKey } from '../protocol/global-key.ts';
import { printReference } from '../protocol/global-reference.ts';
import { CommandFailure, failed, failureOf, usage } from './failures.ts';
import { isBinary } from './global-binary.ts';
import { ExportFile, exportRecords, placeIn } from './global-export.ts';
import { fileBlocks, importRecords } from './global-import.ts';
import { jsonText, jsonValue } from './global-records.ts';
import { ImportProgressFile } from './global-resume.ts';
import { connectTarget, keyOf, searchKey } from './global-target.ts';
import { runTransaction } from './global-transaction.ts';
import { json } from './output.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';
import { parseDuration, parseWhole } from './target.ts';

interface Options {
  readonly database?: string;
  readonly timeout: string;
  readonly json: boolean;
  readonly backward: boolean;
  readonly inFlight: string;
  readonly level: string;
  readonly fromDatabase?: string;
  readonly format?: string;
  readonly output?: string;
  readonly resume: boolean;
}

interface Work {
  readonly here: Surroundings;
  readonly client: Client;
  readonly target: string;
  readonly typed: string | undefined;
  readonly second: string | undefined;
  readonly options: Options;
}

/** What is typed after the word; `needs` = the first argument must be there. */
interface Operation {
  readonly usage: string;
  readonly description: string;
  readonly needs: 0 | 1 | 2;
  readonly run: (work: Work) => Promise<void>;
}

const operations: Readonly<Record<string, Operation>> = {
  set: { usage: 'set ^REFERENCE VALUE', description: 'set a node', needs: 2, run: set },
  get: { usage: 'get ^REFERENCE', description: 'its value', needs: 1, run: get },
  kill: { usage: 'kill ^REFERENCE', description: 'the node and everything below it', needs: 1, run: kill },
  increment: { usage: 'increment ^REFERENCE [AMOUNT]', description: '$INCREMENT', needs: 1, run: increment },
  data: { usage: 'data ^REFERENCE', description: '$DATA: 0, 1, 10 or 11', needs: 1, run: data },
  order: { usage: 'order ^REFERENCE', description: '$ORDER: the next subscript on this level', needs: 1, run: order },
  query: { usage: 'query ^REFERENCE', description: '$QUERY: the next node with a value', needs: 1, run: query },
  count: { usage: 'count [^REFERENCE]', description: 'nodes with a value at and below it', needs: 0, run: count },
  merge: { usage: 'merge ^TO ^FROM', description: 'MERGE: copy a subtree, as one transaction', needs: 2, run: merge },
  transaction: {
    usage: 'transaction FILE|-',
    description: 'lines of set, kill, increment, merge, lock: all or nothing',
    needs: 1,
    run: transaction,
  },
  export: {
    usage: 'export [^REFERENCE]',
    description: 'nodes in key order, as newline JSON or binary',
    needs: 0,
    run: exportNodes,
  },
  import: {
    usage: 'import FILE|-',
    description: 'newline JSON or binary; returns when all is durable',
    needs: 1,
    run: importFile,
  },
};

export const define: DefineGroup = (group, surroundings) => {
  const lines = Object.values(operations).map((each) => `  ${each.usage.padEnd(32)}${each.description}`);
  group
    .usage('<target> <operation> [argument...] [options]')
    .addHelpText('after', `\nOperations:\n${lines.join('\n')}`)
    .argument('<target>', 'an instance of this home, or mirror://HOST:PORT[,HOST:PORT]/MIRROR')
    .argument('<operation>', Object.keys(operations).join(', '))
    .argument('[argument...]')
    .option('--database <name>', 'mirror database or local one; else the only mirrored one')
    .option('--timeout <time>', 'how long to wait for a primary', '60s')
    .option('--backward', 'order, query: towards the beginning', false)
    .option('--in-flight <number>', 'import: records under way at once', '1024')
    .option('--level <level>', 'set, kill, increment, merge, transaction: durable, journaled or buffered', 'durable')
    .option('--from-database <name>', 'merge: where the source is, if elsewhere')
    .option('--format <format>', 'export: json or binary; import sees it by itself')
    .option('--output <file>', 'export: into this file, and with progress')
    .option('--resume', 'import, export: go on where it was cut off', false)
    .option('--json', 'one JSON document', false)
    .action(async (target: string, word: string, given: readonly string[], options: Options) => {
      const operation = operations[word];
      if (operation === undefined) throw usage(`no operation "${word}": ${Object.keys(operations).join(', ')}`);
      const [typed, second, ...more] = given;
      if (given.length < operation.needs || more.length > 0) throw usage(`global TARGET ${operation.usage}`);
      const here = await surroundings();
      const client = await connectTarget(here, target, {
        database: options.database,
        timeoutMs: parseDuration(options.timeout),
        window: parseWhole(options.inFlight, '--in-flight', 1, 65_536),
      });
      try {
        await operation.run({ here, client, target, typed, second, options });
      } finally {
        client.close();
      }
    });
};

async function set({ client, typed = '', second = '', options }: Work): Promise<void> {
  await client.set(keyOf(typed), Buffer.from(second), { level: levelOf(options) });
}

async function get({ here, client, typed = '', options }: Work): Promise<void> {
  const value = await client.get(keyOf(typed));
  if (options.json) here.print(json({ value: value === null ? null : jsonValue(value) }));
  else if (value === null) throw failed(`${typed} is not defined`);
  else here.print(`${Buffer.from(value).toString()}\n`);
}

async function kill({ client, typed = '', options }: Work): Promise<void> {
  await client.kill(keyOf(typed), { level: levelOf(options) });
}

async function increment({ here, client, typed = '', second = '1', options }: Work): Promise<void> {
  const amount = canonicalLiteral(second);
  if (amount === null) throw usage(`"${second}" is no number`);
  const value = await client.increment(keyOf(typed), amount, { level: levelOf(options) });
  here.print(options.json ? json({ value: jsonText(value) }) : `${value}\n`);
}

async function data({ here, client, typed = '', options }: Work): Promise<void> {
  const defined = await client.data(keyOf(typed));
  here.print(options.json ? json({ data: defined }) : `${defined}\n`);
}

/** At the end of the level an empty line, in JSON null. */
async function order({ here, client, typed = '', options }: Work): Promise<void> {
  const key = await client.order(searchKey(typed), options.backward ? 'backward' : 'forward');
  const found = key === null ? null : decodeKey(key);
  const next = found === null ? null : (found.subscripts.at(-1) ?? `^${found.global}`);
  if (!options.json) here.print(`${next ?? ''}\n`);
  else here.print(json({ subscript: next === null ? null : jsonText(next), reference: printed(key) }));
}

async function query({ here, client, typed = '', options }: Work): Promise<void> {
  if (typed.trim() === '^') throw usage('$QUERY stays in one global: give its name');
  const key = await client.query(searchKey(typed), options.backward ? 'backward' : 'forward');
  here.print(options.json ? json({ reference: printed(key) }) : `${printed(key) ?? ''}\n`);
}

function printed(key: Uint8Array | null): string | null {
  if (key === null) return null;
  const { global, subscripts } = decodeKey(key);
  return printReference(global, subscripts);
}

async function count({ here, client, typed, options }: Work): Promise<void> {
  const nodes = await client.count(typed === undefined ? new Uint8Array(0) : keyOf(typed));
  here.print(options.json ? json({ count: nodes }) : `${nodes}\n`);
}

/** As fast as the reader of standard output takes it, or into a file. */
async function exportNodes({ here, client, typed, options }: Work): Promise<void> {
  const { files } = here.host;
  const { output: path, format = 'json' } = options;
  if (format !== 'json' && format !== 'binary') throw usage(`--format is json or binary, not "${format}"`);
  if (path === undefined && options.resume) throw usage('--resume goes on with a file: say which with --output');
  const from = path !== undefined && options.resume ? placeIn(files, path, format) : null;
  const prefix = typed === undefined ? new Uint8Array(0) : keyOf(typed);
  const file = path === undefined ? null : new ExportFile(files, path, from);
  const total = file === null ? null : await client.count(prefix);
  const before = from?.records ?? 0;
  try {
    const records = await exportRecords(client, file ?? { write: (bytes) => written(here, bytes) }, {
      format,
      prefix,
      from,
      onProgress: (done, bytes, seconds) => {
        if (file !== null)
          here.tell(progressLine(done, seconds, bytes, total === null ? null : (before + done) / total));
      },
    });
    if (file === null) return;
    if (options.json) here.print(json({ records, before }));
    else here.tell(`${records} records written to ${path}${before > 0 ? `, behind ${before} that were there` : ''}`);
  } catch (error) {
    if (file === null) throw error;
    const { exitCode, message } = failureOf(error);
    throw new CommandFailure(exitCode, `${message}; go on with --resume`);
  } finally {
    file?.close();
  }
}

function written(here: Surroundings, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    (here.output as unknown as Writable).write(bytes, () => resolve());
  });
}

/** `share`: how much of the whole is done, 0 to 1; null = not known. */
function progressLine(records: number, seconds: number, bytes: number | null, share: number | null): string {
  const rate = `${records} records, ${Math.round(records / Math.max(seconds, 0.001))} a second`;
  const size = bytes === null ? '' : `, ${(bytes / 1_000_000).toFixed(1)} MB`;
  if (share === null || share <= 0) return rate + size;
  const left = Math.round((seconds / Math.min(share, 1)) * (1 - Math.min(share, 1)));
  return `${rate}${size}, ${Math.floor(Math.min(share, 1) * 100)} %, about ${left} s left`;
}

async function importFile({ here, client, typed = '', target, options }: Work): Promise<void> {
  const { files } = here.host;
  const inFlight = parseWhole(options.inFlight, '--in-flight', 1, 65_536);
  const isFile = typed !== '-';
  if (isFile && !files.exists(typed)) throw failed(`${typed} does not exist`);
  if (!isFile && options.resume) throw usage('--resume goes on with a file, not with standard input');
  const kept = isFile ? new ImportProgressFile(files, typed, target, options.database ?? '') : null;
  const from = (options.resume ? kept?.read() : undefined) ?? { offset: 0, records: 0 };
  if (from.offset > 0) here.tell(`going on behind ${from.records} records that are durable`);
  // Standard input is an async iterable of its chunks; a file is read block by block.
  const blocks = isFile ? fileBlocks(files, typed, from.offset) : (here.input as unknown as AsyncIterable<Uint8Array>);
  const result = await importRecords(client, blocks, {
    inFlight,
    offset: from.offset,
    isBinary: from.offset > 0 && isBinary(files.readStart(typed, 16) ?? new Uint8Array(0)),
    onProgress: ({ acknowledged, seconds, offset, acknowledgedAtOffset }) => {
      kept?.write({ offset, records: from.records + acknowledgedAtOffset });
      const share = kept === null ? null : (offset - from.offset) / Math.max(1, kept.bytes - from.offset);
      here.tell(progressLine(acknowledged, seconds, kept === null ? null : offset, share));
    },
  });
  kept?.remove();
  const { acknowledged, seconds, reconnects } = result;
  here.tell(
    `${acknowledged} records in ${seconds} s, ${Math.round(acknowledged / Math.max(seconds, 0.001))} a second, ${reconnects} reconnects`,
  );
  if (options.json) here.print(json(result));
}

async function merge({ here, client, typed = '', second = '', options }: Work): Promise<void> {
  const { fromDatabase } = options;
  const from = fromDatabase === undefined ? {} : { fromDatabase };
  const nodes = await client.merge(keyOf(typed), keyOf(second), { level: levelOf(options), ...from });
  here.print(options.json ? json({ nodes }) : `${nodes}\n`);
}

async function transaction({ here, client, typed = '', options }: Work): Promise<void> {
  const { files } = here.host;
  if (typed !== '-' && !files.exists(typed)) throw failed(`${typed} does not exist`);
  const parts: Uint8Array[] = [];
  if (typed !== '-') parts.push(files.readWhole(typed) ?? new Uint8Array(0));
  else for await (const part of here.input as unknown as AsyncIterable<Uint8Array>) parts.push(part);
  const updates = await runTransaction(client, Buffer.concat(parts).toString('utf8'), levelOf(options));
  if (options.json) here.print(json({ updates }));
  else here.tell(`${updates} lines done, as one transaction`);
}

const levels: readonly WriteLevel[] = ['durable', 'journaled', 'buffered'];

function levelOf({ level }: Options): WriteLevel {
  const found = levels.find((each) => each === level);
  if (found === undefined) throw usage(`--level is one of ${levels.join(', ')}, not "${level}"`);
  return found;
}
