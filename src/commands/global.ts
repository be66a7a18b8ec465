/** `caretmirror global TARGET ...`: data, through the superserver. */
import type { Client } from '../client/client.ts';
import { canonicalLiteral } from '../protocol/decimal.ts';
import { decodeKey } from '../protocol/global-key.ts';
import { printReference } from '../protocol/global-reference.ts';
import { failed, usage } from './failures.ts';
import { fileBlocks, importRecords } from './global-import.ts';
import { jsonText, jsonValue, printRecord } from './global-records.ts';
import { connectTarget, keyOf, searchKey } from './global-target.ts';
import { json } from './output.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';
import { parseDuration, parseWhole } from './target.ts';

interface Options {
  readonly database?: string;
  readonly timeout: string;
  readonly json: boolean;
  readonly backward: boolean;
  readonly inFlight: string;
}

interface Work {
  readonly here: Surroundings;
  readonly client: Client;
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
  export: { usage: 'export [^REFERENCE]', description: 'newline JSON in key order', needs: 0, run: exportRecords },
  import: {
    usage: 'import FILE|-',
    description: 'newline JSON; returns when all is durable',
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
        await operation.run({ here, client, typed, second, options });
      } finally {
        client.close();
      }
    });
};

async function set({ client, typed = '', second = '' }: Work): Promise<void> {
  await client.set(keyOf(typed), Buffer.from(second));
}

async function get({ here, client, typed = '', options }: Work): Promise<void> {
  const value = await client.get(keyOf(typed));
  if (options.json) here.print(json({ value: value === null ? null : jsonValue(value) }));
  else if (value === null) throw failed(`${typed} is not defined`);
  else here.print(`${Buffer.from(value).toString()}\n`);
}

async function kill({ client, typed = '' }: Work): Promise<void> {
  await client.kill(keyOf(typed));
}

async function increment({ here, client, typed = '', second = '1', options }: Work): Promise<void> {
  const amount = canonicalLiteral(second);
  if (amount === null) throw usage(`"${second}" is no number`);
  const value = await client.increment(keyOf(typed), amount);
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

const exportBlockLength = 64 * 1024;

/** As fast as the reader of standard output takes it. */
async function exportRecords({ here, client, typed }: Work): Promise<void> {
  let block = '';
  for await (const { key, value } of client.scan(typed === undefined ? new Uint8Array(0) : keyOf(typed))) {
    block += `${printRecord(key, value)}\n`;
    if (block.length < exportBlockLength) continue;
    await written(here, block);
    block = '';
  }
  await written(here, block);
}

function written(here: Surroundings, text: string): Promise<void> {
  return new Promise((resolve) => {
    here.output.write(text, () => resolve());
  });
}

async function importFile({ here, client, typed = '', options }: Work): Promise<void> {
  const { files } = here.host;
  if (typed !== '-' && !files.exists(typed)) throw failed(`${typed} does not exist`);
  // Standard input is an async iterable of its chunks; a file is read block by block.
  const blocks = typed === '-' ? (here.input as unknown as AsyncIterable<Uint8Array>) : fileBlocks(files, typed);
  const inFlight = parseWhole(options.inFlight, '--in-flight', 1, 65_536);
  const result = await importRecords(client, blocks, {
    inFlight,
    onProgress: (_records, acknowledged, seconds) => {
      here.tell(`${acknowledged} records, ${Math.round(acknowledged / seconds)} a second`);
    },
  });
  const { acknowledged, seconds, reconnects } = result;
  here.tell(
    `${acknowledged} records in ${seconds} s, ${Math.round(acknowledged / Math.max(seconds, 0.001))} a second, ${reconnects} reconnects`,
  );
  if (options.json) here.print(json(result));
}
